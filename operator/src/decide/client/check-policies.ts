// Checks a client against its policies.
import { meaningOf } from '@nauthera/rules/client-types'
import { clusterLimits } from '@nauthera/rules/limits'
import { defaultClientId, tenantOf } from '@nauthera/rules/tenants'
import { authMethodOf, grantTypesOf, hasDatedSecret, pkceOf, scopesOf } from '../../api/in-effect.ts'
import type { OIDCCluster } from '../../api/oidc-cluster.ts'
import { durationMs } from '../../api/duration.ts'
import type { OIDCClient, OIDCClientSpec } from '../../api/oidc-client.ts'
import type { OIDCPolicySpec } from '../../api/oidc-policy.ts'
import { isHostAllowed } from './allowed-hosts.ts'
import {
  bindingOf,
  binds,
  covers,
  defaultClientLimit,
  isAllowed,
  isIssuerAllowed,
  isMethodAllowed,
  isNamedWhereNeeded,
  openersOf,
  waysUnder,
} from './policies.ts'
import type { BindingPolicies, PolicyGate, NamedPolicy, Policies } from './policies.ts'

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
  const watching = policies.filter((policy) => !binds(policy))
  return [
    ...checkGates(client, binding, watching),
    ...checkWays(client, binding),
    ...checkIdentifier(client, binding),
    ...checkIssuers(client, binding, watching),
    ...policies.flatMap((policy) =>
      [...checkLimits(client, policy.spec), ...checkCount(policy.spec.limits?.clientsPerNamespace, isFull)].map(
        ([field, message]) => violation(policy, field, message),
      ),
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

interface GateAsked {
  readonly gate: PolicyGate | 'skip'
  readonly asks: boolean
  readonly field: string
  readonly message: string
}

/** A gate is closed unless a policy opens it. Without such a policy the violation names the baseline. */
function checkGates(client: OIDCClient, binding: BindingPolicies, watching: Policies): readonly Violation[] {
  const asked = gatesOf(client).filter(({ asks }) => asks)
  const said = (policies: Policies, gate: GateAsked['gate']): NamedPolicy | undefined =>
    gate === 'skip' ? undefined : policies.find(({ spec }) => spec.allow?.[gate] === false)
  const isOpen = (gate: GateAsked['gate']): boolean =>
    gate === 'skip'
      ? openersOf(binding).some(({ spec }) => spec.allow?.consent !== undefined)
      : isAllowed(binding, gate)
  return asked.flatMap(({ gate, field, message }) => [
    ...(isOpen(gate) ? [] : [violation(said(binding, gate) ?? unsaid(binding), field, message)]),
    ...watching.flatMap((policy) => (said([policy], gate) ? [violation(policy, field, message)] : [])),
  ])
}

function gatesOf({ spec, metadata }: OIDCClient): readonly GateAsked[] {
  return [
    {
      gate: 'customClientId',
      asks: spec.clientId !== undefined && spec.clientId !== defaultClientId(metadata) && metadata.moved === undefined,
      field: 'spec.clientId',
      message: 'needs a policy with allow.customClientId: true; leave it out to use <namespace>.<name>',
    },
    {
      gate: 'existingSecret',
      asks: spec.secret?.existingSecretRef !== undefined,
      field: 'spec.secret.existingSecretRef',
      message: 'needs a policy with allow.existingSecret: true; leave it out and the operator mints a secret',
    },
    {
      gate: 'verifiers',
      // a mirror has nothing else
      asks: spec.secret?.verifiers !== undefined && tenantOf(metadata).cluster === undefined,
      field: 'spec.secret.verifiers',
      message: 'needs a policy with allow.verifiers: true; leave it out and the operator mints a secret',
    },
    {
      gate: 'optionalPKCE',
      asks: spec.pkce === 'Optional',
      field: 'spec.pkce',
      message: 'needs a policy with allow.optionalPKCE: true; choose Auto or Required',
    },
    {
      gate: 'foreignServiceAccounts',
      asks: hasForeignServiceAccount(spec, tenantOf(metadata).namespace),
      field: 'spec.auth.identities',
      message:
        'needs a policy with allow.foreignServiceAccounts: true for a ServiceAccount of another namespace; leave namespace out to use its own',
    },
    {
      gate: 'resourceServer',
      asks: spec.resourceServer !== undefined,
      field: 'spec.resourceServer',
      message: 'needs a policy with allow.resourceServer: true',
    },
    {
      gate: 'tokenExchange',
      asks: grantTypesOf(spec).includes('token_exchange'),
      field: 'spec.grantTypes',
      message: 'needs a policy with allow.tokenExchange: true for token_exchange',
    },
    {
      gate: 'skip',
      asks: spec.consent === 'Skip',
      field: 'spec.consent',
      message: 'needs a policy whose allow.consent lists Skip; choose Remember or Explicit',
    },
  ]
}

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

const hasForeignServiceAccount = ({ auth }: OIDCClientSpec, own: string): boolean =>
  auth?.identities?.some(({ serviceAccount }) => (serviceAccount?.namespace ?? own) !== own) === true

/** The owner of an issuer can issue any subject, so policies list the allowed issuers. */
function checkIssuers({ spec }: OIDCClient, binding: BindingPolicies, watching: Policies): readonly Violation[] {
  const issuers = (spec.auth?.identities ?? []).flatMap(({ issuer }) => issuer ?? [])
  const leavesOut = ({ spec: { allow } }: NamedPolicy, issuer: string): boolean =>
    allow?.identityIssuers !== undefined && !covers(allow.identityIssuers, issuer)
  const refuse = (policy: NamedPolicy, issuer: string): Violation => {
    const message = `needs a policy whose allow.identityIssuers lists ${issuer}, and no other policy that leaves it out`
    return violation(policy, 'spec.auth.identities', message)
  }
  const refused = issuers.find((issuer) => !isIssuerAllowed(binding, issuer))
  return [
    ...(refused === undefined
      ? []
      : [refuse(binding.find((one) => leavesOut(one, refused)) ?? unsaid(binding), refused)]),
    ...watching.flatMap((policy) => {
      const left = issuers.find((issuer) => leavesOut(policy, issuer))
      return left === undefined ? [] : [refuse(policy, left)]
    }),
  ]
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

function checkLimits({ spec }: OIDCClient, policy: OIDCPolicySpec): readonly Finding[] {
  const { allow = {}, require = {}, limits = {} } = policy
  const among = (field: string, allowed: readonly string[] | undefined, values: readonly string[]): Finding[] =>
    allowed && values.some((value) => !covers(allowed, value)) ? [mustBeAmong(field, allowed)] : []
  const maxOverlap = policy.rotation?.maxOverlap
  return [
    ...among('spec.type', allow.types, [spec.type]),
    ...among('spec.grantTypes', allow.grantTypes, grantTypesOf(spec)),
    ...(allow.authMethods && !isMethodAllowed(allow.authMethods, authMethodOf(spec))
      ? [mustBeAmong('spec.auth.method', allow.authMethods)]
      : []),
    ...among('spec.scopes', allow.scopes, scopesOf(spec)),
    ...among('spec.audiences', allow.audiences, spec.audiences ?? []),
    ...among('spec.authorizationDetailsTypes', allow.authorizationDetailsTypes, spec.authorizationDetailsTypes ?? []),
    ...among(
      'spec.resourceServer.identifier',
      allow.resourceIdentifiers,
      spec.resourceServer ? [spec.resourceServer.identifier] : [],
    ),
    ...(spec.type === 'M2M' ? [] : among('spec.consent', allow.consent, [spec.consent ?? 'Remember'])),
    ...checkHosts(allow.redirectHosts, spec),
    ...(require.https ? checkHttps(spec) : []),
    ...(require.par && spec.par !== true && spec.type !== 'M2M' && spec.type !== 'Device'
      ? [['spec.par', 'must be true'] as const]
      : []),
    ...(require.pkce && meaningOf(spec.type).redirects && pkceOf(spec) !== 'Required'
      ? [['spec.pkce', 'must be Required'] as const]
      : []),
    ...(require.dpop && spec.dpop !== true ? [['spec.dpop', 'must be true'] as const] : []),
    ...(require.rotation && hasDatedSecret(spec) && spec.rotation?.interval === undefined
      ? [['spec.rotation.interval', 'must be set, such as 720h'] as const]
      : []),
    ...atMost('spec.tokens.accessTTL', spec.tokens?.accessTTL, limits.tokens?.access),
    ...atMost('spec.resourceServer.tokens.accessTTL', spec.resourceServer?.tokens?.accessTTL, limits.tokens?.access),
    ...atMost('spec.tokens.idTTL', spec.tokens?.idTTL, limits.tokens?.id),
    ...atMost('spec.tokens.refreshTTL', spec.tokens?.refreshTTL, limits.tokens?.refresh),
    ...atMost('spec.rotation.overlap', spec.rotation?.overlap, maxOverlap),
  ]
}

const mustBeAmong = (field: string, allowed: readonly string[]): Finding => [
  field,
  `must be among ${allowed.join(', ') || '(nothing)'}`,
]

const uriFields = ['redirectURIs', 'postLogoutRedirectURIs'] as const

const checkHttps = (spec: OIDCClientSpec): readonly Finding[] =>
  uriFields
    .filter((field) => (spec[field] ?? []).some((uri) => uri.startsWith('http://')))
    .map((field) => [`spec.${field}`, 'must be https'])

function checkHosts(allowed: readonly string[] | undefined, spec: OIDCClientSpec): readonly Finding[] {
  if (!allowed) return []
  return uriFields
    .filter((field) => (spec[field] ?? []).some((uri) => !isHostAllowed(allowed, uri)))
    .map((field) => [`spec.${field}`, `must be on ${allowed.join(', ') || '(no host)'}`])
}

function atMost(field: string, value: string | undefined, limit: string | undefined): readonly Finding[] {
  const [is, most] = [durationMs(value), durationMs(limit)]
  return is !== undefined && most !== undefined && is > most ? [[field, `must be at most ${limit}`]] : []
}
