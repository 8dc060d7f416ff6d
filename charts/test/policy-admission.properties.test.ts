import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { consentModes } from '@nauthera/operator/api/oidc-client'
import type { OIDCClient, OIDCClientSpec } from '@nauthera/operator/api/oidc-client'
import { durationMs, durationText } from '@nauthera/operator/api/duration'
import { grantTypesOf, scopesOf } from '@nauthera/operator/api/in-effect'
import type { OIDCPolicySpec } from '@nauthera/operator/api/oidc-policy'
import { applyDefaults } from '@nauthera/operator/decide/client/apply-defaults'
import { checkPolicies } from '@nauthera/operator/decide/client/check-policies'
import { bindingOf } from '@nauthera/operator/decide/client/policies'
import { policyRules } from '@nauthera/operator/decide/client/policy-rules'
import type { PolicyRule } from '@nauthera/operator/decide/client/policy-rules'
import { anyClientSpec } from '../../ci/test/support/any-client.ts'
import { admissionSpec, policyName, refusalsOf } from './support/admission.ts'
import type { AdmissionSpec } from './support/admission.ts'

// Two readings of one table: the operator's, and that of an API server, which also has the old object. And what no reading of the table may
// come to: an update that only stops or narrows a client, or changes what the policy does not speak of, is never refused.

const placed = (spec: OIDCClientSpec, isMirror: boolean): OIDCClient => ({
  metadata: {
    ...(isMirror ? { namespace: 'nauthera-cluster-edge', name: 'shop.app' } : { namespace: 'shop', name: 'app' }),
    uid: 'u1',
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  spec,
})

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Allow = NonNullable<OIDCPolicySpec['allow']>

const sometimes = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
/** Some of what clients have, so that a policy allows a part of it. */
const someOf = <T>(values: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...new Set(values)])
/** The same, or a beginning with *. */
const beginningsOf = (values: readonly string[]): fc.Arbitrary<string[]> =>
  someOf(values).chain((some) =>
    fc
      .tuple(...some.map((one) => fc.constantFrom(one, one, `${one.slice(0, 5)}*`, `${one}*`)))
      .map((entries) => [...new Set(entries)]),
  )
const times = fc.constantFrom('1m', '5m', '10m', '1h', '24h', '90m')
const lists = (specs: readonly OIDCClientSpec[], of: (spec: OIDCClientSpec) => readonly string[] | undefined) =>
  specs.flatMap((spec) => of(spec) ?? [])
const hostsIn = (uris: readonly string[]): string[] =>
  uris.flatMap((uri) => {
    const { hostname = '' } = URL.parse(uri) ?? {}
    return /^[a-z0-9.-]+$/.test(hostname) ? [hostname, `.${hostname.split('.').slice(1).join('.') || 'com'}`] : []
  })

/** A policy that speaks of what these clients have. */
function policyAbout(...specs: readonly OIDCClientSpec[]): fc.Arbitrary<OIDCPolicySpec> {
  const texts = (of: (spec: OIDCClientSpec) => readonly string[] | undefined) =>
    sometimes(beginningsOf(lists(specs, of)))
  const flag = sometimes(fc.boolean())
  const methods = ['client_secret', 'client_secret_basic', 'client_secret_post', 'none', 'private_key_jwt'] as const
  const allow = fc.record({
    types: sometimes(someOf(['Web', 'SPA', 'Native', 'M2M', 'Device'] as const)),
    grantTypes: sometimes(someOf(specs.flatMap(grantTypesOf))),
    authMethods: sometimes(someOf(methods)),
    scopes: texts(scopesOf),
    audiences: texts(({ audiences }) => audiences),
    authorizationDetailsTypes: texts(({ authorizationDetailsTypes }) => authorizationDetailsTypes),
    resourceIdentifiers: texts(({ resourceServer }) => resourceServer && [resourceServer.identifier]),
    identityIssuers: texts(({ auth }) => auth?.identities?.flatMap(({ issuer }) => issuer ?? [])),
    consent: sometimes(someOf(consentModes)),
    redirectHosts: sometimes(
      someOf(hostsIn(lists(specs, (spec) => [...(spec.redirectURIs ?? []), ...(spec.postLogoutRedirectURIs ?? [])]))),
    ),
    ...Object.fromEntries(policyRules.flatMap(({ gate }) => (gate === undefined ? [] : [[gate, flag]]))),
  }) as fc.Arbitrary<Allow>
  return (
    fc
      .record({
        allow: sometimes(allow),
        require: sometimes(fc.record({ par: flag, dpop: flag, pkce: flag, https: flag })),
        limits: sometimes(
          fc.record({
            tokens: fc.record({ access: sometimes(times), id: sometimes(times), refresh: sometimes(times) }),
          }),
        ),
        rotation: sometimes(fc.record({ maxOverlap: sometimes(times) })),
      })
      // an object of the API has no undefined
      .map((spec) => JSON.parse(JSON.stringify(spec)) as OIDCPolicySpec)
  )
}

/** Two versions of one client: the new one has some fields of a third. */
const pair = fc.tuple(anyClientSpec, anyClientSpec, fc.infiniteStream(fc.boolean())).map(([before, other, dice]) => {
  const { type: _, ...fields } = other
  const after: Mutable<OIDCClientSpec> = { ...before }
  for (const [field, value] of Object.entries(fields))
    if (dice.next().value === true) Object.assign(after, { [field]: value })
  return { before, after }
})

const anything: OIDCPolicySpec = {
  allow: {
    customClientId: true,
    existingSecret: true,
    verifiers: true,
    optionalPKCE: true,
    foreignServiceAccounts: true,
    resourceServer: true,
    tokenExchange: true,
    identityIssuers: ['*'],
    consent: [...consentModes],
  },
}
const under = (policy: OIDCPolicySpec) => [
  { name: policyName, spec: policy },
  { name: 'baseline', spec: anything },
]
const inEffect = (client: OIDCClient, policy: OIDCPolicySpec): OIDCClient =>
  applyDefaults(client, bindingOf(under(policy))).client

/** What only the operator reads: an IPv6 address has many forms. */
const hasIPv6 = ({ redirectURIs = [], postLogoutRedirectURIs = [] }: OIDCClientSpec): boolean =>
  [...redirectURIs, ...postLogoutRedirectURIs].some((uri) => uri.includes('://['))

const isNoLooser = ({ stricter }: PolicyRule, value: string, old: string): boolean =>
  value === old ||
  (stricter === 'shorter'
    ? durationMs(value)! <= durationMs(old)!
    : Object.hasOwn(stricter, old) && stricter[old]!.includes(value))

/** What an update must be refused for, by what the operator judges of both versions. */
const addedBreaches = (policy: OIDCPolicySpec, before: OIDCClient, after: OIDCClient): string[] =>
  policyRules.flatMap((rule) => {
    const broken = (client: OIDCClient) =>
      rule.judged.of(inEffect(client, policy)).filter((value) => rule.breaks(policy, value))
    const added = broken(after).some((value) => !broken(before).some((old) => isNoLooser(rule, value, old)))
    return added ? [rule.field] : []
  })

describe('K14 the admission policy of OIDCPolicies, for any policy', () => {
  let spec: AdmissionSpec
  before(async () => {
    spec = await admissionSpec()
  })
  const refused = (policy: OIDCPolicySpec, object: OIDCClient, oldObject?: OIDCClient): string[] =>
    refusalsOf(spec, { policy, object, ...(oldObject && { oldObject }) }).map(({ field }) => field)
  const isMirror = fc.boolean()

  it('refuses a new client for just what the operator finds', () => {
    let broken = 0
    const one = anyClientSpec
      .filter((client) => !hasIPv6(client))
      .chain((client) => fc.tuple(fc.constant(client), policyAbout(client), isMirror))
    fc.assert(
      fc.property(one, ([client, policy, inCluster]) => {
        const object = placed(client, inCluster)
        const found = checkPolicies(inEffect(object, policy), under(policy))
          .filter((violation) => violation.policy === policyName)
          .map(({ field }) => field)
        expect(refused(policy, object)).to.have.members(found)
        if (found.length > 0) broken++
      }),
      { numRuns: propertyRuns(150) },
    )
    expect(broken, 'some broke the policy').to.be.greaterThan(0)
  })

  it('refuses an update for just what it adds', () => {
    let [refusals, kept] = [0, 0]
    const one = pair
      .filter(({ before, after }) => !hasIPv6(before) && !hasIPv6(after))
      .chain((two) => fc.tuple(fc.constant(two), policyAbout(two.before, two.after), isMirror))
    fc.assert(
      fc.property(one, ([{ before, after }, policy, inCluster]) => {
        const [old, now] = [placed(before, inCluster), placed(after, inCluster)]
        const found = refused(policy, now, old)
        expect(found).to.have.members(addedBreaches(policy, old, now))
        expect(refused(policy, now), 'what it refuses of an update it refuses of a new client').to.include.members(
          found,
        )
        if (found.length > 0) refusals++
        else if (refused(policy, now).length > 0) kept++
      }),
      { numRuns: propertyRuns(150) },
    )
    expect(Math.min(refusals, kept), 'both happen').to.be.greaterThan(0)
  })

  it('lets an update through that only stops or narrows the client', () => {
    let kept = 0
    const one = anyClientSpec.chain((before) =>
      fc.tuple(fc.constant(before), narrowed(before), policyAbout(before).map(withStricter), isMirror),
    )
    fc.assert(
      fc.property(one, ([before, after, policy, inCluster]) => {
        const [old, now] = [placed(before, inCluster), placed(after, inCluster)]
        expect(refused(policy, now, old)).to.deep.equal([])
        if (refused(policy, now).length > 0) kept++
      }),
      { numRuns: propertyRuns(150) },
    )
    expect(kept, 'some still broke the policy').to.be.greaterThan(0)
  })

  it('lets an update through that changes nothing the policy speaks of', () => {
    let kept = 0
    const one = pair.chain(({ before, after }) =>
      policyAbout(before, after).map((policy) => ({ before, after: withUnjudged(before, after, policy), policy })),
    )
    fc.assert(
      fc.property(one, isMirror, ({ before, after, policy }, inCluster) => {
        const [old, now] = [placed(before, inCluster), placed(after, inCluster)]
        expect(refused(policy, now, old)).to.deep.equal([])
        if (refused(policy, now).length > 0) kept++
      }),
      { numRuns: propertyRuns(150) },
    )
    expect(kept, 'some still broke the policy').to.be.greaterThan(0)
  })
})

/** A list that has Skip and not Remember is a choice of its own: what is stricter is not allowed by it. */
function withStricter({ allow, ...policy }: OIDCPolicySpec): OIDCPolicySpec {
  if (!allow?.consent) return { ...policy, ...(allow && { allow }) }
  const laxest = Math.max(-1, ...allow.consent.map((mode) => consentModes.indexOf(mode)))
  return { ...policy, allow: { ...allow, consent: consentModes.slice(0, laxest + 1) } }
}

/** Fields of a spec that decide what is in effect in other fields. */
const deciding = ['type', 'subjectType', 'profile']

/** The old version with every field of the new one that the policy has no word about. */
function withUnjudged(before: OIDCClientSpec, after: OIDCClientSpec, policy: OIDCPolicySpec): OIDCClientSpec {
  const said = Object.entries({ ...policy.allow, ...policy.require, ...policy.limits?.tokens, ...policy.rotation })
  const names = new Set(said.map(([name]) => name))
  const judged = new Set([
    ...deciding,
    ...policyRules.filter(({ of }) => names.has(of.split('.').at(-1)!)).map(({ field }) => field.split('.')[1]!),
  ])
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  const from = (field: string) => (judged.has(field) ? before : after)
  return Object.fromEntries(
    fields.flatMap((field) => {
      const value = Object.entries(from(field)).find(([name]) => name === field)
      return value ? [value] : []
    }),
  ) as OIDCClientSpec
}

/** The same client, stopped or narrowed in some ways. It need not be one that every rule of the spec takes. */
function narrowed(spec: OIDCClientSpec): fc.Arbitrary<OIDCClientSpec> {
  const fewer = <T>(values: readonly T[] | undefined) => fc.subarray([...(values ?? [])])
  const shorter = (time: string | undefined): fc.Arbitrary<string | undefined> =>
    time === undefined ? fc.constant(undefined) : fc.constantFrom(time, durationText(durationMs(time)! / 2))
  const { access = {}, rotation = {}, tokens = {}, secret = {}, auth = {} } = spec
  const verifiers = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 }).map((all) => ({
    ...secret,
    verifiers: all.map((digit) => ({ sha256: digit.repeat(64) })),
  }))
  const changes: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
    suspended: fc.constant(true),
    displayName: fc.constant('Stopped after a leak'),
    redirectURIs: fewer(spec.redirectURIs),
    postLogoutRedirectURIs: fewer(spec.postLogoutRedirectURIs),
    grantTypes: fewer(grantTypesOf(spec)),
    scopes: fewer(scopesOf(spec)),
    audiences: fewer(spec.audiences),
    authorizationDetailsTypes: fewer(spec.authorizationDetailsTypes),
    access: fc.tuple(fewer(access.allowedGroups), fc.boolean()).map(([groups, strong]) => ({
      allowedGroups: groups.length > 0 ? groups : ['admins'],
      requiredAcr: strong ? ['urn:nauthera:mfa'] : (access.requiredAcr ?? ['urn:nauthera:password']),
    })),
    rotation: fc
      .tuple(shorter(rotation.overlap), fc.constantFrom('leak-1', 'leak-2'))
      .map(([overlap, revokePrevious]) => ({ ...rotation, overlap, revokePrevious, trigger: revokePrevious })),
    tokens: fc
      .tuple(shorter(tokens.accessTTL), shorter(tokens.idTTL), shorter(tokens.refreshTTL))
      .map(([accessTTL, idTTL, refreshTTL]) => ({ ...tokens, accessTTL, idTTL, refreshTTL })),
    // one that has verifiers already gets others, or fewer
    ...(secret.verifiers
      ? { secret: verifiers }
      : { secret: fc.constant({ ...secret, existingSecretRef: undefined }) }),
    auth: fewer(auth.identities).map((identities) => ({ ...auth, identities })),
    consent: fc.constantFrom(spec.consent, ...(spec.consent === 'Skip' ? ['Remember', 'Explicit'] : [])),
    par: fc.constant(true),
    dpop: fc.constant(true),
    pkce: fc.constantFrom(spec.pkce, 'Required'),
    resourceServer: fc.constant(undefined),
  }
  return fc
    .subarray(Object.keys(changes), { minLength: 1 })
    .chain((fields) => fc.record(Object.fromEntries(fields.map((field) => [field, changes[field]!]))))
    .map((changed) => JSON.parse(JSON.stringify({ ...spec, ...changed })) as OIDCClientSpec)
}
