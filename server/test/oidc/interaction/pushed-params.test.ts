import { expect } from 'chai'
import type { LibraryPart } from '../../../src/oidc/interaction/library-part.ts'
import { withPushedParams, withoutPushedParams } from '../../../src/oidc/interaction/pushed-params.ts'

const long = 'x'.repeat(300)
const claims = { userinfo: { email: { essential: true, values: [long] } } }
const details = [{ type: 'payment', creditor: long }]
const payload: LibraryPart = {
  prompt: { name: 'login', reasons: [] },
  params: {
    client_id: 'app',
    scope: 'openid',
    state: long,
    claims: JSON.stringify(claims),
    authorization_details: JSON.stringify(details),
    resource: [long, 'b'],
  },
  returnTo: 'https://login.example.com/authorize/u',
  exp: 700,
  parJti: 'pushed',
}
const body = { state: long, claims, authorization_details: details, resource: [long, 'b'] }
const request = `head.${Buffer.from(JSON.stringify(body)).toString('base64url')}.`
const storeOf = (found: object | undefined) =>
  ({
    store: { pushedRequests: { find: async () => found as Record<string, unknown> | undefined } },
    unsealRequest: (value: string) => (value === 'nr_sealed' ? { request } : undefined),
  }) as never

describe('withoutPushedParams', () => {
  it('leaves out long parameters, and names them', () => {
    const short = withoutPushedParams(payload)
    expect(short.params).to.deep.equal({ client_id: 'app', scope: 'openid' })
    expect(short['leftInPushed']).to.deep.equal(['state', 'claims', 'authorization_details', 'resource'])
  })
  it('leaves nothing out of a request that is short or was not pushed', () => {
    const { parJti: _, ...plain } = payload
    const short = { ...payload, params: { client_id: 'app', scope: 'openid' } }
    expect(withoutPushedParams(plain)).to.equal(plain)
    expect(withoutPushedParams(short)).to.equal(short)
  })
  it('leaves the parameters in when the sealed request would be longer', () => {
    expect(withoutPushedParams(payload, 'x'.repeat(5000))).to.equal(payload)
  })
})

describe('withPushedParams', () => {
  it('reads the missing parameters again, in the form that the library gave them', async () => {
    expect(await withPushedParams(withoutPushedParams(payload), storeOf({ request }))).to.deep.equal(payload)
  })
  it('reads them from the sealed request that the cookie holds', async () => {
    const short = withoutPushedParams(payload, 'nr_sealed')
    expect(short.sealedRequest).to.equal('nr_sealed')
    expect(await withPushedParams(short, storeOf(undefined))).to.deep.equal(payload)
    expect(await withPushedParams({ ...short, sealedRequest: 'nr_other' }, storeOf(undefined))).to.equal(undefined)
  })
  it('finds nothing when the pushed request is gone', async () => {
    expect(await withPushedParams(withoutPushedParams(payload), storeOf(undefined))).to.equal(undefined)
  })
})
