import { expect } from 'chai'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import type { Acceptance } from '../../src/decide/acceptance.ts'
import { declaredApi } from '../../src/decide/declared-api.ts'
import { client, holding } from './clients.ts'

const accepted: Acceptance = { kind: 'accepted', clientId: 'demo.app' }
const resourceServer = { identifier: 'https://api.example.com', scopes: ['read'] }
const about = { acceptance: accepted, policies: holding({ allow: { resourceServer: true } }), isDenied: false }
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

  it('is nothing without an identifier, or where no policy allows it', () => {
    expect(declaredApi(client(), about)).to.equal(undefined)
    expect(declaredApi(api(), { ...about, policies: holding({}) })).to.equal(undefined)
    for (const spec of [undefined, null, { resourceServer: 5 }, { resourceServer: { identifier: 5 } }]) {
      expect(declaredApi({ ...api(), spec } as never, about), JSON.stringify(spec)).to.equal(undefined)
    }
  })

  it('K18 is nothing for an identifier that policy gives to others, so it cannot keep the owner from it', () => {
    const under = (...listed: string[][]) => ({
      ...about,
      policies: holding(
        { allow: { resourceServer: true } },
        ...listed.map((one) => ({ allow: { resourceIdentifiers: one } })),
      ),
    })
    expect(declaredApi(api(), under(['https://other.example.com', 'urn:*']))).to.equal(undefined)
    expect(declaredApi(api(), under(['https://*'], []))).to.equal(undefined)
    expect(declaredApi(api(), under(['https://api.*'], ['https://api.example.com']))).to.include({ standing: 'open' })
  })

  for (const [standing, change] of [
    ['suspended', { spec: { suspended: true } }],
    ['denied', { isDenied: true }],
    ['invalid', { acceptance: { kind: 'invalid', clientId: 'demo.app', faults: [] } }],
    ['taken', { acceptance: { kind: 'conflict', clientId: 'demo.app', field: 'spec.clientId', holder: 'a/b' } }],
  ] as const) {
    it(`still declares its identifier while it is ${standing}`, () => {
      const { spec, ...more } = { spec: {}, ...change }
      expect(declaredApi(api(spec), { ...about, ...more })).to.deep.include({ standing })
    })
  }
})
