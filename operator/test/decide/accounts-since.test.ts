import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { expect } from 'chai'
import { renderVersion } from '@nauthera/proto/client-version'
import { ClientConfigSchema, ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Judgement } from '../../src/decide/access/judgement.ts'
import { findAccountsSince } from '../../src/decide/access/accounts-since.ts'

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
const bornAt = (name: string) => ({ shop: 1_000, other: 2_000 })[name]
const storedWith = (accountsSince: Readonly<Record<string, number>>, ...namespaces: readonly string[]) =>
  create(ShardEntrySchema, {
    accepted: renderVersion(configFor(...namespaces)),
    accountsSince: Object.fromEntries(Object.entries(accountsSince).map(([name, at]) => [name, timestampFromMs(at)])),
  })

describe(findAccountsSince.name, () => {
  it('names the birth of each namespace of a ServiceAccount, and none of another issuer or cluster', () => {
    expect(findAccountsSince({ serve: serving('shop', 'other', 'shop') }, undefined, bornAt)).to.deep.equal({
      shop: 1_000,
      other: 2_000,
    })
    expect(findAccountsSince({ serve: serving() }, undefined, bornAt)).to.deep.equal({})
  })

  it('names those of the version that is still served, too', () => {
    const stored = storedWith({}, 'other')
    expect(findAccountsSince({ serve: serving('shop') }, stored, bornAt)).to.deep.equal({ shop: 1_000, other: 2_000 })
    expect(findAccountsSince({ serve: { kind: 'carry', until: undefined } }, stored, bornAt)).to.deep.equal({
      other: 2_000,
    })
  })

  it('keeps what is stored while a namespace is not seen, and follows one that was made anew', () => {
    const stored = storedWith({ shop: 1_000, other: 500 }, 'shop', 'other')
    const seen = (name: string) => (name === 'shop' ? 3_000 : undefined)
    expect(findAccountsSince({ serve: serving('shop', 'other') }, stored, seen)).to.deep.equal({
      shop: 3_000,
      other: 500,
    })
  })

  it('knows nothing of a namespace that nobody has seen', () => {
    expect(findAccountsSince({ serve: serving('hidden') }, undefined, bornAt)).to.deep.equal({})
  })
})
