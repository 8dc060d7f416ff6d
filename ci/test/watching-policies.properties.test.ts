import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import type { OIDCClient, OIDCClientSpec } from '@nauthera/operator/api/oidc-client'
import type { OIDCPolicy, OIDCPolicySpec } from '@nauthera/operator/api/oidc-policy'
import { keyOf } from '@nauthera/operator/decide/client/client-names'
import type { DeclaredApi } from '@nauthera/operator/decide/access/declared-api'
import { denialsOf } from '@nauthera/operator/decide/access/judgement'
import { callerOf, documentGrants, grantedOf, resolveAccess } from '@nauthera/operator/decide/access/resolve-access'
import { createClientIndex } from '@nauthera/operator/intake/client-index'
import { createJudge } from '@nauthera/operator/intake/judge'
import { anyPolicySpec } from './support/any-client.ts'

// A policy with Warn or Audit only watches: whatever it says, no gate, limit, default, claim or token is another one.

const api = 'https://api.example.com'
const redirectURIs = ['https://app.example.com/callback']

/** Clients that ask for everything that a gate of a policy guards, and for what others have. */
const asked: readonly OIDCClientSpec[] = [
  { type: 'Web', redirectURIs, clientId: 'shop', scopes: ['openid', 'read'], audiences: [api] },
  { type: 'Web', redirectURIs, clientId: 'shop', pkce: 'Optional', consent: 'Skip' },
  { type: 'Web', redirectURIs, clientId: 'other.app', secret: { existingSecretRef: { name: 'mine', key: 'secret' } } },
  { type: 'M2M', secret: { verifiers: [{ sha256: 'a'.repeat(64) }] } },
  { type: 'M2M', resourceServer: { identifier: api, scopes: [{ name: 'read' }], access: [{ namespaces: ['*'] }] } },
  {
    type: 'M2M',
    resourceServer: { identifier: api, scopes: [{ name: 'read' }, { name: 'write' }] },
    grantTypes: ['token_exchange'],
  },
  { type: 'M2M', audiences: [api, 'urn:nobody'], scopes: ['read', 'write'] },
  {
    type: 'M2M',
    auth: { method: 'federated_jwt', identities: [{ issuer: 'https://ci.example.com', subject: 'a' }] },
  },
  {
    type: 'M2M',
    auth: { method: 'federated_jwt', identities: [{ serviceAccount: { namespace: 'else', name: 'a' } }] },
  },
]

const clients = asked.map((spec, index): OIDCClient => ({
  metadata: {
    name: `c${index}`,
    namespace: index % 2 === 0 ? 'even' : 'odd',
    uid: `uid-${index}`,
    generation: 1,
    creationTimestamp: new Date(index * 1000).toISOString(),
  },
  spec,
}))

interface World {
  readonly policies: readonly OIDCPolicy[]
  readonly baseline: OIDCPolicySpec
  /** Who is served under which name. */
  readonly held: ReadonlyMap<string, number>
  /** Of whom no shard says so any more. */
  readonly lost: ReadonlySet<number>
  /** Client ids that statuses remember, by the client; they may be of an earlier spec. */
  readonly remembered: ReadonlyMap<number, string>
}

/** @returns all that servers are told of each client, and all that decides whether it is Ready */
function effectsOf({ policies, baseline, held, lost, remembered }: World) {
  const loaded = { replicas: { loaded: 1, total: 1 } }
  const seen = clients.map((client, at): OIDCClient => {
    const clientId = remembered.get(at)
    if (clientId !== undefined) return { ...client, status: { ...loaded, clientId } }
    return [...held.values()].includes(at) ? { ...client, status: loaded } : client
  })
  const index = createClientIndex()
  for (const client of seen) index.set(keyOf(client), client)
  const holder = (name: string): string[] => {
    const at = held.get(name)
    return at === undefined || lost.has(at) ? [] : [keyOf(clients[at]!)]
  }
  const isLost = (key: string): boolean => lost.has(clients.findIndex((client) => keyOf(client) === key))
  const judge = createJudge({
    endings: { has: () => false },
    watch: {
      clients: index,
      policies: () => policies,
      findCluster: () => undefined,
      namespaceLabels: () => ({}),
      readsNamespaces: true,
    },
    baseline,
    shards: {
      stored: () => undefined,
      holders: holder,
      isLeaving: () => false,
      isUnheardOf: (key) => !isLost(key),
      noRoom: () => undefined,
    },
    follow: { config: () => undefined },
    clock: { now: () => 0 },
  })
  const judgements = seen.map((client) =>
    judge(client, (error) => {
      throw error
    }),
  )
  const declared = judgements.flatMap((one) => one.declared ?? [])
  const declaring = (identifier: string): DeclaredApi[] => declared.filter((one) => one.identifier === identifier)
  return judgements.map((judgement) => {
    const caller = callerOf(judgement, undefined, {})
    const { acceptance, serve, spacings, maxOverlapMs, shardBytes } = judgement
    return {
      acceptance,
      serve,
      denials: denialsOf(judgement),
      spec: { ...judgement.client.spec },
      bounds: { spacings, maxOverlapMs, shardBytes },
      declared: judgement.declared,
      granted:
        caller && grantedOf(resolveAccess(caller, declaring), documentGrants(judgement.declared, caller.policies)),
    }
  })
}

const flag = fc.option(fc.boolean(), { nil: undefined })
const gates = [
  'customClientId',
  'anyClientId',
  'existingSecret',
  'verifiers',
  'optionalPKCE',
  'resourceServer',
  'tokenExchange',
]
/** What is generated by the schema hardly ever lists a value that a client has. */
const telling = fc.record({
  ...Object.fromEntries([...gates, 'foreignServiceAccounts'].map((gate) => [gate, flag])),
  consent: fc.constantFrom(undefined, ['Skip'], ['Remember'], ['Explicit', 'Remember', 'Skip']),
  audiences: fc.constantFrom(undefined, [], ['urn:*'], ['https://*', 'urn:*']),
  scopes: fc.constantFrom(undefined, [], ['openid', 'read', 'write']),
  identityIssuers: fc.constantFrom(undefined, [], ['https://*']),
  resourceIdentifiers: fc.constantFrom(undefined, [], ['https://*']),
})
const said = fc
  .record({ any: anyPolicySpec, allow: telling, isPlain: fc.boolean() })
  .map(({ any, allow, isPlain }): OIDCPolicySpec => {
    const some = Object.fromEntries(Object.entries(allow).filter(([, value]) => value !== undefined))
    return isPlain ? { allow: some } : { ...any, allow: { ...any.allow, ...some } }
  })
const policy = (enforcement: fc.Arbitrary<OIDCPolicySpec['enforcement']>) =>
  fc.record({ said, enforcement, priority: fc.integer({ min: -5, max: 5 }) }).map((one): OIDCPolicySpec => ({
    ...one.said,
    priority: one.priority,
    ...(one.enforcement === undefined ? {} : { enforcement: one.enforcement }),
  }))
const binding = policy(fc.constantFrom('Deny', undefined))
const watching = policy(fc.constantFrom('Warn', 'Audit'))

const named = (prefix: string, specs: readonly OIDCPolicySpec[]): OIDCPolicy[] =>
  specs.map((spec, index) => ({ metadata: { name: `${prefix}-${index}` }, spec }))

const held = fc
  .record({ shop: fc.constantFrom(undefined, 0, 1), api: fc.constantFrom(undefined, 3, 4) })
  .map((one): ReadonlyMap<string, number> => {
    const names = [['shop', one.shop] as const, [api, one.api] as const]
    return new Map(names.flatMap(([name, at]) => (at === undefined ? [] : [[name, at] as const])))
  })

const numbers = clients.map((_, at) => at)
const lost = fc.oneof(fc.constant<number[]>([]), fc.subarray(numbers), fc.constant(numbers))
const remembered = fc.array(
  fc.tuple(fc.constantFrom(...numbers), fc.constantFrom('shop', api, 'other.app', 'earlier')),
  { maxLength: 4 },
)

describe('a policy that does not bind', () => {
  it('K18 changes no gate, limit, default, claim, grant or Ready, whatever it says and whatever others say', () => {
    let isRefused = 0
    let isOpened = 0
    fc.assert(
      fc.property(
        fc.array(binding, { maxLength: 3 }),
        fc.array(watching, { minLength: 1, maxLength: 3 }),
        fc.array(watching, { maxLength: 2 }),
        binding,
        fc.record({ held, lost: lost.map((all) => new Set(all)), remembered: remembered.map((all) => new Map(all)) }),
        (denying, before, after, baseline, known) => {
          const effects = (watchers: readonly OIDCPolicySpec[]) =>
            effectsOf({ policies: [...named('b', denying), ...named('w', watchers)], baseline, ...known })
          const without = effects([])
          expect(effects(before)).to.deep.equal(without)
          expect(effects(after)).to.deep.equal(without)
          isRefused += without.filter(({ serve }) => serve.kind !== 'desired').length
          isOpened += without.filter(({ serve }) => serve.kind === 'desired').length
        },
      ),
      { numRuns: propertyRuns(250) },
    )
    expect(Math.min(isRefused, isOpened), 'both happen').to.be.greaterThan(0)
  })

  it('K18 changes nothing as the baseline either', () => {
    fc.assert(
      fc.property(fc.array(binding, { maxLength: 2 }), watching, held, (denying, baseline, holds) => {
        const known = { held: holds, lost: new Set<number>(), remembered: new Map<number, string>() }
        const effects = (one: OIDCPolicySpec) => effectsOf({ policies: named('b', denying), baseline: one, ...known })
        expect(effects(baseline)).to.deep.equal(effects({}))
      }),
      { numRuns: propertyRuns(100) },
    )
  })

  it('K1 K18 leaves a name with whoever is served under it, whichever policies bind', () => {
    fc.assert(
      fc.property(fc.array(binding, { maxLength: 3 }), binding, held, (denying, baseline, holds) => {
        const known = { held: holds, lost: new Set<number>(), remembered: new Map<number, string>() }
        const found = effectsOf({ policies: named('b', denying), baseline, ...known })
        for (const [name, at] of holds) {
          for (const [index, { acceptance, declared }] of found.entries()) {
            const { clientId, resourceServer } = clients[index]!.spec
            if (index === at)
              expect(acceptance).to.not.deep.include({ holder: keyOf(clients[1 - at] ?? clients[7 - at]!) })
            else if (clientId === name) expect(acceptance.kind, `${index} at ${name}`).to.not.equal('accepted')
            else if (resourceServer?.identifier === name)
              expect(declared.some((api) => api.identifier === name && api.claim === 'held')).to.equal(false)
          }
        }
      }),
      { numRuns: propertyRuns(200) },
    )
  })
})
