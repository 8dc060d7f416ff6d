import { createHmac, randomUUID } from 'node:crypto'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { expect } from 'chai'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { CryptoKey, JWK } from 'jose'
import * as client from 'openid-client'
import { Browser, authorizationUrl, pkce, send } from '@nauthera/harness/browser'
import { deviceGrant } from '@nauthera/harness/device'
import { redeem } from '@nauthera/harness/flows'
import { addPerson, configs, entry, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

// Signed authorization requests in the parameter `request` (RFC 9101). The client authenticates with the same key.

interface Key {
  readonly alg: string
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

async function makeKey(alg: string, kid: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

describe('RFC 9101 signed request objects', () => {
  let replicas: ServerReplicas
  let keys: Record<string, Key>
  let stranger: Key
  before(async () => {
    replicas = await startReplicas()
    const algorithms = ['ES256', 'RS256', 'PS256', 'Ed25519']
    const made = await Promise.all(algorithms.map((alg) => makeKey(alg, `own-${alg}`)))
    keys = Object.fromEntries(made.map((key) => [key.alg, key]))
    stranger = await makeKey('ES256', 'own-ES256')
    const jwks = { keys: made.map(({ jwk }) => jwk as Record<string, string>) }
    const signed = { ...configs.web, tokenEndpointAuthMethod: 'private_key_jwt', jwks }
    await replicas.serve([
      entry('app.signed', signed),
      entry('app.strict', { ...signed, requireSignedRequestObject: true }),
      entry('app.secret', { ...configs.web, jwks }),
      entry('app.few', {
        ...signed,
        scopes: ['email'],
        consent: ConsentMode.SKIP,
        grantTypes: [...signed.grantTypes, deviceGrant],
      }),
    ])
    await addPerson(replicas, 'ada')
  })
  after(() => replicas.stop())

  for (const clientId of ['app.signed', 'app.strict']) {
    for (const alg of ['ES256', 'RS256', 'PS256', 'Ed25519']) {
      it(`openid-client: ${clientId} signs in with a request that it signed with ${alg}`, async () => {
        const { privateKey, jwk } = keys[alg]!
        const own = { key: privateKey, kid: jwk.kid! }
        const config = await client.discovery(
          new URL(replicas.issuer),
          clientId,
          undefined,
          client.PrivateKeyJwt(own),
          { execute: [client.allowInsecureRequests] },
        )
        const verifier = client.randomPKCECodeVerifier()
        const state = client.randomState()
        const url = await client.buildAuthorizationUrlWithJAR(
          config,
          {
            redirect_uri: redirectUri,
            scope: 'openid email',
            prompt: 'Welcome back!',
            state,
            code_challenge: await client.calculatePKCECodeChallenge(verifier),
            code_challenge_method: 'S256',
          },
          own,
        )
        expect([...url.searchParams.keys()]).to.have.members(['client_id', 'request'])
        const back = await new Browser(replicas).authorize(url.href, 'ada')
        const tokens = await client.authorizationCodeGrant(config, back, {
          pkceCodeVerifier: verifier,
          expectedState: state,
        })
        expect(tokens.claims()!.aud).to.equal(clientId)
      })
    }
  }

  const now = () => Math.floor(Date.now() / 1000)
  const parameters = (clientId: string): Record<string, string> => ({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid',
    state: 'signed-state',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
  })
  const bodyOf = (more: object): Record<string, unknown> => ({
    ...parameters('app.signed'),
    iss: 'app.signed',
    aud: replicas.issuer,
    iat: now(),
    nbf: now(),
    exp: now() + 60,
    jti: randomUUID(),
    ...more,
  })
  const signWith = (key: Key, more: object = {}, head: object = {}): Promise<string> =>
    new SignJWT(bodyOf(more))
      .setProtectedHeader({ alg: key.alg, kid: key.jwk.kid!, typ: 'oauth-authz-req+jwt', ...head })
      .sign(key.privateKey)
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const byHand = (head: object, sign: (data: string) => string): string => {
    const data = `${encode({ typ: 'oauth-authz-req+jwt', ...head })}.${encode(bodyOf({}))}`
    return `${data}.${sign(data)}`
  }
  /** What the page or the redirect says; `page` when a sign-in has begun. */
  async function outcomeOf(query: Record<string, string>): Promise<string> {
    const answer = await send(replicas, {
      path: new URL(authorizationUrl(replicas.issuer, query)).pathname + `?${new URLSearchParams(query).toString()}`,
      headers: { accept: 'text/html' },
    })
    const location = new URL(answer.headers.location ?? '/', replicas.issuer)
    if (location.pathname.startsWith('/interaction/')) return 'page'
    if (answer.status === 303) return location.searchParams.get('error') ?? 'none'
    return /(?:invalid|unsupported|unauthorized)_[a-z_]+/.exec(answer.body)?.[0] ?? String(answer.status)
  }

  const es256 = () => keys['ES256']!
  const refused: [sentence: string, request: () => Promise<string> | string][] = [
    ['a request object that has expired', () => signWith(es256(), { exp: now() - 60 })],
    ['a request object that is not valid yet', () => signWith(es256(), { nbf: now() + 600 })],
    ['a request object for another issuer', () => signWith(es256(), { aud: 'https://other.test' })],
    ['a request object of another client', () => signWith(es256(), { iss: 'app.strict' })],
    ['a request object that names another client', () => signWith(es256(), { client_id: 'app.strict' })],
    ['a request object that is signed with a key that is not the client’s', () => signWith(stranger)],
    ['a request object that brings its own key', () => signWith(stranger, {}, { kid: undefined, jwk: stranger.jwk })],
    ['a request object that contains another one', () => signWith(es256(), { request: 'x.y.z' })],
    [
      'a request object that contains a request_uri',
      () => signWith(es256(), { request_uri: 'https://app.example.com/r' }),
    ],
    ['a request object without a signature (alg none)', () => byHand({ alg: 'none' }, () => '')],
    [
      'a request object that is signed with HS256 and the public key',
      () =>
        byHand({ alg: 'HS256', kid: es256().jwk.kid }, (data) =>
          createHmac('sha256', JSON.stringify(es256().jwk)).update(data).digest('base64url'),
        ),
    ],
    ['a request object whose signature was changed', async () => (await signWith(es256())).replace(/.{6}$/, 'AAAAAA')],
    ['text that is not a JWT', () => 'request'],
  ]
  for (const [sentence, make] of refused) {
    it(`A9 refuses ${sentence}, and accepts a valid one`, async () => {
      const query = { client_id: 'app.signed', scope: 'openid', response_type: 'code' }
      expect(await outcomeOf({ ...query, request: await make() })).to.match(/^invalid_request(_object)?$/)
      expect(await outcomeOf({ ...query, request: await signWith(es256()) })).to.equal('page')
    })
  }

  it('a client that must sign its requests is refused without a signature', async () => {
    expect(await outcomeOf(parameters('app.strict'))).to.equal('invalid_request')
    const own = { iss: 'app.strict', client_id: 'app.strict' }
    const signed = { client_id: 'app.strict', request: await signWith(es256(), own) }
    expect(await outcomeOf(signed)).to.equal('page')
  })

  it('parameters outside of a signed request object are ignored', async () => {
    const browser = new Browser(replicas)
    const query = {
      client_id: 'app.signed',
      request: await signWith(es256()),
      state: 'unsigned-state',
      redirect_uri: 'https://evil.test/callback',
      scope: 'openid email offline_access',
    }
    const back = await browser.authorize(authorizationUrl(replicas.issuer, query), 'ada')
    expect(back.origin + back.pathname).to.equal(redirectUri)
    expect(back.searchParams.get('state')).to.equal('signed-state')
  })

  it('A9 a request object with an empty list of APIs is refused at /authorize, when it is pushed, and by the device flow', async () => {
    const ofObject = (resource: unknown) => {
      const own = { iss: 'app.few', client_id: 'app.few', scope: 'email offline_access', resource }
      return signWith(es256(), own)
    }
    const proof = () =>
      new SignJWT({ iss: 'app.few', sub: 'app.few', aud: replicas.issuer, jti: randomUUID(), exp: now() + 60 })
        .setProtectedHeader({ alg: 'ES256', kid: es256().jwk.kid! })
        .sign(es256().privateKey)
    const direct = async (path: string, object: string) => {
      const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
      const form = { client_id: 'app.few', client_assertion: await proof(), client_assertion_type, request: object }
      return send(replicas, { path, form })
    }
    for (const [resource, outcome, pushed, asked] of [
      [[], 'invalid_request_object', 400, 400],
      [undefined, 'page', 201, 200],
    ] as const) {
      expect(await outcomeOf({ client_id: 'app.few', request: await ofObject(resource) })).to.equal(outcome)
      for (const [path, status] of [
        ['/request', pushed],
        ['/device_authorization', asked],
      ] as const) {
        const answer = await direct(path, await ofObject(resource))
        expect(answer.status, answer.body).to.equal(status)
        if (status === 400) expect(answer.json()['error']).to.equal('invalid_request_object')
      }
    }
  })

  for (const [inside, beside, granted] of [
    ['openid', 'openid offline_access', 'openid'],
    ['openid offline_access', 'openid', 'openid offline_access'],
    ['openid offline_access', 'openid offline_access', 'openid offline_access'],
    ['openid email', 'openid offline_access email', 'openid email'],
  ] as const) {
    it(`A9 a signed request for "${inside}" with "${beside}" beside it is one for "${granted}"`, async () => {
      const proof = pkce()
      const own = { iss: 'app.secret', client_id: 'app.secret', scope: inside, code_challenge: proof.challenge }
      const query = { client_id: 'app.secret', scope: beside, request: await signWith(es256(), own) }
      const back = await new Browser(replicas).authorize(authorizationUrl(replicas.issuer, query), 'ada')
      const code = { value: back.searchParams.get('code')!, proof }
      expect((await redeem(replicas, code, { clientId: 'app.secret' })).json()['scope']).to.equal(granted)
    })
  }
})
