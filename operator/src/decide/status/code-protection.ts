// Finds faults in a client's requests from the replicas' reports: no PKCE and no nonce, an unlisted scope, or its secret in two places.
import type { Condition } from '../../api/client-status.ts'
import { findCondition } from '../../api/conditions.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { presetRow } from '../../api/presets.ts'
import type { CodeUse } from './observations.ts'

/** A fault counts as fixed when a good code is this much later than the last bad one. Two programs may share a client, and reported times
 *  are exact to an hour. Milliseconds. */
const mendedAfterMs = 7_200_000

const lasts = (faultAt: number, rightAt: number): boolean => faultAt > 0 && rightAt < faultAt + mendedAfterMs

/** @returns whether the last codes had neither PKCE nor a nonce */
export const lacksProtection = ({ protectedAt, unprotectedAt }: CodeUse): boolean => lasts(unprotectedAt, protectedAt)

/** @returns whether the last requests had the secret in the header and in the body */
export const showsTwice = ({ secretOnceAt, secretTwiceAt }: CodeUse): boolean => lasts(secretTwiceAt, secretOnceAt)

/** @returns the scopes that recent requests asked for and the served version did not list */
export function scopesLeftOut({ leftOut, wholeAt }: CodeUse): readonly string[] {
  // a request with another unlisted scope did not ask for this one
  const lastAt = Math.max(wholeAt, ...leftOut.values())
  return [...leftOut].filter(([, at]) => lasts(at, lastAt)).map(([scope]) => scope)
}

/** @returns undefined while every code was protected. The status stays until replicas report more. */
export const codesLack = (client: OIDCClient, codes: CodeUse | undefined): boolean | undefined =>
  lastsAt(client, 'CodeProtected', { faultAt: codes?.unprotectedAt, rightAt: codes?.protectedAt })

/** @returns undefined while every request had the secret once. The status stays until replicas report more. */
export const secretIsTwice = (client: OIDCClient, codes: CodeUse | undefined): boolean | undefined =>
  lastsAt(client, 'SecretShownOnce', { faultAt: codes?.secretTwiceAt, rightAt: codes?.secretOnceAt })

function lastsAt(
  client: OIDCClient,
  condition: string,
  seen: { readonly faultAt: number | undefined; readonly rightAt: number | undefined },
): boolean | undefined {
  const known = findCondition(client.status, condition)
  const faultAt = seen.faultAt || saidAt(known)
  if (faultAt === 0) return known && known.status === 'False'
  return lasts(faultAt, seen.rightAt ?? 0)
}

/** @param listed by the version that is to be served
 *  @returns the unlisted scopes that programs request, or the last condition while replicas report nothing; undefined when there are none */
export function unlistedScopes(
  client: OIDCClient,
  codes: CodeUse | undefined,
  listed: readonly string[],
): readonly string[] | Condition | undefined {
  if (codes !== undefined && codes.leftOut.size > 0)
    return scopesLeftOut(codes).filter((scope) => !listed.includes(scope))
  const known = findCondition(client.status, 'ScopesListed')
  if (known?.status === 'True') return known
  // of another version: what it listed is not known here
  if (known?.observedGeneration !== client.metadata.generation) return undefined
  return lasts(saidAt(known), codes?.wholeAt ?? 0) ? known : []
}

/** Whether there is a fault that a later request may show to be fixed. */
export function hasFault(client: OIDCClient, codes: CodeUse | undefined, listed: readonly string[]): boolean {
  const unlisted = unlistedScopes(client, codes, listed) ?? []
  if (codesLack(client, codes) === true || secretIsTwice(client, codes) === true) return true
  return 'type' in unlisted ? unlisted.status === 'False' : unlisted.length > 0
}

const saidAt = (known: Condition | undefined): number =>
  known?.status === 'False' ? Date.parse(known.lastTransitionTime) : 0

/** @returns what its owner can do */
export function pkceHint({ secret }: OIDCClient['spec']): string {
  const row = secret?.presets?.map(presetRow).find(({ pkce }) => pkce !== undefined)
  return row === undefined
    ? 'turn PKCE (S256) on in the program; docs/integrations names the setting for many programs'
    : `turn PKCE on in the program: ${row.pkce} (docs/integrations/${row.page}.md)`
}
