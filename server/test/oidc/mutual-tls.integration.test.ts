import { createHash, randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import * as client from 'openid-client'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import { keySetOf, createCertificate } from '@nauthera/harness/certificates'
import type { Made, Wanted } from '@nauthera/harness/certificates'
import { claimsOfJwt } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

// Clients that prove themselves by a certificate, and tokens that are bound to one (RFC 8705): over real TLS, and by the header of a proxy.

const spiffe = 'spiffe://example.org/ns/demo/sa/worker'
const keyed = { tokenEndpointAuthMethod: 'self_signed_tls_client_auth' }
const worker = { tokenEndpointAuthMethod: 'tls_client_auth', tlsClientAuthSanUri: spiffe }
const fapi = {
  profile: 'FAPI2',
  requirePushedAuthorizationRequests: true,
  idTokenSignedResponseAlg: 'ES256',
  accessTokenSignedResponseAlg: 'ES256',
  idTokenClaims: 'Minimal',
} as const
const thumbprintOf = ({ der }: Made) => createHash('sha256').update(der).digest('base64url')

describe('mutual TLS', () => {
  let replicas: ServerReplicas
  let directory: string
  let ca: Made
  let serverCertificate: Made
  /** Of the worker, and one that it gets later; of another program of the same authority; of a client that signs its own. */
  let mine: Made
  let renewed: Made
  let other: Made
  let own: Made

  const make = (wanted: Wanted = {}) => createCertificate({ issuer: ca, uris: [spiffe], ...wanted })
  const clients = (more: Record<string, object> = {}) => {
    const all = {
      'app.worker': { ...configs.machine, ...worker },
      'app.opaque': { ...configs.machine, ...worker, audiences: [] },
      'app.subject': {
        ...configs.machine,
        tokenEndpointAuthMethod: 'tls_client_auth',
        tlsClientAuthSubjectDn: 'CN=worker,O=Example\\, Inc.',
      },
      'app.host': {
        ...configs.machine,
        tokenEndpointAuthMethod: 'tls_client_auth',
        tlsClientAuthSanDns: 'worker.example.com',
      },
      'app.own': { ...configs.machine, ...keyed, jwks: keySetOf(own) as never },
      'app.fapi': { ...configs.machine, ...worker, ...fapi },
      'app.bank': { ...configs.web, ...worker, ...fapi },
      'app.dpop': { ...configs.machine, ...worker, dpopBoundAccessTokens: true },
      'app.web': { ...configs.web, ...worker },
      'app.twin': { ...configs.web, ...worker },
      'app.secret': configs.machine,
      'app.spa': configs.spa,
      'app.api': configs.api,
      ...more,
    }
    return Object.entries(all).map(([id, config]) => entry(id, config))
  }

  before(async () => {
    directory = temporaryDirectory('mutual-tls')
    ca = await createCertificate({ name: 'authority', authority: true, until: 24 })
    serverCertificate = await createCertificate({
      issuer: ca,
      name: 'server',
      dnsNames: ['mtls.example.com'],
      usages: ['1.3.6.1.5.5.7.3.1'],
    })
    ;[mine, renewed, other, own] = await Promise.all([
      make(),
      make(),
      make({ uris: ['spiffe://example.org/ns/demo/sa/other'] }),
      createCertificate({ name: 'own' }),
    ])
    const file = (name: string, text: string) => {
      writeFileSync(join(directory, name), text)
      return join(directory, name)
    }
    replicas = await startReplicas({
      settings: {
        trustedProxies: ['127.0.0.1'],
        mutualTLS: {
          caFile: file('ca.crt', ca.pem),
          header: 'nginx',
          url: 'https://mtls.example.com',
          listen: {
            host: '127.0.0.1',
            port: 0,
            certFile: file('tls.crt', serverCertificate.pem),
            keyFile: file('tls.key', serverCertificate.keyPem),
          },
        },
      },
    })
    await replicas.serve(clients())
    await addPerson(replicas, 'ada')
  })
  after(() => replicas?.stop())

  type Asked = Omit<Parameters<typeof send>[1], 'connection'>
  /** At the port of our own, where TLS asks for a certificate. */
  const overTls = (made: Made | undefined, asked: Asked, more: readonly Made[] = []): Promise<Answer> =>
    send(
      { issuer: replicas.issuer, origin: replicas.certificateOrigin },
      {
        ...asked,
        headers: { host: 'mtls.example.com', ...asked.headers },
        connection: {
          ca: ca.pem,
          servername: 'mtls.example.com',
          ...(made ? { cert: [made, ...more].map(({ pem }) => pem).join('\n'), key: made.keyPem } : {}),
        },
      },
    )
  /** As ingress-nginx at the address from which it is trusted. */
  const byProxy = (made: Made | undefined, asked: Asked & { verify?: string; from?: string }): Promise<Answer> =>
    send(replicas, {
      ...asked,
      headers: {
        host: 'mtls.example.com',
        ...(made ? { 'ssl-client-cert': encodeURIComponent(`${made.pem}\n`) } : {}),
        'ssl-client-verify': asked.verify ?? (made ? 'SUCCESS' : 'NONE'),
        ...asked.headers,
      },
      connection: { localAddress: asked.from ?? '127.0.0.1' },
    })
  const machine = (id: string, more: Record<string, string> = {}) => ({
    path: '/token',
    form: { grant_type: 'client_credentials', client_id: id, ...more },
  })
  const lastAudit = async () => {
    const { audit } = replicas.apps[0]!.store
    await audit.flush()
    return replicas.lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .findLast(({ event }) => event !== undefined)!
  }
  const refused = async (answer: Answer, reason: string) => {
    expect([answer.status, answer.json()], answer.body).to.deep.equal([
      401,
      { error: 'invalid_client', error_description: 'client authentication failed' },
    ])
    expect(await lastAudit()).to.deep.include({ event: 'client.auth_failed', reason })
  }

  /** @returns what the token endpoint gives to a client with `mine` */
  const signIn = async (id = 'app.web', more: Record<string, string> = {}): Promise<Record<string, unknown>> => {
    const proof = pkce()
    const request = {
      client_id: id,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid email offline_access',
      code_challenge: proof.challenge,
      code_challenge_method: 'S256',
      ...more,
    }
    const pushed = await overTls(mine, { path: '/request', form: request })
    expect(pushed.status, pushed.body).to.equal(201)
    const asked = { client_id: id, request_uri: String(pushed.json()['request_uri']) }
    const back = await new Browser(replicas).authorize(authorizationUrl(replicas.issuer, asked), 'ada')
    const form = {
      grant_type: 'authorization_code',
      client_id: id,
      code: back.searchParams.get('code')!,
      redirect_uri: redirectUri,
      code_verifier: proof.verifier,
      ...(more['resource'] === undefined ? {} : { resource: more['resource'] }),
    }
    const answer = await overTls(mine, { path: '/token', form })
    expect(answer.status, answer.body).to.equal(200)
    return answer.json()
  }

  describe('RFC 8705 section 2.1: a certificate of an authority', () => {
    const accepted: readonly [sentence: string, id: string, wanted: Wanted][] = [
      ['by a URI, as SPIFFE has it', 'app.worker', {}],
      ['by a host', 'app.host', { uris: [], dnsNames: ['worker.example.com'] }],
      ['by its subject', 'app.subject', { subject: [{ O: ['Example, Inc.'] }, { CN: ['worker'] }] }],
    ]
    for (const [sentence, id, wanted] of accepted) {
      it(`is taken ${sentence}: over TLS, and of a proxy`, async () => {
        const made = await make(wanted)
        for (const answer of [await overTls(made, machine(id)), await byProxy(made, machine(id))])
          expect(answer.status, answer.body).to.equal(200)
      })
    }

    it('is taken with the authority that came with it, also on the second connection of the same program', async () => {
      const between = await createCertificate({ name: 'between', authority: true, issuer: ca })
      const made = await make({ issuer: between })
      for (let turn = 0; turn < 2; turn++)
        expect((await overTls(made, machine('app.worker'), [between])).status).to.equal(200)
      await refused(await overTls(await make({ issuer: between }), machine('app.worker')), 'unknown-issuer')
    })

    const refusals: readonly [sentence: string, reason: string, make: () => Promise<Made | undefined> | undefined][] = [
      ['none', 'no-certificate', () => undefined],
      ['one of another program', 'wrong-name', () => Promise.resolve(other)],
      ['one with the name in the subject alone', 'wrong-name', () => make({ uris: [], name: spiffe })],
      ['one with two SPIFFE ids', 'wrong-name', () => make({ uris: [spiffe, 'spiffe://example.org/x'] })],
      [
        'one of another authority with the same name',
        'unknown-issuer',
        async () => make({ issuer: await createCertificate({ name: 'authority', authority: true }) }),
      ],
      ['one that signs itself', 'unknown-issuer', () => createCertificate({ uris: [spiffe] })],
      ['one that is over', 'expired-certificate', () => make({ from: -3, until: -1 })],
      ['one that begins later', 'certificate-not-yet-valid', () => make({ from: 1, until: 3 })],
      ['one for servers', 'not-for-clients', () => make({ usages: ['1.3.6.1.5.5.7.3.1'] })],
      ['the authority itself', 'not-for-clients', () => Promise.resolve(ca)],
      ['one that is signed with SHA-1', 'weak-certificate', () => make({ hash: 'SHA-1' })],
    ]
    for (const [sentence, reason, shown] of refusals) {
      it(`T40 refuses ${sentence}: ${reason}, and takes the right one`, async () => {
        const made = await shown()
        await refused(await byProxy(made, machine('app.worker')), reason)
        // TLS itself sends nothing that is signed with SHA-1
        if (reason !== 'weak-certificate') await refused(await overTls(made, machine('app.worker')), reason)
        expect((await overTls(mine, machine('app.worker'))).status).to.equal(200)
      })
    }

    it('T40 refuses one that the proxy does not trust, such as one that was revoked', async () => {
      const verify = 'FAILED:certificate revoked'
      await refused(await byProxy(mine, { ...machine('app.worker'), verify }), 'doubted-by-proxy')
    })

    it('T40 refuses one that cannot be read', async () => {
      const headers = { 'ssl-client-cert': 'MIIB' }
      await refused(await byProxy(mine, { ...machine('app.worker'), headers }), 'unreadable-certificate')
    })

    it('T40 a certificate opens no client that has a secret, and a secret none that has a certificate', async () => {
      const words = 'the provided authentication mechanism does not match the registered client authentication method'
      await refused(await overTls(mine, machine('app.secret')), words)
      const form = { grant_type: 'client_credentials' }
      const headers = basic('app.worker', clientSecret)
      expect((await overTls(mine, { path: '/token', form, headers })).status).to.equal(401)
      const right = basic('app.secret', clientSecret)
      expect((await overTls(mine, { ...machine('app.secret'), headers: right })).status).to.equal(200)
    })
  })

  describe('RFC 8705 section 2.2: a certificate that is registered itself', () => {
    it('is taken over TLS, and of a proxy that does not trust it', async () => {
      expect((await overTls(own, machine('app.own'))).status).to.equal(200)
      const verify = 'FAILED:self-signed certificate'
      const answer = await byProxy(own, { ...machine('app.own'), verify })
      expect(answer.status, answer.body).to.equal(200)
      expect(claimsOfJwt(String(answer.json()['access_token']))['cnf']).to.deep.equal({ 'x5t#S256': thumbprintOf(own) })
    })

    it('T40 refuses every other one, whoever signed it, and none', async () => {
      await refused(await overTls(undefined, machine('app.own')), 'no-certificate')
      for (const made of [mine, await createCertificate({ name: 'own' })])
        await refused(await overTls(made, machine('app.own')), 'wrong-thumbprint')
    })

    it('T40 refuses the registered one when it is over', async () => {
      const old = await createCertificate({ name: 'old', from: -3, until: -1 })
      const jwks = keySetOf(old, own) as never
      await replicas.serve(clients({ 'app.own': { ...configs.machine, ...keyed, jwks } }))
      await refused(await overTls(old, machine('app.own')), 'expired-certificate')
      expect((await overTls(own, machine('app.own'))).status).to.equal(200)
      await replicas.serve(clients())
    })
  })

  describe('RFC 8705 section 3: tokens that are bound to a certificate', () => {
    const tokenOf = async (id: string, made = mine, more: Record<string, string> = {}): Promise<string> => {
      const answer = await overTls(made, machine(id, more))
      expect(answer.status, answer.body).to.equal(200)
      return String(answer.json()['access_token'])
    }
    const introspected = async (token: string, headers: Record<string, string>) =>
      (await send(replicas, { path: '/introspect', form: { token }, headers })).json()

    it('3.1: a JWT names the certificate that its client has shown', async () => {
      expect(claimsOfJwt(await tokenOf('app.worker'))['cnf']).to.deep.equal({ 'x5t#S256': thumbprintOf(mine) })
      expect(claimsOfJwt(await tokenOf('app.worker', renewed))['cnf']).to.deep.equal({
        'x5t#S256': thumbprintOf(renewed),
      })
    })

    it('3.2: introspection tells it, of a JWT and of an opaque token', async () => {
      const cnf = { 'x5t#S256': thumbprintOf(mine) }
      const jwt = await introspected(await tokenOf('app.worker'), basic('app.api', clientSecret))
      expect(jwt).to.deep.include({ active: true, cnf })
      const token = await tokenOf('app.opaque')
      const form = { token, client_id: 'app.opaque' }
      const opaque = (await overTls(renewed, { path: '/introspect', form })).json()
      expect(opaque).to.deep.include({ active: true, cnf })
    })

    it('a client of FAPI 2.0 may have its tokens bound so', async () => {
      expect(claimsOfJwt(await tokenOf('app.fapi'))['cnf']).to.deep.equal({ 'x5t#S256': thumbprintOf(mine) })
      await refused(await overTls(other, machine('app.fapi')), 'wrong-name')
    })

    it('a client with DPoP has its tokens bound by that, not by both', async () => {
      expect((await overTls(mine, machine('app.dpop'))).json()['error']).to.equal('invalid_grant')
    })

    it('RFC 9449 4.3: a proof names the address that was asked, here that for clients with certificates', async () => {
      const { privateKey, publicKey } = await generateKeyPair('ES256')
      const jwk = await exportJWK(publicKey)
      const statusOf = async (made: Made | undefined, origin: string, host: string) => {
        const claims = { htm: 'POST', htu: `${origin}/token`, iat: Math.floor(Date.now() / 1000), jti: randomUUID() }
        const dpop = await new SignJWT(claims)
          .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
          .sign(privateKey)
        const asked = { ...machine('app.dpop'), headers: { dpop, host } }
        return (await (made ? byProxy(made, asked) : overTls(mine, asked))).json()['error']
      }
      const [alias, host] = ['https://mtls.example.com', 'mtls.example.com']
      expect(await statusOf(undefined, alias, host), 'at the port').to.equal(undefined)
      expect(await statusOf(mine, alias, host), 'by the proxy').to.equal(undefined)
      expect(await statusOf(mine, replicas.issuer, host)).to.equal('invalid_dpop_proof')
    })

    it('Fetch 3.3: scripts may send credentials to the issuer, and not to the address at which a certificate is one', async () => {
      const origin = 'https://spa.example.com'
      const headers = { origin, 'access-control-request-method': 'POST' }
      const asked = (more: object = {}) => ({
        path: '/token',
        form: { grant_type: 'x', client_id: 'app.spa' },
        ...more,
      })
      const preflight = { method: 'OPTIONS', path: '/token', headers }
      const allows = ({ headers: { [`access-control-allow-origin`]: allowed, ...others } }: Answer) => [
        allowed,
        others['access-control-allow-credentials'],
      ]
      const ofIssuer = [send(replicas, preflight), send(replicas, asked({ headers: { origin } }))]
      for (const answer of await Promise.all(ofIssuer)) expect(allows(answer)).to.deep.equal([origin, 'true'])
      const ofAlias = [
        overTls(mine, preflight),
        overTls(undefined, asked({ headers: { origin } })),
        overTls(mine, asked({ headers: { origin } })),
        byProxy(undefined, { ...preflight, headers: { ...headers } }),
        byProxy(mine, asked({ headers: { origin } })),
      ]
      for (const answer of await Promise.all(ofAlias)) expect(allows(answer)).to.deep.equal([origin, undefined])
    })

    it('tokens of other clients are bound to nothing, also when they show a certificate', async () => {
      const asked = { ...machine('app.secret'), headers: basic('app.secret', clientSecret) }
      const answer = await overTls(mine, asked)
      expect(claimsOfJwt(String(answer.json()['access_token']))).not.to.have.property('cnf')
    })
  })

  describe('RFC 8705 sections 3, 4 and 7.1: a person signs in', () => {
    const me = (token: unknown) => ({ path: '/userinfo', headers: { authorization: `Bearer ${String(token)}` } })
    const refresh = (token: unknown, id = 'app.web') => ({
      path: '/token',
      form: { grant_type: 'refresh_token', client_id: id, refresh_token: String(token) },
    })

    it('T42 a token is of use with its certificate alone: over TLS, and of a proxy', async () => {
      const { access_token: token } = await signIn()
      for (const answer of [await overTls(mine, me(token)), await byProxy(mine, me(token))])
        expect(answer.json()['email'], answer.body).to.equal('ada@example.com')
      const without = send(replicas, me(token))
      const forged = byProxy(mine, { ...me(token), from: '127.0.0.2' })
      for (const stolen of [overTls(other, me(token)), overTls(renewed, me(token)), overTls(undefined, me(token))])
        expect([(await stolen).status, (await stolen).json()['error']]).to.deep.equal([401, 'invalid_token'])
      for (const stolen of [without, forged, byProxy(renewed, me(token))])
        expect([(await stolen).status, (await stolen).json()['error']]).to.deep.equal([401, 'invalid_token'])
    })

    it('T42 a refresh token is of use to its client alone, also with a renewed certificate: the new token is bound to that', async () => {
      const { refresh_token: first, access_token: old } = await signIn()
      await refused(await overTls(other, refresh(first)), 'wrong-name')
      await refused(await overTls(undefined, refresh(first)), 'no-certificate')
      await refused(await send(replicas, refresh(first)), 'no-certificate')
      const answer = await overTls(renewed, refresh(first))
      expect(answer.status, answer.body).to.equal(200)
      const { access_token: next } = answer.json()
      expect((await overTls(renewed, me(next))).status).to.equal(200)
      expect((await overTls(mine, me(next))).status).to.equal(401)
      expect((await overTls(mine, me(old))).status).to.equal(200)
    })

    it('FAPI 2.0 5.3.2.1: a client of the profile signs in by its certificate alone; its refresh token stays the same', async () => {
      const { id_token: id, refresh_token: first, access_token: access } = await signIn('app.bank')
      expect(claimsOfJwt(String(id))).not.to.have.property('email')
      expect((await overTls(mine, me(access))).status).to.equal(200)
      expect((await overTls(renewed, me(access))).status).to.equal(401)
      for (const certificate of [mine, renewed]) {
        const answer = await overTls(certificate, refresh(first, 'app.bank'))
        expect(answer.status, answer.body).to.equal(200)
        expect(answer.json()['refresh_token'] ?? first).to.equal(first)
        expect((await overTls(certificate, me(answer.json()['access_token']))).status).to.equal(200)
      }
      await refused(await overTls(other, refresh(first, 'app.bank')), 'wrong-name')
      await refused(await send(replicas, refresh(first, 'app.bank')), 'no-certificate')
    })

    it('T42 another client of the same certificate cannot use the refresh token', async () => {
      const { refresh_token: token } = await signIn()
      const form = { ...refresh(token).form, client_id: 'app.twin' }
      const answer = await overTls(mine, { path: '/token', form })
      expect([answer.status, answer.json()['error']]).to.deep.equal([400, 'invalid_grant'])
      expect((await overTls(mine, refresh(token))).status).to.equal(200)
    })

    it('T42 a client that changes its method: bound tokens stay bound, and from then on the new method counts', async () => {
      const { refresh_token: token, access_token: access } = await signIn()
      await replicas.serve(clients({ 'app.web': configs.web }))
      await refused(
        await overTls(mine, refresh(token)),
        'the provided authentication mechanism does not match the registered client authentication method',
      )
      expect((await send(replicas, me(access))).status).to.equal(401)
      expect((await overTls(mine, me(access))).status).to.equal(200)
      const headers = basic('app.web', clientSecret)
      const bySecret = await send(replicas, { ...refresh(token), headers })
      expect(bySecret.status, bySecret.body).to.equal(200)
      await replicas.serve(clients())
      const { refresh_token: next, access_token: bearer } = bySecret.json()
      expect((await send(replicas, me(bearer))).status).to.equal(200)
      expect((await send(replicas, { ...refresh(next), headers })).status).to.equal(401)
      expect((await overTls(mine, refresh(next))).status).to.equal(200)
    })
  })

  describe('RFC 8705 section 3 with RFC 8693: an API exchanges a token that is bound to a certificate', () => {
    const [orders, stock, secret] = [
      'https://orders.example.com',
      'https://stock.example.com',
      'https://secret.example.com',
    ]
    const scopes = { [orders]: ['orders:read'], [stock]: ['stock:read'], [secret]: ['orders:read'] }
    const grant = 'urn:ietf:params:oauth:grant-type:token-exchange'
    const shop = (more: object = {}) => ({
      ...configs.api,
      ...worker,
      grantTypes: ['client_credentials', grant],
      resourceServer: { identifier: orders, scopes: scopes[orders]! },
      audiences: [stock],
      scopes: scopes[stock]!,
      ...more,
    })
    const caller = (more: object = {}) => ({
      ...configs.web,
      ...worker,
      audiences: [orders, secret],
      scopes: [...configs.web.scopes, ...scopes[orders]!],
      ...more,
    })
    const granted = (...apis: string[]) => ({ granted: Object.fromEntries(apis.map((api) => [api, scopes[api]!])) })
    const subject = async (id: string, resource = orders) =>
      String((await signIn(id, { resource, scope: 'openid orders:read' }))['access_token'])
    const exchange = (token: string, id: string) => ({
      path: '/token',
      form: {
        grant_type: grant,
        client_id: id,
        subject_token: token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        resource: stock,
      },
    })
    before(() =>
      replicas.serve([
        ...clients(),
        entry('app.caller', caller(), granted(orders, secret)),
        entry('app.sealed', caller({ accessTokenFormat: 'opaque' }), granted(orders)),
        entry('shop.orders', shop(), granted(stock)),
        entry(
          'shop.secret',
          shop({
            tokenEndpointAuthMethod: 'client_secret_basic',
            tlsClientAuthSanUri: '',
            resourceServer: { identifier: secret, scopes: scopes[secret]! },
          }),
          granted(stock),
        ),
        entry('shop.stock', { ...configs.api, resourceServer: { identifier: stock, scopes: scopes[stock]! } }),
      ]),
    )
    after(() => replicas.serve(clients()))

    for (const [form, id] of [
      ['a JWT', 'app.caller'],
      ['an opaque token', 'app.sealed'],
    ] as const) {
      it(`T50 ${form} is exchanged only with that certificate, and the new token is bound to it`, async () => {
        const token = await subject(id)
        const wrong = [
          await overTls(renewed, exchange(token, 'shop.orders')),
          await byProxy(renewed, exchange(token, 'shop.orders')),
        ]
        for (const answer of wrong)
          expect([answer.status, answer.json()]).to.deep.equal([
            400,
            {
              error: 'invalid_request',
              error_description: 'subject_token is bound to a certificate: the request needs that certificate',
            },
          ])
        const answer = await overTls(mine, exchange(token, 'shop.orders'))
        expect(answer.status, answer.body).to.equal(200)
        const cnf = { 'x5t#S256': thumbprintOf(mine) }
        expect(claimsOfJwt(String(answer.json()['access_token']))).to.deep.include({ aud: stock, cnf })
      })
    }

    it('T50 an API that proves itself by a secret cannot exchange it, though it shows the certificate: the binding would be lost', async () => {
      const token = await subject('app.caller', secret)
      const headers = basic('shop.secret', clientSecret)
      const answer = await overTls(mine, { ...exchange(token, 'shop.secret'), headers })
      expect([answer.status, answer.json()['error_description']]).to.deep.equal([
        400,
        'subject_token is bound to a certificate: the request needs that certificate',
      ])
    })
  })

  describe('RFC 8705 section 5: metadata', () => {
    it('names the methods, the bound tokens, and where clients with a certificate ask', async () => {
      const metadata = (await send(replicas, { path: '/.well-known/openid-configuration' })).json()
      expect(metadata['token_endpoint_auth_methods_supported']).to.include.members([
        'tls_client_auth',
        'self_signed_tls_client_auth',
      ])
      expect(metadata['tls_client_certificate_bound_access_tokens']).to.equal(true)
      const base = 'https://mtls.example.com'
      expect(metadata['mtls_endpoint_aliases']).to.deep.equal({
        token_endpoint: `${base}/token`,
        revocation_endpoint: `${base}/revoke`,
        introspection_endpoint: `${base}/introspect`,
        pushed_authorization_request_endpoint: `${base}/request`,
        device_authorization_endpoint: `${base}/device_authorization`,
        userinfo_endpoint: `${base}/userinfo`,
      })
    })

    it('openid-client finds them, gets a token and revokes it', async () => {
      const asked: string[] = []
      const customFetch: client.CustomFetch = async (url, { method, headers, body }) => {
        const { host, pathname } = new URL(url)
        asked.push(host)
        const options = {
          path: pathname,
          method,
          headers: { ...headers, host },
          ...(body instanceof URLSearchParams ? { form: body } : {}),
        }
        const answer = host === 'mtls.example.com' ? await overTls(mine, options) : await send(replicas, options)
        return new Response(answer.body || null, {
          status: answer.status,
          headers: { 'content-type': String(answer.headers['content-type'] ?? 'text/plain') },
        })
      }
      const config = await client.discovery(
        new URL(replicas.issuer),
        'app.opaque',
        { use_mtls_endpoint_aliases: true },
        client.TlsClientAuth(),
        { [client.customFetch]: customFetch, execute: [client.allowInsecureRequests] },
      )
      const tokens = await client.clientCredentialsGrant(config)
      expect((await client.tokenIntrospection(config, tokens.access_token)).active).to.equal(true)
      await client.tokenRevocation(config, tokens.access_token)
      expect((await client.tokenIntrospection(config, tokens.access_token)).active).to.equal(false)
      expect(asked).to.deep.equal([new URL(replicas.issuer).host, ...Array<string>(4).fill('mtls.example.com')])
    })
  })

  describe('RFC 8705 section 6.5: who ends TLS', () => {
    const forgeries: readonly [sentence: string, asked: Parameters<typeof byProxy>[1]][] = [
      ['of a peer that is no trusted proxy', { ...machine('app.worker'), from: '127.0.0.2' }],
      ['at the host of the issuer, where the proxy may pass on what a client sends', { ...machine('app.worker') }],
      [
        'at the host of the issuer, with the other one in X-Forwarded-Host',
        { ...machine('app.worker'), headers: { 'x-forwarded-host': 'mtls.example.com' } },
      ],
    ]
    for (const [n, [sentence, asked]] of forgeries.entries()) {
      it(`T41 drops the header ${sentence}`, async () => {
        const host = n === 0 ? 'mtls.example.com' : new URL(replicas.issuer).host
        const answer = await byProxy(mine, { ...asked, headers: { ...asked.headers, host } })
        await refused(answer, 'no-certificate')
        expect((await byProxy(mine, machine('app.worker'))).status).to.equal(200)
      })
    }

    it('T41 drops it at our own port, where TLS says who somebody is: also of a trusted proxy that passes TLS through', async () => {
      const headers = { 'ssl-client-cert': encodeURIComponent(mine.pem), 'ssl-client-verify': 'SUCCESS' }
      await refused(await overTls(undefined, { ...machine('app.worker'), headers }), 'no-certificate')
      await refused(await overTls(other, { ...machine('app.worker'), headers }), 'wrong-name')
      expect((await overTls(mine, { ...machine('app.worker'), headers: {} })).status).to.equal(200)
    })

    for (const name of ['x-forwarded-client-cert', 'x-forwarded-tls-client-cert', 'x-ssl-client-cert', 'client-cert']) {
      it(`T41 does not read ${name}, which is of another kind of proxy`, async () => {
        const headers = { [name]: mine.der.toString('base64') }
        await refused(await byProxy(undefined, { ...machine('app.worker'), headers }), 'no-certificate')
      })
    }

    it('T41 refuses a request with two certificates, whatever it asks', async () => {
      const { pem } = mine
      for (const extra of ['ssl-client-cert', 'SSL_Client_Cert']) {
        const headers = { [extra]: [encodeURIComponent(pem), encodeURIComponent(pem)] as never }
        const answer = await byProxy(mine, { ...machine('app.worker'), headers })
        expect([answer.status, answer.body]).to.satisfy(
          ([status, body]: [number, string]) => status === 400 && body.includes('more than one client certificate'),
        )
      }
      expect((await byProxy(mine, machine('app.worker'))).status).to.equal(200)
    })

    it('T41 refuses a header whose name differs from that of the proxy by an underscore: some pass it on as it came', async () => {
      for (const name of ['ssl_client_cert', 'ssl-client_cert', 'SSL_Client_Cert']) {
        const headers = { [name]: encodeURIComponent(mine.pem) }
        for (const asked of [
          byProxy(undefined, { ...machine('app.worker'), headers }),
          byProxy(mine, { ...machine('app.worker'), headers }),
        ])
          expect((await asked).status, name).to.equal(400)
        const verdict = { 'ssl_client-verify': 'SUCCESS', 'ssl-client-cert': encodeURIComponent(mine.pem) }
        expect((await byProxy(undefined, { ...machine('app.worker'), headers: verdict })).status).to.equal(400)
      }
    })

    it('the public port asks nobody for a certificate, and serves everything as before', async () => {
      expect((await send(replicas, { path: '/account' })).status).to.be.lessThan(400)
      const asked = { ...machine('app.secret'), headers: basic('app.secret', clientSecret) }
      expect((await send(replicas, asked)).status).to.equal(200)
    })
  })
})
