// Whether the codes of a client are protected, by what replicas saw of them.
import type { OIDCClient } from '../api/oidc-client.ts'
import type { CodeUse } from './outcome.ts'
import { presetPkce } from './presets.ts'

/** So much later than the last one that lacked it, a protected code shows that the program was mended. Two programs that share a client would
 *  else change the status in turns; and replicas tell times to within an hour. */
const mendedAfterMs = 7_200_000

/** @returns whether the last codes had neither PKCE nor a nonce */
export const lacksProtection = ({ protectedAt, unprotectedAt }: CodeUse): boolean =>
  unprotectedAt > 0 && protectedAt < unprotectedAt + mendedAfterMs

/** @returns undefined while no code was seen without protection. What the status said before stays until replicas have seen more. */
export function codesLack({ status }: OIDCClient, codes: CodeUse | undefined): boolean | undefined {
  const known = status?.conditions?.find(({ type }) => type === 'CodeProtected')
  const saidAt = known?.status === 'False' ? Date.parse(known.lastTransitionTime) : 0
  const unprotectedAt = codes?.unprotectedAt || saidAt
  if (unprotectedAt === 0) return known && known.status === 'False'
  return lacksProtection({ protectedAt: codes?.protectedAt ?? 0, unprotectedAt })
}

/** @returns what its owner can do */
export function pkceHint({ secret }: OIDCClient['spec']): string {
  const option = secret?.presets?.map(presetPkce).find((one) => one !== undefined)
  return option === undefined
    ? 'turn PKCE (S256) on in the program; docs/programs.md names the option of many'
    : `turn PKCE on in the program: ${option}`
}
