// Whether a spec is too large for any client, found without a look at its rules: to ask them of 100 KB takes 20 ms.
import type { ClientFault } from '@nauthera/rules/client-fault'
import { maxVersionBytes } from '@nauthera/rules/limits'
import { tooLarge } from '@nauthera/rules/version-size'
import type { OIDCClient } from '../../api/oidc-client.ts'

/** Fields whose texts are told to servers as they are (metadata.ts). */
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

/** @returns the fault of a client that is too large whatever else it says. One that only just is, is found when it is rendered
 *    (judge.ts) */
export function sizeFaultOf({ spec }: Pick<OIDCClient, 'spec'>): ClientFault | undefined {
  const bytes = textBytes(toldFields.map((field) => spec[field]))
  return bytes > maxVersionBytes ? tooLarge(bytes) : undefined
}

/** @param value may be nested too deeply for a function that calls itself
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
