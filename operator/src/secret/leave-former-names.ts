import { asError } from '@nauthera/runtime/coded-error'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { SecretOutcome } from '../decide/secret/secret-outcome.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import { formerNames, removeFormerSecrets } from './former-names.ts'
import type { Memory } from './look.ts'

export interface FormerNames {
  /** Former names that may still have a Secret of ours, newest first. */
  readonly names: readonly string[]
  /** Why the Secrets there could not be removed. */
  readonly failure?: Error
}

/** Removes our Secrets under former names, once the Secret is ready under its present name. */
export async function removeAtFormerNames(
  needs: { secrets: Pick<SecretStore, 'read' | 'remove'>; home: { namespace: string; release: string } },
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
