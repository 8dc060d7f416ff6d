import { expect } from 'chai'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchCode, fetchTokens, redeem, refresh, request, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { acrOf, acrValues } from '../../src/oidc/acr.ts'

const password = 'urn:nauthera:password'
const mfa = 'urn:nauthera:mfa'
const stronger = 'urn:example:stronger'
const askFor = (acr: unknown): Record<string, string> => ({ claims: JSON.stringify({ id_token: { acr } }) })

describe('how a person signed in (acr)', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas()
    await replicas.serve([entry('app.web', configs.web)])
    await addPerson(replicas, 'ada')
  })
  after(() => replicas.stop())

  it('follows from what the person has proved', () => {
    expect(acrOf(['pwd'])).to.equal(password)
    for (const amr of [undefined, [], ['otp']]) expect(acrOf(amr)).to.equal(undefined)
    expect(acrOf(['pwd', 'otp', 'mfa'])).to.equal(mfa)
    expect(acrOf(['hwk', 'user', 'mfa'])).to.equal(mfa)
    expect(acrValues({ policy: 'off' })).to.deep.equal([password])
    expect(acrValues({ policy: 'optional' })).to.deep.equal([password, mfa])
  })

  it('is in every ID token, also after a refresh, and discovery names it', async () => {
    const tokens = await fetchTokens(replicas)
    expect(claimsOfJwt(tokens.id)['acr']).to.equal(password)
    expect(claimsOfJwt(tokensOf(await refresh(replicas, tokens.refresh)).id)['acr']).to.equal(password)
    const discovery = (await send(replicas, { path: '/.well-known/openid-configuration' })).json()
    expect(discovery['acr_values_supported']).to.deep.equal([password, mfa])
    expect(discovery['claims_supported']).to.include('acr')
  })

  for (const [sentence, parameters] of [
    ['acr_values that this sign-in has', { acr_values: password }],
    ['acr_values that nobody can reach: they are a wish', { acr_values: `${stronger} urn:example:other` }],
    ['a voluntary acr that nobody can reach', askFor({ values: [stronger] })],
    ['any acr, as an essential claim', askFor({ essential: true })],
    ['an acr as a claim without more', askFor(null)],
    ['an essential acr that this sign-in has', askFor({ essential: true, value: password })],
    ['one of several essential acr values', askFor({ essential: true, values: [stronger, password] })],
  ] as const) {
    it(`a request may ask for ${sentence}`, async () => {
      const tokens = tokensOf(await redeem(replicas, await fetchCode(replicas, { parameters })))
      expect(claimsOfJwt(tokens.id)['acr']).to.equal(password)
    })
  }

  const unreachable = [
    ['a value', askFor({ essential: true, value: stronger })],
    ['a list of values', askFor({ essential: true, values: [stronger, 'urn:example:other'] })],
    ['an empty list', askFor({ essential: true, values: [] })],
    ['a value, with acr_values beside it', { ...askFor({ essential: true, value: stronger }), acr_values: password }],
  ] as const
  for (const [sentence, parameters] of unreachable) {
    it(`an essential acr that nobody can reach, as ${sentence}, is a failed sign-in and shows no page`, async () => {
      const { browser } = await fetchCode(replicas)
      for (const [who, more] of [
        [new Browser(replicas), {}],
        [browser, {}],
        [browser, { prompt: 'none' }],
        [browser, { prompt: 'login' }],
      ] as const) {
        const url = authorizationUrl(replicas.issuer, request(pkce(), { ...parameters, ...more }))
        const back = await who.follow(url)
        expect(back.location, String(back.status)).to.be.a('string')
        const { searchParams } = new URL(back.location!)
        expect(searchParams.get('error')).to.equal('unmet_authentication_requirements')
        expect(searchParams.get('error_description')).to.contain(password)
        expect(searchParams.get('state')).to.equal('a-state')
      }
      const form = request(pkce(), parameters)
      const pushed = await send(replicas, { path: '/request', form, headers: basic('app.web', clientSecret) })
      expect([pushed.status, pushed.json()['error']]).to.deep.equal([400, 'unmet_authentication_requirements'])
    })
  }

  for (const acr of [
    { essential: true, values: password },
    { essential: true, value: 1 },
    { essential: true, values: [1] },
  ]) {
    it(`an essential acr that is no text is refused: ${JSON.stringify(acr)}`, async () => {
      const url = authorizationUrl(replicas.issuer, request(pkce(), askFor(acr)))
      const back = await new Browser(replicas).follow(url)
      expect(new URL(back.location!).searchParams.get('error')).to.equal('invalid_request')
    })
  }
})
