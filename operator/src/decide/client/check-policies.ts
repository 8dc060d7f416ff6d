// Checks a client against its policies: the rules of each (policy-rules.ts), and what several of them, or none, come to.
import { clusterLimits } from '@nauthera/rules/limits'
import { authMethodOf } from '../../api/in-effect.ts'
import type { OIDCCluster } from '../../api/oidc-cluster.ts'
import { durationMs } from '../../api/duration.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import type { OIDCPolicySpec } from '../../api/oidc-policy.ts'
import { judgedFields } from './judged-fields.ts'
import {
  bindingOf,
  defaultClientLimit,
  isAllowed,
  isMethodAllowed,
  isNamedWhereNeeded,
  openersOf,
  waysUnder,
} from './policies.ts'
import type { BindingPolicies, PolicyGate, NamedPolicy, Policies } from './policies.ts'
import { policyRules } from './policy-rules.ts'
import type { PolicyRule } from './policy-rules.ts'

export interface Violation {
  readonly policy: string
  readonly enforcement: 'Deny' | 'Warn' | 'Audit'
  /** The grace period, milliseconds. */
  readonly graceMs: number
  readonly field: string
  readonly message: string
}

const defaultGraceMs = 24 * 3_600_000

/** A violation of a binding policy is a Deny; one of a watching policy has that policy's enforcement.
 *  @param client with defaults applied
 *  @param isFull whether its tenant has no place for it under a limits.clientsPerNamespace */
export function checkPolicies(
  client: OIDCClient,
  policies: Policies,
  isFull: (limit: number) => boolean = () => false,
): readonly Violation[] {
  const binding = bindingOf(policies)
  return [
    ...checkUnsaid(client, binding),
    ...checkWays(client, binding),
    ...checkIdentifier(client, binding),
    ...policies.flatMap((policy) =>
      [
        ...brokenRules(client, policy.spec).map(({ field, message }): Finding => [field, message(policy.spec)]),
        ...checkCount(policy.spec.limits?.clientsPerNamespace, isFull),
      ].map(([field, message]) => violation(policy, field, message)),
    ),
    ...checkCount(defaultClientLimit(binding), isFull).map(([field, message]) =>
      violation(unsaid(binding), field, message),
    ),
  ]
}

/** The policy to name when no binding policy mentions a field: the baseline, also when it only watches. */
function unsaid(binding: BindingPolicies): NamedPolicy {
  const last = binding.at(-1)
  return last?.name === 'baseline' ? last : { name: 'baseline', spec: {} }
}

const violation = ({ name, spec }: NamedPolicy, field: string, message: string): Violation => ({
  policy: name,
  enforcement: spec.enforcement ?? 'Deny',
  graceMs: durationMs(spec.grace) ?? defaultGraceMs,
  field,
  message,
})

/** @returns how a client breaks policies of which nothing can be judged any more: as its status remembers it */
export const knownViolations = ({ status }: OIDCClient, binding: BindingPolicies): readonly Violation[] =>
  (status?.breaches ?? []).flatMap(({ policy }) => {
    const found = binding.find(({ name }) => name === policy)
    const message =
      'broke the policy when it could be judged last; correct it as Accepted says, to have it judged again'
    return found ? [violation(found, 'spec', message)] : []
  })

/** What a policy has to open, and none speaks of. */
function checkUnsaid(client: OIDCClient, binding: BindingPolicies): readonly Violation[] {
  const openers = openersOf(binding)
  const issuer = judgedFields.issuers.of(client)[0]
  const gates = policyRules.filter(
    ({ gate, judged }) => gate !== undefined && judged.of(client).length > 0 && isUnsaid(binding, gate),
  )
  const found: readonly Finding[] = [
    ...gates.map(({ field, message }): Finding => [field, message({})]),
    ...(client.spec.consent === 'Skip' && openers.every(({ spec }) => spec.allow?.consent === undefined)
      ? [['spec.consent', 'needs a policy whose allow.consent lists Skip; choose Remember or Explicit'] as const]
      : []),
    ...(issuer !== undefined && openers.every(({ spec }) => spec.allow?.identityIssuers === undefined)
      ? [
          [
            'spec.auth.identities',
            `needs a policy whose allow.identityIssuers lists ${issuer}, and no other policy that leaves it out`,
          ] as const,
        ]
      : []),
  ]
  return found.map(([field, message]) => violation(unsaid(binding), field, message))
}

/** Closed, though no policy says so. */
const isUnsaid = (binding: BindingPolicies, gate: PolicyGate): boolean =>
  !isAllowed(binding, gate) && binding.every(({ spec }) => spec.allow?.[gate] !== false)

/** Each policy may list a way to send the secret, while no way is in all of them. */
function checkWays({ spec }: OIDCClient, policies: BindingPolicies): readonly Violation[] {
  const isAllowedByEach = policies.every(
    ({ spec: policy }) => !policy.allow?.authMethods || isMethodAllowed(policy.allow.authMethods, authMethodOf(spec)),
  )
  if (authMethodOf(spec) !== 'client_secret' || !isAllowedByEach || waysUnder(policies).length > 0) return []
  const listing = policies.find(({ spec: policy }) => policy.allow?.authMethods !== undefined)
  const message =
    'must be a method that allow.authMethods of every policy lists; of those with a secret, no one is in every list'
  return [violation(listing!, 'spec.auth.method', message)]
}

function checkIdentifier({ spec }: OIDCClient, binding: BindingPolicies): readonly Violation[] {
  const { identifier } = spec.resourceServer ?? {}
  if (identifier === undefined || isNamedWhereNeeded(binding, identifier)) return []
  const message = `needs a policy whose allow.resourceIdentifiers lists ${identifier} (* does not); or take an https URL or a URN`
  return [violation(unsaid(binding), 'spec.resourceServer.identifier', message)]
}

type Finding = readonly [field: string, message: string]

/** Of a violation of limits.clientsPerNamespace. */
const countField = 'metadata.namespace'

function checkCount(limit: number | undefined, isFull: (limit: number) => boolean): readonly Finding[] {
  if (limit === undefined || !isFull(limit)) return []
  return [
    [
      countField,
      `must have at most ${limit} clients; delete one, or ask for a policy with a higher limits.clientsPerNamespace`,
    ],
  ]
}

/** @returns whether a joined cluster has too many clients as a whole */
export function checkCluster(
  { metadata, spec }: OIDCCluster,
  isFull: (limit: number) => boolean,
): readonly Violation[] {
  const limit = spec.limits?.clients ?? clusterLimits.clients
  if (!isFull(limit)) return []
  const message = `the cluster ${metadata.name} must have at most ${limit} clients; delete one there, or ask for a higher limits.clients of its OIDCCluster`
  return [violation({ name: `cluster ${metadata.name}`, spec: {} }, countField, message)]
}

/** @returns the rules of one policy that a client breaks */
const brokenRules = (client: OIDCClient, policy: OIDCPolicySpec): readonly PolicyRule[] =>
  policyRules.filter(({ judged, breaks }) => judged.of(client).some((value) => breaks(policy, value)))
