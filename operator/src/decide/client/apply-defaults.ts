// Applies the defaults of policies to a client.
import type { SecretWay } from '@nauthera/rules/client-authentication'
import { meaningOf } from '@nauthera/rules/client-types'
import { usualTokenLife } from '@nauthera/rules/limits'
import { definedOf } from '@nauthera/runtime/json'
import { authMethodOf, hasDatedSecret } from '../../api/in-effect.ts'
import { durationMs, durationText } from '../../api/duration.ts'
import type { OIDCClient, OIDCClientSpec } from '../../api/oidc-client.ts'
import type { OIDCPolicySpec } from '../../api/oidc-policy.ts'
import { openersOf, waysUnder } from './policies.ts'
import type { BindingPolicies } from './policies.ts'

/** A client under its policies. */
export interface Effective {
  /** With the defaults of the policies. */
  readonly client: OIDCClient
  /** Of each policy that wants one; its clients rotate by schedule one after the other. */
  readonly spacings: readonly PolicySpacing[]
  /** The longest life of a previous secret beside the new one. */
  readonly maxOverlapMs: number
}

/** The least time between two rotations by schedule, of any clients that the policy binds. */
export interface PolicySpacing {
  readonly policy: string
  /** Milliseconds, above 0. */
  readonly ms: number
}

/** @returns the longest of them, milliseconds; 0 without one */
export const longestSpacing = (spacings: readonly PolicySpacing[]): number =>
  Math.max(0, ...spacings.map(({ ms }) => ms))

const defaultMaxOverlapMs = 168 * 3_600_000

/** Applies the defaults of the policies. checkPolicies sees the result, so only a duration that the client wrote itself can exceed a
 *  limit. */
export function applyDefaults(client: OIDCClient, policies: BindingPolicies): Effective {
  const { spec } = client
  const rotation = rotationOf(spec, policies)
  const tokens = tokensOf(spec, policies)
  const method = methodOf(spec, policies)
  const pkce = pkceUnder(spec, policies)
  const presets = spec.secret?.presets ?? first(policies, ({ defaults }) => defaults?.secret?.presets)
  const effective: OIDCClientSpec = {
    ...spec,
    ...(Object.keys(rotation).length > 0 ? { rotation } : {}),
    ...(Object.keys(tokens).length > 0 ? { tokens } : {}),
    ...(method ? { auth: { ...spec.auth, method } } : {}),
    ...(pkce ? { pkce } : {}),
    ...(presets ? { secret: { ...spec.secret, presets } } : {}),
  }
  const bounds = policies.map(({ spec: policy }) => policy.rotation)
  return {
    client: { ...client, spec: effective },
    spacings: policies.flatMap(({ name, spec: policy }) => {
      const ms = durationMs(policy.rotation?.minSpacing) ?? 0
      return ms > 0 ? [{ policy: name, ms }] : []
    }),
    maxOverlapMs: Math.min(
      defaultMaxOverlapMs,
      ...bounds.map((bound) => durationMs(bound?.maxOverlap) ?? defaultMaxOverlapMs),
    ),
  }
}

/** Narrows `client_secret` to the one way that every policy lists.
 *  @returns undefined when nothing is narrowed: policies list both ways, or none (checkPolicies then refuses) */
function methodOf(spec: OIDCClientSpec, policies: BindingPolicies): SecretWay | undefined {
  if (authMethodOf(spec) !== 'client_secret') return undefined
  const ways = waysUnder(policies)
  return ways.length === 1 ? ways[0] : undefined
}

/** The default of PKCE is what policies require. Another value is a violation (checkPolicies). */
function pkceUnder(spec: OIDCClientSpec, policies: BindingPolicies): 'Required' | undefined {
  const isRequired = policies.some(({ spec: policy }) => policy.require?.pkce === true)
  return isRequired && spec.pkce === undefined && meaningOf(spec.type).redirects ? 'Required' : undefined
}

/** Policies set a rotation only for a secret that the operator mints. */
function rotationOf(spec: OIDCClientSpec, policies: BindingPolicies): NonNullable<OIDCClientSpec['rotation']> {
  const own = { ...spec.rotation }
  if (!hasDatedSecret(spec)) return own
  const given = <K extends 'interval' | 'overlap' | 'window'>(field: K) =>
    first(policies, ({ defaults }) => defaults?.rotation?.[field])
  const interval = own.interval ?? given('interval')
  const overlap = own.overlap ?? fitting(overlapUnder(given('overlap'), policies), interval)
  const window = own.window ?? (interval === undefined ? undefined : given('window'))
  return { ...own, ...definedOf({ interval, overlap, window }) }
}

function tokensOf(spec: OIDCClientSpec, policies: BindingPolicies): NonNullable<OIDCClientSpec['tokens']> {
  const given = <K extends 'accessTTL' | 'idTTL' | 'refreshTTL' | 'format' | 'idClaims'>(field: K) =>
    first(policies, ({ defaults }) => defaults?.tokens?.[field])
  const tokens = {
    accessTTL: atMost(given('accessTTL'), 'access', policies),
    idTTL: atMost(given('idTTL'), 'id', policies),
    refreshTTL: atMost(given('refreshTTL'), 'refresh', policies),
    format: given('format'),
    // FAPI 2.0 fixes these values
    idClaims: spec.profile === 'FAPI2' ? undefined : given('idClaims'),
  }
  return { ...definedOf(tokens), ...spec.tokens }
}

/** A default never exceeds the limit of any policy.
 *  @param given what a policy has as its default */
function atMost(
  given: string | undefined,
  token: keyof typeof usualTokenLife,
  policies: BindingPolicies,
): string | undefined {
  const limits = policies
    .map(({ spec }) => durationMs(spec.limits?.tokens?.[token]))
    .filter((limit) => limit !== undefined)
  const limit = Math.min(...limits)
  const wouldHold = durationMs(given) ?? usualTokenLife[token] * 1000
  return limit < wouldHold ? durationText(limit) : given
}

/** @returns the value of the policy with the highest priority that has one */
function first<T>(policies: BindingPolicies, pick: (policy: OIDCPolicySpec) => T | undefined): T | undefined {
  return openersOf(policies)
    .map(({ spec }) => pick(spec))
    .find((value) => value !== undefined)
}

/** @returns a default overlap, at most as long as every policy allows */
function overlapUnder(given: string | undefined, policies: BindingPolicies): string | undefined {
  const limits = policies.flatMap(({ spec }) => durationMs(spec.rotation?.maxOverlap) ?? [])
  const most = Math.min(...limits)
  return (durationMs(given) ?? 0) > most ? durationText(most) : given
}

/** Drops a default overlap that is longer than the client's interval: every rotation would wait. The overlap is then half the interval. */
function fitting(overlap: string | undefined, interval: string | undefined): string | undefined {
  const [overlapMs, intervalMs] = [durationMs(overlap), durationMs(interval)]
  return overlapMs !== undefined && intervalMs !== undefined && overlapMs > intervalMs ? undefined : overlap
}
