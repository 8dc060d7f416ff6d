// What has no room: a spec that is too large, found before its rules are evaluated, which takes 20 ms for 100 KB; or a full shard.
import type { ClientFault } from '@nauthera/rules/client-fault'
import { maxVersionBytes } from '@nauthera/rules/limits'
import { tooLarge } from '@nauthera/rules/version-size'
import type { OIDCClient } from '../../api/oidc-client.ts'

/** What is full, for a client that is not too large itself. */
export type NoRoom =
  /** Its shard is full. */
  | 'shard'
  /** The quota of its namespace in that shard is used up. */
  | 'namespace'
  /** That of its whole joined cluster is. */
  | 'cluster'

/** Fields that servers get unchanged (metadata.ts). */
const toldFields = [
  'redirectURIs',
  'postLogoutRedirectURIs',
  'corsOrigins',
  'scopes',
  'audiences',
  'contacts',
  'claims',
  'auth',
  'access',
  'displayName',
  'description',
] as const

/** @returns the fault of a client that is certainly too large. A client just over the limit is found when it is rendered (judge.ts) */
export function sizeFaultOf({ spec, metadata }: Pick<OIDCClient, 'spec' | 'metadata'>): ClientFault | undefined {
  if (metadata.refused !== undefined)
    return { field: 'spec', code: 'CLIENT_METADATA_INVALID', message: metadata.refused }
  const bytes = textBytes(toldFields.map((field) => spec[field]))
  return bytes > maxVersionBytes ? tooLarge(bytes) : undefined
}

/** @param value may be nested too deeply for recursion
 *  @returns bytes of all texts in it, keys of objects left out */
function textBytes(value: unknown): number {
  let bytes = 0
  const open = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next === 'string') bytes += Buffer.byteLength(next)
    else if (typeof next === 'object' && next !== null) open.push(...Object.values(next))
  }
  return bytes
}
