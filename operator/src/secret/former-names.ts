// Finds and removes the Secret under former names, after spec.secret.name changed.
import { keysSecretName, linkSecretName, manifestSecretName } from '@nauthera/proto/names'
import { asError } from '@nauthera/runtime/coded-error'
import type { OIDCClient } from '../api/oidc-client.ts'
import { secretNameOf } from '../decide/secret/secret.ts'
import type { SecretOutcome } from '../decide/secret/secret-outcome.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { Memory } from './look.ts'
import { isOwned } from './read-secret.ts'

interface Home {
  readonly namespace: string
  readonly release: string
}

export interface FormerNames {
  /** Former names that may still have a Secret of ours, newest first. */
  readonly names: readonly string[]
  /** Why the Secrets there could not be removed. */
  readonly failure?: Error
}

/** Removes our Secrets under former names, once the Secret is ready under its present name. */
export async function removeAtFormerNames(
  needs: { secrets: Pick<SecretStore, 'read' | 'remove'>; home: Home },
  client: OIDCClient,
  memory: Pick<Memory, 'names'>,
  secret: SecretOutcome,
): Promise<FormerNames> {
  const names = formerNames(client, memory.names, needs.home)
  if (names.length === 0 || secret.kind !== 'ready') return { names }
  try {
    const left = await removeFormerSecrets(needs.secrets, client, names)
    for (const name of names) if (!left.includes(name)) memory.names.delete(name)
    return { names: left }
  } catch (error) {
    return { names, failure: asError(error) }
  }
}

/** @param names other names that were used since the last status
 *  @returns former names that may still have the client's Secret, newest first */
export function formerNames(client: OIDCClient, names: Iterable<string>, home: Home): readonly string[] {
  const all = new Set([...[...names].toReversed(), client.status?.secret?.name ?? secretNameOf(client)])
  return [...all].filter(
    (name) => name !== secretNameOf(client) && !isReservedName(client.metadata.namespace, name, home),
  )
}

/** Removes our Secrets under former names.
 *  @returns the names that still have a Secret, after a conflict */
async function removeFormerSecrets(
  secrets: Pick<SecretStore, 'read' | 'remove'>,
  client: OIDCClient,
  former: readonly string[],
): Promise<readonly string[]> {
  const left: string[] = []
  for (const name of former) {
    const object = await secrets.read(client.metadata.namespace, name)
    if (object && isOwned(object, client) && !(await secrets.remove(object))) left.push(name)
  }
  return left
}

/** @returns whether the name is of one of the release's own Secrets */
export function isReservedName(namespace: string, name: string, home: Home): boolean {
  if (namespace !== home.namespace) return false
  const { release } = home
  const own = [linkSecretName(release), keysSecretName(release), manifestSecretName(release)]
  return own.includes(name) || name.startsWith(`${release}-clients-`)
}
