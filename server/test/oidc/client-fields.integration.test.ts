import { expect } from 'chai'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import type { Browser } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchCode, fetchTokens, redeem, request } from '@nauthera/harness/flows'
import { clientSecret, configs, entry } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { openRequest, outcomeOf, startWalked } from './walk/walked.ts'

// Fields of an OIDCClient that decide one thing alone, which no other test is about.

describe('what a client says of itself', () => {
  let replicas: ServerReplicas
  let browser: Browser
  before(async () => {
    const { web } = configs
    replicas = await startWalked([
      entry('app.fresh', { ...web, defaultMaxAge: 0 }),
      entry('app.hourly', { ...web, defaultMaxAge: 3600 }),
      entry('app.timed', { ...web, requireAuthTime: true }),
      entry('app.short', { ...web, idTokenTtl: 90, accessTokenTtl: 75 }),
      entry('app.posts', { ...web, responseModes: ['form_post'] }),
      entry('app.reader-only', { ...web, scopes: ['openid'] }),
      entry('app.pushes', { ...web, requirePushedAuthorizationRequests: true }),
      entry('app.polite', {
        ...web,
        consent: ConsentMode.EXPLICIT,
        policyUri: 'https://app.example.com/privacy',
        tosUri: 'https://app.example.com/terms',
      }),
    ])
    browser = (await fetchCode(replicas)).browser
  })
  after(() => replicas.stop())

  const outcome = async (parameters: Record<string, string>) =>
    outcomeOf(await openRequest(replicas, parameters, browser.copy()))
  const idTokenOf = async (client_id: string) =>
    claimsOfJwt((await fetchTokens(replicas, { clientId: client_id, parameters: { client_id } })).id)

  it('defaultMaxAge holds where a request has no max_age, and a request that has one decides itself', async () => {
    expect(await outcome({ client_id: 'app.fresh' })).to.equal('sign-in')
    expect(await outcome({ client_id: 'app.fresh', prompt: 'none' })).to.equal('login_required')
    expect(await outcome({ client_id: 'app.fresh', max_age: '3600' })).to.equal('code')
    expect(await outcome({ client_id: 'app.hourly' })).to.equal('code')
    expect(await outcome({ client_id: 'app.hourly', max_age: '0' })).to.equal('sign-in')
  })

  it('requireAuthTime puts auth_time into every ID token, as defaultMaxAge does; without both it is left out', async () => {
    expect((await idTokenOf('app.timed'))['auth_time']).to.be.a('number')
    expect((await idTokenOf('app.hourly'))['auth_time']).to.be.a('number')
    expect(await idTokenOf('app.web')).to.not.have.property('auth_time')
  })

  it('tokens.idTTL and tokens.accessTTL are how long its tokens live', async () => {
    const code = await fetchCode(replicas, { parameters: { client_id: 'app.short' } })
    const tokens = (await redeem(replicas, code, { clientId: 'app.short' })).json()
    const { iat, exp } = claimsOfJwt(String(tokens['id_token']))
    expect([Number(exp) - Number(iat), tokens['expires_in']]).to.deep.equal([90, 75])
  })

  it('responseModes are the only ones in which it is answered', async () => {
    expect(await outcome({ client_id: 'app.posts', response_mode: 'fragment' })).to.equal('invalid_request')
  })

  it('par refuses a request that was not pushed', async () => {
    expect(await outcome({ client_id: 'app.pushes' })).to.equal('invalid_request')
    const answer = await send(replicas, {
      path: '/request',
      headers: basic('app.pushes', clientSecret),
      form: request(pkce(), { client_id: 'app.pushes' }),
    })
    const { request_uri } = answer.json() as { request_uri: string }
    const pushed = authorizationUrl(replicas.issuer, { client_id: 'app.pushes', request_uri })
    expect(outcomeOf(await browser.copy().follow(pushed))).to.equal('code')
  })

  it('a scope that is not in scopes is refused or left out', async () => {
    expect(await outcome({ client_id: 'app.reader-only', scope: 'openid email' })).to.not.equal('invalid_scope')
  })

  it('uris.policy and uris.tos are linked where a person is asked for consent', async () => {
    const { body } = await openRequest(replicas, { client_id: 'app.polite' }, browser.copy())
    expect(body)
      .to.contain('href="https://app.example.com/privacy"')
      .and.contain('href="https://app.example.com/terms"')
  })
})
