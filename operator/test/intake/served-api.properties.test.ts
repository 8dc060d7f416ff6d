import { expect } from 'chai'
import fc from 'fast-check'
import { create } from '@bufbuild/protobuf'
import { renderVersion } from '@nauthera/proto/client-version'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { maxVersionBytes } from '@nauthera/rules/limits'
import type { OIDCClient, OIDCClientSpec } from '../../src/api/oidc-client.ts'
import type { OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import { keyOf } from '../../src/decide/client/client-names.ts'
import type { Propagation } from '../../src/decide/status/propagation.ts'
import { renderConfig } from '../../src/decide/client/metadata.ts'
import { documentGrants, resolveAccess } from '../../src/decide/access/resolve-access.ts'
import { ApiBook } from '../../src/intake/api-book.ts'
import { createClientIndex } from '../../src/intake/client-index.ts'
import { createJudge } from '../../src/intake/judge.ts'
import type { StoredEntry } from '../../src/shards/stored-shard.ts'
import { holdersIn } from '../../src/shards/held-names.ts'
import { binding, client, emptyShards, policy } from '../decide/clients.ts'

// While a version of an API is refused, its earlier one is served: its callers have what that one says, with the access and the restraint of
// today.

const identifiers = ['urn:api:a', 'urn:api:b'] as const
const words = ['read', 'write', 'admin']
const never = { interval: '720h', window: { schedule: '0 0 30 2 *', duration: '1h' } } as const
const far = [`https://app.example.com/${'x'.repeat(maxVersionBytes)}`]

/** How the present version comes not to be served. */
const refusals = {
  'not written yet': {},
  'not heard of yet': { isStored: true, isSilent: true },
  accepted: { isStored: true },
  invalid: { spec: { rotation: never } },
  'invalid in its access': { spec: {}, access: [{ namespaces: ['web'] }, { namespaces: 5 }, 'web', {}] },
  'too large': { spec: { redirectURIs: far } },
  'no room': { noRoom: true },
  rejected: { isRejected: true },
  'id taken': { spec: { clientId: 'taken' } },
  'identifier taken': { isTaken: true },
  'denied in grace': { denied: { require: { dpop: true } } },
  'denied identifier in grace': { denied: 'identifier' },
  'denied for good': { denied: { require: { dpop: true } }, isOver: true },
} as const
type Refusal = keyof typeof refusals

interface Api {
  readonly identifier: string
  readonly scopes: readonly string[]
  readonly access: readonly { namespaces: string[]; scopes?: string[] }[] | undefined
}
interface Case {
  readonly before: Api
  readonly now: Api
  readonly isSuspended: boolean
  readonly refusal: Refusal
  readonly namespace: string
}

const resourceServer = ({ identifier, scopes, access }: Api) => ({
  identifier,
  scopes: scopes.map((name) => ({ name })),
  ...(access ? { access } : {}),
})
const entryOf = (uid: string, clientId: string, versions: Pick<ShardEntry, 'desired' | 'accepted'>) =>
  create(ShardEntrySchema, { uid, clientId, ...versions })
const versionOf = (one: OIDCClient) => renderVersion(renderConfig(one))

/** @returns what the caller may have by the book: scopes by identifier */
function grantedBy({ before, now, isSuspended, refusal, namespace }: Case) {
  const about: {
    spec?: object
    access?: unknown
    noRoom?: true
    isRejected?: true
    isStored?: true
    isSilent?: true
    isTaken?: true
    denied?: 'identifier' | OIDCPolicySpec
    isOver?: true
  } = refusals[refusal]
  const as = (spec: object, api: Api): OIDCClient => {
    const all = { type: 'M2M', ...spec, resourceServer: resourceServer(api) } as OIDCClientSpec
    return client(all, { name: 'api', namespace: 'shop' })
  }
  const earlier = as({}, before)
  const present = as({ ...about.spec, ...(isSuspended ? { suspended: true } : {}) }, now)
  if (about.access) Object.assign(present.spec.resourceServer!, { access: about.access })
  const since = new Date(about.isOver ? -7_200_000 : 0).toISOString()
  const api: OIDCClient = {
    ...present,
    status: { breaches: [{ policy: 'denying', since }] },
  }
  const rival = client(
    { type: 'M2M', clientId: 'taken', ...(about.isTaken ? { resourceServer: resourceServer(now) } : {}) },
    { name: 'rival', namespace: 'else', creationTimestamp: '2026-01-02T00:00:00Z' },
  )
  const accepted = versionOf(earlier)
  const own = entryOf(
    api.metadata.uid,
    'shop.api',
    about.isRejected || about.isStored ? { desired: versionOf(api), accepted } : { desired: accepted },
  )
  const entries = new Map<string, StoredEntry>(
    [
      ['shop/api', own] as const,
      ['else/rival', entryOf(rival.metadata.uid, 'taken', { desired: versionOf(rival) })] as const,
    ].map(([key, entry]) => [key, { entry, entrySeq: 1, configSeq: 1, verifierSeqs: {} }]),
  )
  const index = createClientIndex()
  for (const one of [api, rival]) index.set(keyOf(one), one)
  const shards = {
    ...emptyShards,
    stored: (key: string) => entries.get(key) && { shard: 0, ...entries.get(key)! },
    holders: (name: string) => holdersIn(entries, name),
    isUnheardOf: () => false,
    noRoom: (key: string) => (about.noRoom && key === 'shop/api' ? ('namespace' as const) : undefined),
  }
  const said: Propagation = {
    loaded: 1,
    total: 1,
    lagging: [],
    unreachable: [],
    rejected: [],
    applied: true,
    accepted: true,
  }
  const rejected = [{ replica: 'a', field: 'f', code: 'c', message: 'm' }]
  const denied = about.denied === 'identifier' ? { allow: { resourceIdentifiers: [before.identifier] } } : about.denied
  const policies = [policy('denying', { ...denied, grace: '1h' })]
  const judge = createJudge({
    endings: { has: () => false },
    watch: {
      clients: index,
      policies: () => policies,
      findCluster: () => undefined,
      namespaceLabels: () => ({}),
      readsNamespaces: true,
    },
    baseline: { allow: { resourceServer: true, customClientId: true } },
    shards,
    follow: {
      config: (key) => {
        if (key !== 'shop/api') return said
        if (about.isSilent) return { ...said, loaded: 0, lagging: ['a'], applied: false, accepted: false }
        return about.isRejected ? { ...said, rejected, accepted: false } : said
      },
    },
    clock: { now: () => 0 },
  })
  const declared = (one: OIDCClient) =>
    judge(one, (error) => {
      throw error
    }).declared
  const book = new ApiBook({
    clients: index,
    shards,
    judge: declared,
    wake: () => {},
    clock: { after: () => () => {} },
  })
  const caller = {
    tenant: { namespace },
    clientId: `${namespace}.caller`,
    labels: {},
    audiences: [...identifiers],
    scopes: words,
    types: [],
    policies: binding({}),
  }
  const access = resolveAccess(caller, book.declaring).filter((one) => one.api !== 'else/rival')
  const open = declared(api).filter(({ standing }) => standing === 'open')
  expect(open.length, 'is open under one identifier').to.be.at.most(1)
  expect(documentGrants(declared(api), binding({}))).to.deep.equal([])
  return Object.fromEntries(
    access.flatMap((one) => (one.kind === 'granted' ? [[one.identifier, [...one.scopes].toSorted()]] : [])),
  )
}

/** The same in other words. */
function expected({ before, now, isSuspended, refusal, namespace }: Case) {
  const isMoved = before.identifier !== now.identifier
  const isAwaited = refusal === 'not written yet' || refusal === 'not heard of yet'
  const isRefused =
    refusal !== 'accepted' &&
    // an identifier is left when all servers have the next one; under the same one the object's words count at once
    (!isAwaited || isMoved) &&
    // who has it already is not refused under it, and nobody takes what is held
    !((refusal === 'denied identifier in grace' || refusal === 'identifier taken') && !isMoved)
  if (isSuspended || refusal === 'denied for good') return {}
  const served = isRefused ? before : now
  const listed = isRefused && isMoved ? words : now.scopes
  const access = refusal === 'invalid in its access' ? [{ namespaces: ['web'] }] : now.access
  const entries = access
    ? access.filter(({ namespaces }) => namespaces.includes(namespace))
    : namespace === 'shop'
      ? [{}]
      : []
  if (entries.length === 0) return {}
  const isLetIn = (word: string) =>
    entries.some((entry) => !('scopes' in entry) || (entry.scopes as string[]).includes(word))
  return { [served.identifier]: served.scopes.filter((word) => listed.includes(word) && isLetIn(word)).toSorted() }
}

const api: fc.Arbitrary<Api> = fc
  .record({
    identifier: fc.constantFrom(...identifiers),
    scopes: fc.subarray(words, { minLength: 1 }),
    access: fc.option(
      fc.array(
        fc.record(
          { namespaces: fc.subarray(['shop', 'web'], { minLength: 1 }), scopes: fc.subarray(words) },
          { requiredKeys: ['namespaces'] },
        ),
        { minLength: 1, maxLength: 2 },
      ),
      { nil: undefined },
    ),
  })
  // an entry lists what the API has
  .map((one) => ({
    ...one,
    access: one.access?.map((entry) =>
      entry.scopes ? { ...entry, scopes: entry.scopes.filter((word) => one.scopes.includes(word)) } : entry,
    ),
  }))

describe('what callers have at an API whose present version is not served', () => {
  for (const refusal of Object.keys(refusals) as Refusal[])
    it(`K1 K18 is what its earlier version says, with the access and the restraint of today: ${refusal}`, () => {
      let opened = 0
      fc.assert(
        fc.property(
          fc.record({
            before: api,
            now: api,
            isSuspended: fc.boolean(),
            namespace: fc.constantFrom('shop', 'web', 'else'),
          }),
          (one) => {
            const granted = grantedBy({ ...one, refusal })
            expect(granted).to.deep.equal(expected({ ...one, refusal }))
            if (granted[one.before.identifier] && one.before.identifier !== one.now.identifier) opened++
          },
        ),
        { numRuns: propertyRuns(200) },
      )
      const isClosed = refusal === 'accepted' || refusal === 'denied for good'
      expect(opened > 0, `${opened} were open under the identifier of before`).to.equal(!isClosed)
    })
})
