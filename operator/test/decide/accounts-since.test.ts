import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { expect } from 'chai'
import { renderVersion } from '@nauthera/proto/client-version'
import { ClientConfigSchema, ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Judgement } from '../../src/decide/access/judgement.ts'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { accountsSinceOf, findAccountsSince } from '../../src/decide/access/accounts-since.ts'
import { buildMirror, restrainMirror } from '../../src/spoke/build-mirror.ts'
import { client } from './clients.ts'

const configFor = (...namespaces: readonly string[]) =>
  create(ClientConfigSchema, {
    identities: [
      ...namespaces.map((namespace) => ({ serviceAccount: { namespace, name: 'worker' } })),
      { issuer: 'https://ci.example.com', subject: 'repo:shop' },
      { clusterServiceAccount: { cluster: 'eu', namespace: 'shop', name: 'worker' } },
    ],
  })
const serving = (...namespaces: readonly string[]): Judgement['serve'] => {
  const config = configFor(...namespaces)
  return { kind: 'desired', config, version: renderVersion(config) }
}
const ofShop = client({}, { namespace: 'apps' })
const bornAt = (name: string) => ({ shop: 1_000, other: 2_000 })[name]
const storedWith = (accountsSince: Readonly<Record<string, number>>, ...namespaces: readonly string[]) =>
  create(ShardEntrySchema, {
    accepted: renderVersion(configFor(...namespaces)),
    accountsSince: Object.fromEntries(Object.entries(accountsSince).map(([name, at]) => [name, timestampFromMs(at)])),
  })

describe(findAccountsSince.name, () => {
  it('names the birth of each namespace of a ServiceAccount, and none of another issuer or cluster', () => {
    expect(
      findAccountsSince({ client: ofShop, serve: serving('shop', 'other', 'shop') }, undefined, bornAt),
    ).to.deep.equal({
      shop: 1_000,
      other: 2_000,
    })
    expect(findAccountsSince({ client: ofShop, serve: serving() }, undefined, bornAt)).to.deep.equal({})
  })

  it('names those of the version that is still served, too', () => {
    const stored = storedWith({}, 'other')
    expect(findAccountsSince({ client: ofShop, serve: serving('shop') }, stored, bornAt)).to.deep.equal({
      shop: 1_000,
      other: 2_000,
    })
    expect(
      findAccountsSince({ client: ofShop, serve: { kind: 'carry', until: undefined } }, stored, bornAt),
    ).to.deep.equal({
      other: 2_000,
    })
  })

  it('keeps what is stored while a namespace is not seen, and follows one that was made anew', () => {
    const stored = storedWith({ shop: 1_000, other: 500 }, 'shop', 'other')
    const seen = (name: string) => (name === 'shop' ? 3_000 : undefined)
    expect(findAccountsSince({ client: ofShop, serve: serving('shop', 'other') }, stored, seen)).to.deep.equal({
      shop: 3_000,
      other: 500,
    })
  })

  it('knows nothing of a namespace that nobody has seen, its own neither', () => {
    expect(findAccountsSince({ client: ofShop, serve: serving('hidden', 'apps') }, undefined, bornAt)).to.deep.equal({})
  })

  const identities = (namespaces: readonly (string | undefined)[]) =>
    namespaces.map((namespace) => ({ serviceAccount: { name: 'worker', ...(namespace ? { namespace } : {}) } }))
  const federated = (namespaces: readonly (string | undefined)[]) => ({
    type: 'M2M' as const,
    auth: { method: 'federated_jwt' as const, identities: identities(namespaces) },
  })
  const second = fc.integer({ min: 1, max: 4_000_000_000 }).map((at) => at * 1_000)
  const anyNamespace = fc.constantFrom('apps', 'shop', 'other')

  it('T30 property: the hub has each birth that a joined cluster knows, whichever version it takes, and keeps what it was told', () => {
    const about = { verifiers: [], namespaceLabels: undefined, now: 0, stored: undefined }
    const step = fc.record({
      births: fc.dictionary(anyNamespace, second, { maxKeys: 3 }),
      isRefused: fc.boolean(),
      asked: fc.uniqueArray(fc.option(anyNamespace, { nil: undefined }), { minLength: 1 }),
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), (steps) => {
        let stored: Parameters<typeof findAccountsSince>[1]
        let mirror = buildMirror(client(federated(['apps']), { namespace: 'apps' }), {
          ...about,
          namespaceBornAt: () => undefined,
        })
        /** What the hub has of the accounts in the version that it took last. */
        let before: Readonly<Record<string, number>> = {}
        const told = new Map<string, number>()
        for (const { births, isRefused, asked } of steps) {
          const at = {
            ...about,
            namespaceBornAt: (name: string) => births[name],
            stored: { metadata: ofShop.metadata, ...mirror },
          }
          const origin = client(federated(isRefused ? ['apps'] : asked), { namespace: 'apps' })
          mirror = isRefused ? restrainMirror(mirror, origin, at) : buildMirror(origin, at)
          const served = (mirror.spec.auth?.identities ?? []).map(
            ({ serviceAccount }) => serviceAccount!.namespace ?? 'apps',
          )
          for (const name of served) if (births[name] !== undefined) told.set(name, births[name])
          const config = create(ClientConfigSchema, {
            identities: served.map((namespace) => ({
              clusterServiceAccount: { cluster: 'edge', namespace, name: 'worker' },
            })),
          })
          const inHub = { metadata: { ...ofShop.metadata, namespace: 'nauthera-cluster-edge' }, spec: mirror.spec }
          const since = findAccountsSince(
            { client: inHub, serve: { kind: 'desired', config, version: renderVersion(config) } },
            stored,
            () => expect.fail('the hub asks for no namespace of its own'),
          )
          for (const name of served) {
            if (births[name] !== undefined) expect(since[name], name).to.equal(births[name])
            else if (before[name] !== undefined) expect(since[name], name).to.equal(before[name])
            else expect([told.get(name), undefined], name).to.include(since[name])
          }
          before = Object.fromEntries(
            served.flatMap((name) => (since[name] === undefined ? [] : [[name, since[name]]])),
          )
          expect([...told.keys()]).to.include.members(Object.keys(since))
          stored = create(ShardEntrySchema, {
            desired: renderVersion(config),
            accountsSince: Object.fromEntries(Object.entries(since).map(([name, ms]) => [name, timestampFromMs(ms)])),
          })
          expect(accountsSinceOf(stored)).to.deep.equal(since)
        }
      }),
      { numRuns: propertyRuns(200) },
    )
  })

  it('T30 property: whatever a joined cluster says of its accounts, the entry can be stored, and tells of no other namespace', () => {
    const anyTime = fc.oneof(
      fc.constantFrom('', '+275760-09-13T00:00:00Z', '-000001-01-01T00:00:00Z', '2026-01-31T12:00:00Z', 'soon'),
      fc.anything(),
    )
    const anySaid = fc.oneof(fc.anything(), fc.dictionary(fc.constantFrom('shop', 'other', 'hub'), anyTime))
    fc.assert(
      fc.property(anySaid, (accountsSince) => {
        const spec = { type: 'M2M', restraint: { accountsSince } } as never
        const since = findAccountsSince({ client: { ...ofShop, spec }, serve: serving('hub') }, undefined, () => 1_000)
        expect(since['hub'], 'of this cluster').to.equal(1_000)
        for (const [name, at] of Object.entries(since)) {
          expect(['hub', 'shop']).to.include(name)
          expect(new Date(at).getUTCFullYear()).to.be.within(1970, 9998)
        }
      }),
      { numRuns: propertyRuns(200) },
    )
  })

  it('stands in no mirror of a client that has none', () => {
    const about = { verifiers: [], namespaceLabels: undefined, namespaceBornAt: bornAt, now: 0, stored: undefined }
    const saidFor = (spec: Parameters<typeof client>[0]) => buildMirror(client(spec), about).spec.restraint
    expect(saidFor({ type: 'M2M' })).to.equal(undefined)
    expect(saidFor(federated(['shop']))).to.deep.equal({ accountsSince: { shop: '1970-01-01T00:00:01Z' } })
  })
})
