import { signingAlgorithms } from '@nauthera/rules/algorithms'
import { expect } from 'chai'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { Browser } from '@nauthera/harness/browser'
import { addPerson, clientSecret, configs, entry, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

// All endpoints, used by two independent client libraries that verify every response themselves.

for (const path of ['', '/tenants/one']) {
  describe(`a relying party of an issuer ${path === '' ? 'at the root' : 'with a path'}`, () => {
    let replicas: ServerReplicas
    before(async () => {
      replicas = await startReplicas({ path, settings: { signing: { algorithms: signingAlgorithms } } })
      await replicas.serve([
        entry('app.web', configs.web),
        entry('app.machine', { ...configs.machine, scopes: ['read'] }),
        entry('app.es', { ...configs.web, idTokenSignedResponseAlg: 'EdDSA', userinfoSignedResponseAlg: 'PS256' }),
      ])
      await addPerson(replicas, 'ada', ['engineers'])
    })
    after(() => replicas.stop())

    const discover = (clientId: string) =>
      client.discovery(new URL(replicas.issuer), clientId, undefined, client.ClientSecretBasic(clientSecret), {
        execute: [client.allowInsecureRequests],
      })

    it('openid-client: discovery, code with PKCE, userinfo, refresh, introspection, revocation, logout', async () => {
      const config = await discover('app.web')
      const verifier = client.randomPKCECodeVerifier()
      const state = client.randomState()
      const nonce = client.randomNonce()
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: 'openid profile email groups offline_access',
        prompt: 'consent',
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
        nonce,
        max_age: '3600',
      })
      const browser = new Browser(replicas)
      const back = await browser.authorize(url.href, 'ada')
      const tokens = await client.authorizationCodeGrant(config, back, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        maxAge: 3600,
      })
      const claims = tokens.claims()!
      expect(claims.auth_time).to.be.a('number')
      expect(await client.fetchUserInfo(config, tokens.access_token, claims.sub)).to.include({
        preferred_username: 'ada',
        email: 'ada@example.com',
      })
      const next = await client.refreshTokenGrant(config, tokens.refresh_token!)
      expect(next.refresh_token).to.not.equal(tokens.refresh_token)
      expect(await client.tokenIntrospection(config, next.access_token)).to.include({
        active: true,
        client_id: 'app.web',
      })
      await client.tokenRevocation(config, next.refresh_token!)
      expect((await client.tokenIntrospection(config, next.access_token)).active).to.equal(false)
      const end = client.buildEndSessionUrl(config, {
        id_token_hint: tokens.id_token!,
        post_logout_redirect_uri: 'https://app.example.com/bye',
      })
      const page = await browser.follow(end.href)
      expect((await browser.submit(page, '/logout/confirm', { logout: 'yes' })).location).to.equal(
        'https://app.example.com/bye',
      )
    })

    it('openid-client: a pushed request, and client credentials', async () => {
      const config = await discover('app.web')
      const verifier = client.randomPKCECodeVerifier()
      const url = await client.buildAuthorizationUrlWithPAR(config, {
        redirect_uri: redirectUri,
        scope: 'openid',
        state: 's'.repeat(3000),
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      const back = await new Browser(replicas).authorize(url.href, 'ada')
      const tokens = await client.authorizationCodeGrant(config, back, {
        pkceCodeVerifier: verifier,
        expectedState: 's'.repeat(3000),
      })
      expect(tokens.claims()!.aud).to.equal('app.web')
      const machine = await client.clientCredentialsGrant(await discover('app.machine'), { scope: 'read' })
      expect(machine.token_type).to.equal('bearer')
    })

    it('oauth4webapi: other algorithms for the ID token and a signed userinfo, the signatures checked against JWKS', async () => {
      const insecure = { [oauth.allowInsecureRequests]: true } as const
      const issuer = new URL(replicas.issuer)
      const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
      const party: oauth.Client = {
        client_id: 'app.es',
        id_token_signed_response_alg: 'EdDSA',
        userinfo_signed_response_alg: 'PS256',
      }
      const verifier = oauth.generateRandomCodeVerifier()
      const url = new URL(server.authorization_endpoint!)
      url.search = new URLSearchParams({
        client_id: 'app.es',
        response_type: 'code',
        redirect_uri: redirectUri,
        scope: 'openid email',
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      }).toString()
      const back = oauth.validateAuthResponse(
        server,
        party,
        await new Browser(replicas).authorize(url.href, 'ada'),
        oauth.expectNoState,
      )
      const answer = await oauth.authorizationCodeGrantRequest(
        server,
        party,
        oauth.ClientSecretBasic(clientSecret),
        back,
        redirectUri,
        verifier,
        insecure,
      )
      const tokens = await oauth.processAuthorizationCodeResponse(server, party, answer, { requireIdToken: true })
      await oauth.validateApplicationLevelSignature(server, answer, insecure)
      const info = await oauth.userInfoRequest(server, party, tokens.access_token, insecure)
      const claims = await oauth.processUserInfoResponse(
        server,
        party,
        oauth.getValidatedIdTokenClaims(tokens)!.sub,
        info,
      )
      await oauth.validateApplicationLevelSignature(server, info, insecure)
      expect(claims.email).to.equal('ada@example.com')
    })

    it('oauth4webapi: the RFC 8414 metadata of the issuer', async () => {
      const issuer = new URL(replicas.issuer)
      const answer = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', [oauth.allowInsecureRequests]: true })
      expect((await oauth.processDiscoveryResponse(issuer, answer)).issuer).to.equal(replicas.issuer)
    })

    it('A5 openid-client refuses a callback that names another issuer', async () => {
      const config = await discover('app.web')
      const verifier = client.randomPKCECodeVerifier()
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: 'openid',
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      const back = await new Browser(replicas).authorize(url.href, 'ada')
      back.searchParams.set('iss', 'https://other.test')
      const outcome = await client.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier }).then(
        () => 'taken',
        () => 'refused',
      )
      expect(outcome).to.equal('refused')
    })
  })
}
