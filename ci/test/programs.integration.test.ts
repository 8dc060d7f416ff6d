import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import * as openidClient from 'openid-client'
import { InMemoryWebStorage, OidcClient, WebStorageStateStore } from 'oidc-client-ts'
import { Issuer, generators } from 'openid-client-5'
import { parse } from 'yaml'
import { Browser, authorizationUrl, pkce } from '@nauthera/harness/browser'
import type { OIDCClientSpec } from '@nauthera/operator/api/oidc-client'
import { startGiven } from './support/given-secret.ts'
import type { Given, SecretData } from './support/given-secret.ts'

// Programs of docs/integrations that need no more than a package: each with its own defaults and the Secret of its client, and
// nothing else. Sign in, read who it is, refresh, rotate, sign out. Those that a registry brings are in ci/programs.

const redirect = 'https://app.example.com/callback'
const home = 'https://app.example.com/'
const spec: OIDCClientSpec = { type: 'Web', redirectURIs: [redirect], postLogoutRedirectURIs: [home] }

describe('a program with nothing but its Secret', () => {
  let given: Given
  before(async () => (given = await startGiven()))
  after(() => given.stop())

  /** @returns where the sign-out leads back to */
  const signOut = async (browser: Browser, url: string) => {
    const page = await browser.follow(url)
    return (await browser.submit(page, '/logout/confirm', { logout: 'yes' })).location
  }

  it('openid-client 6', async () => {
    const configure = ({ issuer, client_id: id, client_secret: secret }: SecretData) =>
      openidClient.discovery(new URL(issuer!), id!, secret, undefined, {
        execute: [openidClient.allowInsecureRequests],
      })
    const secret = await given.client('six', spec)
    let config = await configure(secret)
    const pkceCodeVerifier = openidClient.randomPKCECodeVerifier()
    const url = openidClient.buildAuthorizationUrl(config, {
      redirect_uri: secret['redirect_uris']!,
      scope: secret['scopes']!,
      code_challenge: await openidClient.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    })
    const browser = new Browser(given.replicas)
    const tokens = await openidClient.authorizationCodeGrant(config, await browser.authorize(url.href, 'ada'), {
      pkceCodeVerifier,
    })
    expect(tokens.claims()).to.include({ email: 'ada@example.com' })
    let next = await openidClient.refreshTokenGrant(config, tokens.refresh_token!)
    const rotated = await given.rotate('six')
    next = await openidClient.refreshTokenGrant(config, next.refresh_token!)
    config = await configure(rotated)
    await given.retire('six')
    next = await openidClient.refreshTokenGrant(config, next.refresh_token!)
    const end = openidClient.buildEndSessionUrl(config, {
      id_token_hint: next.id_token!,
      post_logout_redirect_uri: home,
    })
    expect(await signOut(browser, end.href)).to.equal(home)
  })

  it('openid-client 5, which sends a nonce and no PKCE, and takes RS256 alone', async () => {
    const secret = await given.client('five', spec)
    const issuer = await Issuer.discover(secret['issuer']!)
    const configure = (data: SecretData) =>
      new issuer.Client({
        client_id: data['client_id']!,
        client_secret: data['client_secret']!,
        redirect_uris: [data['redirect_uris']!],
        response_types: ['code'],
      })
    const client = configure(secret)
    const [nonce, state] = [generators.nonce(), generators.state()]
    const browser = new Browser(given.replicas)
    const back = await browser.authorize(client.authorizationUrl({ scope: secret['scopes']!, nonce, state }), 'ada')
    let tokens = await client.callback(redirect, client.callbackParams(back.href), { nonce, state })
    expect(tokens.claims()).to.include({ email: 'ada@example.com' })
    tokens = await client.refresh(tokens)
    const rotated = configure(await given.rotate('five'))
    tokens = await client.refresh(tokens)
    await given.retire('five')
    tokens = await rotated.refresh(tokens)
    const end = rotated.endSessionUrl({ id_token_hint: tokens.id_token!, post_logout_redirect_uri: home })
    expect(await signOut(browser, end)).to.equal(home)
  })

  it('oidc-client-ts, in a browser, where there is no secret to rotate', async () => {
    const secret = await given.client('spa', { ...spec, type: 'SPA' })
    const client = new OidcClient({
      authority: secret['issuer']!,
      client_id: secret['client_id']!,
      redirect_uri: secret['redirect_uris']!,
      scope: secret['scopes']!,
      stateStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
    })
    const browser = new Browser(given.replicas)
    const back = await browser.authorize((await client.createSigninRequest({})).url, 'ada')
    const signedIn = await client.processSigninResponse(back.href)
    expect(signedIn.profile).to.include({ email: 'ada@example.com', preferred_username: 'ada' })
    const { refresh_token, id_token, profile } = signedIn
    const state = { refresh_token: refresh_token!, id_token: id_token!, session_state: null, profile }
    expect((await client.useRefreshToken({ state })).access_token).to.be.a('string')
    const end = await client.createSignoutRequest({ id_token_hint: id_token!, post_logout_redirect_uri: home })
    expect(await signOut(browser, end.url)).to.equal(home)
  })

  it('what kubelogin sends is what examples/clients/kubernetes.yaml registers', async () => {
    const { spec: own } = parse(readFileSync('examples/clients/kubernetes.yaml', 'utf8')) as { spec: OIDCClientSpec }
    const secret = await given.client('kubernetes', own)
    for (const redirectUri of ['http://localhost:8000', 'http://localhost:18000']) {
      const url = authorizationUrl(secret['issuer']!, {
        client_id: secret['client_id']!,
        response_type: 'code',
        redirect_uri: redirectUri,
        scope: 'email groups offline_access openid',
        access_type: 'offline',
        code_challenge: pkce().challenge,
        code_challenge_method: 'S256',
      })
      const back = await new Browser(given.replicas).authorize(url, 'ada')
      expect(back.searchParams.get('code'), back.href).to.be.a('string')
    }
  })
})
