import { labels } from '@nauthera/proto/names'
import { Secret } from '@nauthera/runtime/secret'
import { federatedMethod } from '@nauthera/rules/client-authentication'
import { authMethodOf } from '../api/in-effect.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { SecretSource } from '../decide/secret/rotation-terms.ts'
import { present } from '../decide/client/present.ts'
import { identifySecret } from '../decide/secret/secret-id.ts'
import { isForbidden } from '../kubernetes/api-error.ts'
import { versionOf } from '../kubernetes/conditional-write.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'

/** A Secret as it was when last read or written. */
export interface SeenSecret {
  readonly name: string
  /** Of versionOf; undefined when there was none. */
  readonly version: string | undefined
}

/** Where a client's secret comes from. */
export interface ReadSource {
  readonly source: SecretSource
  /** The value that existingSecretRef names. */
  readonly given: Secret | undefined
  /** Why there is none, for the status. */
  readonly missing: string | undefined
  /** The version of the Secret that existingSecretRef names. */
  readonly seen?: SeenSecret
}

export interface SecretNeed {
  /** Whether the version for servers authenticates with a secret. */
  readonly needsSecret: boolean
  /** Whether every replica serves that version. */
  readonly isTaken: boolean
}

const without = (source: SecretSource, missing?: string): ReadSource => ({ source, given: undefined, missing })

/** Decides where the client's secret comes from, and reads the Secret of existingSecretRef. A Secret without the label counts as missing:
 *  its owner did not allow the use. */
export async function readSource(
  secrets: Pick<SecretStore, 'read'>,
  client: OIDCClient,
  { needsSecret, isTaken }: SecretNeed,
): Promise<ReadSource> {
  const reference = client.spec.secret?.existingSecretRef
  if (authMethodOf(client.spec) === federatedMethod) return without({ kind: 'leaving', isTaken })
  if (!needsSecret) return without(isTaken ? { kind: 'none' } : { kind: 'leaving', isTaken })
  if (!reference) return without({ kind: 'minted' })
  let seen: SeenSecret | undefined
  const missing = (why: string): ReadSource => ({
    ...without({ kind: 'existing', secret: undefined }, why),
    ...present({ seen }),
  })
  let object: SecretObject | undefined
  try {
    object = await secrets.read(client.metadata.namespace, reference.name)
  } catch (error) {
    if (isForbidden(error))
      return missing(
        `the operator is not allowed to read Secret ${reference.name}; compare its RBAC with the Role of the chart`,
      )
    throw error
  }
  const wantedLabel = `${labels.client}: ${client.metadata.name}`
  seen = { name: reference.name, version: object && versionOf(object) }
  if (!object) return missing(`Secret ${reference.name} does not exist; create it with label ${wantedLabel}`)
  if (object.metadata.labels?.[labels.client] !== client.metadata.name) {
    return missing(`Secret ${reference.name} must have the label ${wantedLabel}, which allows this client to use it`)
  }
  const value = Buffer.from(object.data?.[reference.key] ?? '', 'base64').toString('utf8')
  if (!/^[\x21-\x7e]{32,512}$/.test(value)) {
    return missing(`Secret ${reference.name}, key ${reference.key}: must be 32 to 512 printable characters`)
  }
  const given = new Secret(value)
  return { source: { kind: 'existing', secret: identifySecret(given) }, given, missing: undefined, seen }
}
