import { expect } from 'chai'
import { renderVersion } from '@nauthera/proto/client-version'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import type { Acceptance } from '../../src/decide/acceptance.ts'
import { declaredApi, waitingApi } from '../../src/decide/declared-api.ts'
import { renderConfig } from '../../src/decide/metadata.ts'
import { client, binding } from './clients.ts'

const accepted: Acceptance = { kind: 'accepted', clientId: 'demo.app' }
const resourceServer = { identifier: 'https://api.example.com', scopes: [{ name: 'read' }] }
const about = {
  acceptance: accepted,
  policies: binding({ allow: { resourceServer: true } }),
  denied: 'no' as const,
  isHeld: () => false,
}
const api = (change: Partial<OIDCClient['spec']> = {}) => client({ type: 'M2M', resourceServer, ...change })

describe('declaredApi', () => {
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
    const acceptance: Acceptance = { kind: 'conflict', clientId: 'demo.app', field: 'spec.clientId', holder: 'a/b' }
    expect(declaredApi(api(), { ...about, acceptance, isHeld: () => true })).to.include({ standing: 'open' })
  })

  for (const [standing, change] of [
    ['suspended', { spec: { suspended: true } }],
    ['denied', { denied: 'over' }],
    ['invalid', { acceptance: { kind: 'invalid', clientId: 'demo.app', faults: [] } }],
    ['taken', { acceptance: { kind: 'conflict', clientId: 'demo.app', field: 'spec.clientId', holder: 'a/b' } }],
  ] as const) {
    it(`still declares its identifier while it is ${standing}`, () => {
      const { spec, ...more } = { spec: {}, ...change }
      expect(declaredApi(api(spec), { ...about, ...more })).to.deep.include({ standing })
    })
  }
})

describe('waitingApi', () => {
  const conflict: Acceptance = {
    kind: 'conflict',
    clientId: 'demo.app',
    field: 'spec.resourceServer.identifier',
    holder: 'a/b',
  }
  const waits = { acceptance: conflict, denied: 'no' as const }
  const versionAs = (change: Partial<OIDCClient['spec']>) => renderVersion(renderConfig(api(change)))
  const carried = versionAs({})
  const wanted = { identifier: 'urn:other', scopes: [{ name: 'write' }] }

  it('K1 is the earlier version under its identifier, with the access of today', () => {
    const access = [{ namespaces: ['web'] }]
    expect(waitingApi(api({ resourceServer: { ...wanted, access } }), waits, carried)).to.deep.include({
      identifier: resourceServer.identifier,
      claim: 'held',
      standing: 'open',
      scopes: ['read'],
      access,
    })
  })

  it('lets nobody in while the object is suspended, and when the grace of a policy is over', () => {
    const standingOf = (change: object, more: object = {}) =>
      waitingApi(api({ resourceServer: wanted, ...change }), { ...waits, ...more }, carried)?.standing
    expect(standingOf({ suspended: true })).to.equal('suspended')
    expect(standingOf({}, { denied: 'grace' })).to.equal('open')
    expect(standingOf({}, { denied: 'over' })).to.equal('denied')
  })

  it('is nothing for an object that waits for no identifier, or has none', () => {
    const moved = api({ resourceServer: wanted })
    expect(waitingApi(moved, { ...waits, acceptance: accepted }, carried)).to.equal(undefined)
    expect(waitingApi(moved, waits, undefined)).to.equal(undefined)
    expect(waitingApi(moved, waits, renderVersion(renderConfig(client({ type: 'M2M' }))))).to.equal(undefined)
    expect(waitingApi(moved, waits, { ...carried, config: '{' })).to.equal(undefined)
    expect(waitingApi(api(), waits, carried)).to.equal(undefined)
    expect(waitingApi(client({ type: 'M2M' }), waits, carried)).to.equal(undefined)
  })
})
