import { expect } from 'chai'
import { renderVersion } from '@nauthera/proto/client-version'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import { declaredApis } from '../../src/decide/access/declared-api.ts'
import { renderConfig } from '../../src/decide/client/metadata.ts'
import { client, binding } from './clients.ts'

const resourceServer = { identifier: 'https://api.example.com', scopes: [{ name: 'read' }] }
const about = {
  refused: undefined,
  policies: binding({ allow: { resourceServer: true } }),
  denied: 'no' as const,
  isHeld: () => false,
  earlier: undefined,
}
const api = (change: Partial<OIDCClient['spec']> = {}) => client({ type: 'M2M', resourceServer, ...change })

/** @returns the one thing that the object says as an API; undefined for nothing */
const declaredApi = (...args: Parameters<typeof declaredApis>) => {
  const found = declaredApis(...args)
  expect(found.length).to.be.at.most(1)
  return found[0]
}

describe('declaredApis', () => {
  it('is what the object says', () => {
    expect(declaredApi(api(), about)).to.deep.include({
      key: 'demo/app',
      identifier: 'https://api.example.com',
      scopes: ['read'],
      access: undefined,
      standing: 'open',
    })
  })

  it('is nothing without an identifier', () => {
    expect(declaredApi(client(), about)).to.equal(undefined)
    for (const spec of [undefined, null, { resourceServer: 5 }, { resourceServer: { identifier: 5 } }]) {
      expect(declaredApi({ ...api(), spec } as never, about), JSON.stringify(spec)).to.equal(undefined)
    }
  })

  it('K18 lets nobody in under an identifier that policy gives to others, and does not keep the owner from it', () => {
    const under = (...listed: string[][]) => ({
      ...about,
      policies: binding(
        { allow: { resourceServer: true } },
        ...listed.map((one) => ({ allow: { resourceIdentifiers: one } })),
      ),
    })
    const none = { claim: 'named', standing: 'denied' }
    expect(declaredApi(api(), { ...about, policies: binding({}) })).to.include(none)
    expect(declaredApi(api(), under(['https://other.example.com', 'urn:*']))).to.include(none)
    expect(declaredApi(api(), under(['https://*'], []))).to.include(none)
    expect(declaredApi(api(), under(['https://api.*'], ['https://api.example.com']))).to.include({ standing: 'open' })
  })

  it('K18 works on in the grace of a policy under the identifier that servers have, and under no other', () => {
    const graced = { ...about, policies: binding({}), denied: 'grace' as const }
    const isHeld = (name: string) => name === 'https://api.example.com'
    expect(declaredApi(api(), { ...graced, isHeld })).to.include({ claim: 'held', standing: 'open' })
    const moved = api({ resourceServer: { ...resourceServer, identifier: 'urn:other' } })
    expect(declaredApi(moved, { ...graced, isHeld })).to.include({ claim: 'named', standing: 'denied' })
    expect(declaredApi(api(), { ...graced, denied: 'over', isHeld })).to.include({ standing: 'denied' })
  })

  it('K1 stays open under the identifier that servers have while it waits for another name', () => {
    expect(declaredApi(api(), { ...about, refused: 'taken', isHeld: () => true })).to.include({ standing: 'open' })
  })

  for (const [standing, change] of [
    ['suspended', { spec: { suspended: true } }],
    ['denied', { denied: 'over' }],
    ['invalid', { refused: 'invalid' }],
    ['taken', { refused: 'taken' }],
  ] as const) {
    it(`still declares its identifier while it is ${standing}`, () => {
      const { spec, ...more } = { spec: {}, ...change }
      expect(declaredApi(api(spec), { ...about, ...more })).to.deep.include({ standing })
    })
  }
})

describe('declaredApis, while an earlier version is served', () => {
  const versionAs = (change: Partial<OIDCClient['spec']>) => renderVersion(renderConfig(api(change)))
  const unserved = { ...about, earlier: versionAs({}) }
  const wanted = { identifier: 'urn:other', scopes: [{ name: 'write' }] }
  const moved = api({ resourceServer: wanted })

  it('K1 says first what it waits for, which lets nobody in, then what it is', () => {
    const access = [{ namespaces: ['web'] }]
    const [first, second, ...more] = declaredApis(api({ resourceServer: { ...wanted, access } }), unserved)
    expect(first).to.deep.include({ identifier: 'urn:other', standing: 'waiting' })
    const old = { identifier: resourceServer.identifier, claim: 'held', standing: 'open', scopes: ['read'] }
    expect(second).to.deep.include({ ...old, access })
    expect(more).to.deep.equal([])
  })

  it('K18 gives of its types of authorization details those that both versions have', () => {
    const detail = (...types: string[]) => ({
      ...resourceServer,
      authorizationDetails: types.map((type) => ({ type, title: type })),
    })
    const earlier = versionAs({ resourceServer: detail('a', 'b') })
    expect(declaredApi(api({ resourceServer: detail('b', 'c') }), { ...about, earlier })?.types).to.deep.equal(['b'])
  })

  it('K18 lets nobody in by what cannot be read of the access', () => {
    const accessOf = (access: unknown) =>
      declaredApis(api({ resourceServer: { ...wanted, access } as never }), unserved)[1]?.access
    expect(accessOf('*')).to.deep.equal([])
    expect(accessOf(null)).to.deep.equal([])
    const mistaken = [{}, 5, { namespaces: '*' }, { namespaces: ['a'], scopes: 'read' }, { namespaces: ['a'], more: 1 }]
    expect(accessOf([...mistaken, { namespaces: ['web'] }])).to.deep.equal([{ namespaces: ['web'] }])
  })

  it('is what the object says where there is no earlier version that is an API', () => {
    for (const earlier of [renderVersion(renderConfig(client({ type: 'M2M' }))), { ...versionAs({}), config: '{' }])
      expect(declaredApi(moved, { ...about, earlier })).to.include({ identifier: 'urn:other', standing: 'open' })
    expect(declaredApi(client({ type: 'M2M' }), unserved), 'it is no API any more').to.equal(undefined)
  })
})
