import { createHash } from 'node:crypto'
import { signingAlgorithms } from '@nauthera/rules/algorithms'
import { expect } from 'chai'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import { claimsOfJwt, redeem, refresh, request, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { ask, closeConnections } from './lane/asked-twice.ts'

// What a Web client may do that says nothing: its program's own defaults are enough, and what is not enough is refused with
// the reason.

const asRendered = {
  secretMethods: ['client_secret_basic', 'client_secret_post'],
  pkceOrNonce: true,
  idTokenClaims: 'Scopes',
}
const nonce = 'sixteen-letters!'

describe('a program with the defaults of its client', () => {
  const entries = () => [
    entry('app.web', { ...configs.web, ...asRendered }),
    entry('app.post', {
      ...configs.web,
      tokenEndpointAuthMethod: 'client_secret_post',
      secretMethods: ['client_secret_post'],
    }),
    entry('app.basic', { ...configs.web, secretMethods: ['client_secret_basic'] }),
    entry('app.old', configs.web),
    entry('app.native', {
      ...configs.spa,
      type: 'Native',
      corsOrigins: [],
      redirectUris: ['http://localhost/callback'],
    }),
    entry('app.bare', { ...configs.web, scopes: [] }),
    entry('app.mail', { ...configs.web, scopes: ['email'] }),
    entry('app.required', { ...configs.web, ...asRendered, pkceOrNonce: false }),
    entry('app.machine', { ...configs.machine, secretMethods: asRendered.secretMethods }),
    entry('app.ps', {
      ...configs.web,
      scopes: [...configs.web.scopes, 'read'],
      accessTokenSignedResponseAlg: 'PS256',
      audiences: ['https://api.example.com'],
    }),
    entry('app.api', configs.api),
    entry('app.spa', configs.spa),
  ]
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas({ settings: { signing: { algorithms: signingAlgorithms } } })
    await replicas.serve(entries())
    await addPerson(replicas, 'ada', ['engineers'])
  })
  after(async () => {
    closeConnections()
    await replicas.stop()
  })

  /** A request without PKCE. */
  const plainRequest = (more: Record<string, string> = {}) => {
    const { code_challenge: _challenge, code_challenge_method: _method, ...rest } = request(pkce())
    return { ...rest, ...more }
  }
  const authorize = async (parameters: Record<string, string>): Promise<URL> =>
    new Browser(replicas).authorize(authorizationUrl(replicas.issuer, parameters), 'ada')
  const refusal = async (parameters: Record<string, string>) => {
    const { location } = await new Browser(replicas).follow(authorizationUrl(replicas.issuer, parameters))
    const { searchParams } = new URL(location!)
    return { error: searchParams.get('error'), description: searchParams.get('error_description') }
  }
  const codeForm = (code: string, more: Record<string, string> = {}) => ({
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    ...more,
  })
  const inBody = (clientId: string, secret: string) => ({ client_id: clientId, client_secret: secret })
  const machineToken = (how: { headers?: Record<string, string>; form?: Record<string, string> }) =>
    send(replicas, {
      path: '/token',
      headers: how.headers ?? {},
      form: { grant_type: 'client_credentials', ...how.form },
    })

  describe('asks for no scope', () => {
    const api = 'https://api.example.com'
    const tokensFor = async (clientId: string, more: Record<string, string>) => {
      const proof = pkce()
      const { scope: _scope, ...asked } = request(proof, { client_id: clientId, ...more })
      const back = await authorize(asked)
      const code = { value: back.searchParams.get('code') ?? back.href, proof }
      return redeem(replicas, code, { clientId })
    }

    it('and gets what its client lists about the person, and nothing that outlives the session', async () => {
      const answer = await tokensFor('app.web', {})
      expect([answer.status, answer.json()['scope']], answer.body).to.deep.equal([200, 'openid profile email groups'])
      expect(claimsOfJwt(tokensOf(answer).id)).to.include({ email: 'ada@example.com' })
      const mail = await tokensFor('app.mail', {})
      expect([mail.status, mail.json()['scope']], mail.body).to.deep.equal([200, 'email'])
    })

    for (const more of [{}, { resource: api }])
      it(`and gets the scopes of the API ${'resource' in more ? 'that it names' : 'that is its only one'}`, async () => {
        const answer = await tokensFor('app.ps', more)
        const { aud, scope } = claimsOfJwt(tokensOf(answer).access)
        expect(aud).to.equal(api)
        expect(String(scope).split(' ')).to.include('read')
      })

    it('and is told at once when its client has none', async () => {
      const { scope: _scope, ...asked } = request(pkce(), { client_id: 'app.bare' })
      const { error, description } = await refusal(asked)
      expect(error).to.equal('invalid_scope')
      expect(description).to.contain('spec.scopes of default/app-bare')
    })
  })

  it('an installed program may send the loopback origin where it listens, and no other', async () => {
    const form = { grant_type: 'authorization_code', client_id: 'app.native', code: 'x', code_verifier: 'x'.repeat(43) }
    const named = { ...form, redirect_uri: 'http://localhost:9876/callback' }
    const ask = (origin: string, clientId = 'app.native') =>
      send(replicas, { path: '/token', headers: { origin }, form: { ...named, client_id: clientId } })
    // the code is looked at
    expect((await ask('http://localhost:9876')).json()['error']).to.equal('invalid_grant')
    for (const origin of ['http://127.0.0.1:9876', 'https://localhost:9876', 'http://localhost.evil.example', 'null'])
      expect((await ask(origin)).json()['error_description'], origin).to.match(/^origin .* not allowed/)
    expect((await ask('http://localhost:9876', 'app.spa')).json()['error_description']).to.match(/not allowed/)
  })

  describe('names no redirect URI at the token endpoint', () => {
    it('which nothing needs where PKCE binds the code (OAuth 2.1), and which is refused without PKCE', async () => {
      const ask = async (more: Record<string, string>, asked: Record<string, string>) => {
        const form = { grant_type: 'authorization_code', code: (await authorize(asked)).searchParams.get('code')! }
        return send(replicas, { path: '/token', headers: basic('app.web', clientSecret), form: { ...form, ...more } })
      }
      const proof = pkce()
      expect((await ask({ code_verifier: proof.verifier }, request(proof))).status).to.equal(200)
      const wrong = await ask({ code_verifier: pkce().verifier }, request(proof))
      expect([wrong.status, wrong.json()['error']]).to.deep.equal([400, 'invalid_grant'])
      const none = await ask({}, request(proof))
      expect([none.status, none.json()['error']]).to.deep.equal([400, 'invalid_grant'])
      const unbound = await ask({}, plainRequest({ nonce }))
      expect([unbound.status, unbound.json()['error']]).to.deep.equal([400, 'invalid_request'])
    })
  })

  describe('shows its secret', () => {
    const web = async (clientId: string, way: 'header' | 'body', secret = clientSecret): Promise<Answer> => {
      const proof = pkce()
      const back = await authorize(request(proof, { client_id: clientId }))
      const form = codeForm(back.searchParams.get('code')!, { code_verifier: proof.verifier })
      return send(replicas, {
        path: '/token',
        headers: way === 'header' ? basic(clientId, secret) : {},
        form: way === 'header' ? form : { ...form, ...inBody(clientId, secret) },
      })
    }

    for (const [clientId, way] of [
      ['app.web', 'header'],
      ['app.web', 'body'],
      ['app.post', 'body'],
      ['app.basic', 'header'],
      ['app.old', 'header'],
    ] as const)
      it(`${clientId} may in the ${way}`, async () => expect((await web(clientId, way)).status).to.equal(200))

    for (const [clientId, way, say] of [
      ['app.post', 'header', 'the body of the request (client_secret_post)'],
      ['app.basic', 'body', 'the Authorization header (client_secret_basic)'],
      ['app.old', 'body', 'the Authorization header (client_secret_basic)'],
    ] as const)
      it(`T9 ${clientId} may not in the ${way}, and is told where instead, which only the right secret learns`, async () => {
        const refused = await web(clientId, way)
        expect(refused.status).to.equal(401)
        expect(refused.json()).to.deep.equal({
          error: 'invalid_client',
          error_description: `the secret is right, but this client must send it in ${say}`,
        })
        const wrong = await web(clientId, way, `${clientSecret}x`)
        expect(wrong.json()['error_description']).to.equal('client authentication failed')
        const audited = replicas.lines
          .map((line) => JSON.parse(line) as Record<string, unknown>)
          .filter((line) => line['event'] === 'client.auth_failed' && line['client'] === clientId)
        expect(audited.map(({ reason }) => reason)).to.deep.equal(['method-not-registered', 'invalid secret provided'])
      })

    it('T9 an empty Authorization header does not make a secret in the body one in the header', async () => {
      const form = { ...codeForm('nr_none'), ...inBody('app.basic', clientSecret) }
      const answer = await send(replicas, { path: '/token', headers: { authorization: '' }, form })
      expect([answer.status, answer.json()['error']]).to.deep.equal([401, 'invalid_client'])
    })

    it('T9 may send the same secret in both places, which the audit log tells, and not two secrets', async () => {
      const body = inBody('app.machine', clientSecret)
      for (const form of [body, { client_secret: clientSecret }]) {
        const answer = await machineToken({ headers: basic('app.machine', clientSecret), form })
        expect(answer.status, answer.body).to.equal(200)
      }
      const told = replicas.lines.filter((line) => line.includes('in the header and in the body'))
      expect(told).to.have.length(2)
      for (const form of [
        { ...body, client_secret: `${clientSecret}x` },
        { client_id: 'app.web', client_secret: clientSecret },
      ]) {
        const answer = await machineToken({ headers: basic('app.machine', clientSecret), form })
        expect([answer.status, answer.json()['error']], answer.body).to.deep.equal([400, 'invalid_request'])
      }
    })

    for (const clientId of ['app.basic', 'app.post'])
      it(`T9 may not in both places at once where one of the two ways is all that ${clientId} has`, async () => {
        const before = replicas.lines.length
        const proof = pkce()
        const form = {
          grant_type: 'authorization_code',
          code: 'x',
          redirect_uri: redirectUri,
          code_verifier: proof.verifier,
        }
        const both = { ...form, client_secret: clientSecret }
        const answer = await send(replicas, { path: '/token', headers: basic(clientId, clientSecret), form: both })
        expect([answer.status, answer.json()['error']], answer.body).to.deep.equal([400, 'invalid_request'])
        expect(replicas.lines.slice(before).join()).to.not.contain('in the header and in the body')
      })

    it('T9 a public client may send Basic with its id and no secret, at each endpoint, and nobody else may', async () => {
      const form = { grant_type: 'refresh_token', refresh_token: 'nr_none' }
      const errorOf = async (path: string, id: string, more: Record<string, string> = {}) =>
        (await send(replicas, { path, headers: basic(id, ''), form: { ...form, token: 'x', ...more } })).json()['error']
      // known, so the token is looked at
      expect(await errorOf('/token', 'app.spa')).to.equal('invalid_grant')
      expect(await errorOf('/token', 'app.spa', { client_id: 'app.spa' })).to.equal('invalid_grant')
      const revoked = await send(replicas, { path: '/revoke', headers: basic('app.spa', ''), form: { token: 'x' } })
      expect(revoked.status).to.equal(200)
      const proof = pkce()
      const asked = request(proof, { client_id: 'app.spa', redirect_uri: configs.spa.redirectUris[0]! })
      const { client_id: _id, ...unnamed } = asked
      const pushed = await send(replicas, { path: '/request', headers: basic('app.spa', ''), form: unnamed })
      expect(pushed.status, pushed.body).to.equal(201)
      for (const path of ['/token', '/revoke', '/request']) {
        expect(await errorOf(path, 'app.web'), path).to.equal('invalid_client')
        expect(await errorOf(path, 'app.nobody'), path).to.equal('invalid_client')
        expect(await errorOf(path, 'app.spa', { client_id: 'app.web' }), path).to.equal('invalid_client')
      }
    })

    it('T9 a secret that has ended is told as that in the audit log, and not in the answer', async () => {
      const old = 'a-secret-that-was-replaced-a-while-ago-and-ended'
      const served = (secrets: readonly { plain: string }[]) =>
        replicas.serve([...entries(), entry('app.rotated', configs.machine, { secrets })])
      await served([{ plain: old }, { plain: clientSecret }])
      await served([{ plain: clientSecret }])
      const answers = await Promise.all(
        [old, `${old}x`].map((one) => machineToken({ headers: basic('app.rotated', one) })),
      )
      expect(answers[0]!.body).to.equal(answers[1]!.body)
      const reasons = replicas.lines
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter((line) => line['event'] === 'client.auth_failed' && line['client'] === 'app.rotated')
        .map(({ reason }) => reason)
      const id = createHash('sha256').update(old).digest('hex').slice(0, 8)
      expect(reasons).to.have.members([`the secret ${id} has ended`, 'invalid secret provided'])
    })

    it('a good token that reads inactive to a client that it is not for: the audit log says why', async () => {
      const access = (await machineToken({ headers: basic('app.machine', clientSecret) })).json()[
        'access_token'
      ] as string
      const form = { token: access }
      const other = await send(replicas, { path: '/introspect', headers: basic('app.old', clientSecret), form })
      expect(other.json()).to.deep.equal({ active: false })
      const line = replicas.lines
        .map((one) => JSON.parse(one) as Record<string, unknown>)
        .findLast(({ event, reason }) => event === 'token.refused' && String(reason).startsWith('introspection'))
      expect(line?.['reason']).to.equal(
        'introspection: the token is for API https://api.example.com, not for default/app-old',
      )
      const ofPublic = await send(replicas, { path: '/introspect', form: { ...form, client_id: 'app.spa' } })
      expect(ofPublic.json()).to.deep.equal({ active: false })
      expect(replicas.lines.join()).to.contain('introspection: default/app-spa is a public client')
    })

    it('a machine may in header and body', async () => {
      for (const how of [
        { headers: basic('app.machine', clientSecret) },
        { form: inBody('app.machine', clientSecret) },
      ])
        expect((await machineToken(how)).status).to.equal(200)
    })
  })

  /** What is told of the newest code of the client that gave tokens. */
  const issued = async () => {
    const { audit } = replicas.apps[0]!.store
    await audit.flush()
    const found = await audit.search({ clientId: 'app.web', event: 'token.issued', limit: 1 })
    const { code, scopesLeftOut } = found[0]?.detail ?? {}
    return { count: found[0]?.id, code, leftOut: scopesLeftOut }
  }

  describe('binds its code', () => {
    it('A4 by a nonce of 16 characters, which comes back in the ID token', async () => {
      const back = await authorize(plainRequest({ nonce }))
      const answer = await send(replicas, {
        path: '/token',
        headers: basic('app.web', clientSecret),
        form: codeForm(back.searchParams.get('code')!),
      })
      expect(claimsOfJwt(tokensOf(answer).id)['nonce']).to.equal(nonce)
      expect((await issued()).code).to.equal(undefined)
    })

    for (const [sentence, parameters] of [
      ['a shorter nonce', { nonce: nonce.slice(1) }],
      ['neither PKCE nor a nonce', {}],
    ] as const)
      for (const way of ['as programs send it', 'in chunks'])
        it(`A4 with ${sentence} it signs in, and that is told when the client has proved itself (${way})`, async () => {
          const back = await authorize(plainRequest(parameters))
          const code = codeForm(back.searchParams.get('code')!)
          const before = await issued()
          // a stranger who found the code tells nothing
          const headers = { 'content-type': 'application/x-www-form-urlencoded' }
          const asked = { path: '/token', body: new URLSearchParams(code).toString() }
          const shape = way === 'in chunks' ? 'chunks' : 'whole'
          const wrong = { ...headers, ...basic('app.web', `${clientSecret}x`) }
          expect((await ask(replicas, { ...asked, headers: wrong }, shape)).status).to.equal(401)
          expect(await issued()).to.deep.equal(before)
          const right = { ...headers, ...basic('app.web', clientSecret) }
          expect((await ask(replicas, { ...asked, headers: right }, shape)).status).to.equal(200)
          const after = await issued()
          expect(after).to.include({ code: 'neither PKCE nor a nonce' }).and.to.not.include({ count: before.count })
        })

    it('A4 not by a nonce where PKCE is required: of a public client, or because its object says so', async () => {
      for (const [clientId, redirect] of [
        ['app.required', redirectUri],
        ['app.spa', configs.spa.redirectUris[0]],
      ] as const) {
        const { error, description } = await refusal(
          plainRequest({ nonce, client_id: clientId, redirect_uri: redirect }),
        )
        expect([error, description]).to.deep.equal([
          'invalid_request',
          'send code_challenge with code_challenge_method=S256 (PKCE): this client must',
        ])
      }
    })

    it('A4 a verifier without a challenge is refused', async () => {
      const back = await authorize(plainRequest({ nonce }))
      const refused = await redeem(replicas, { value: back.searchParams.get('code')!, proof: pkce() })
      expect([refused.status, refused.json()['error']]).to.deep.equal([400, 'invalid_grant'])
    })

    it('A4 in a pushed request as anywhere', async () => {
      const push = (parameters: Record<string, string>) =>
        send(replicas, { path: '/request', headers: basic('app.web', clientSecret), form: parameters })
      expect((await push(plainRequest({ nonce: 'short' }))).status).to.equal(201)
      const { json } = await send(replicas, {
        path: '/request',
        headers: basic('app.required', clientSecret),
        form: plainRequest({ client_id: 'app.required', nonce }),
      })
      expect(json()['error']).to.equal('invalid_request')
    })
  })

  describe('reads its tokens', () => {
    const headerOf = (token: string) =>
      JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as { alg: string; kid: string }
    const signIn = async (clientId: string, more: Record<string, string> = {}) => {
      const proof = pkce()
      const back = await authorize(request(proof, { client_id: clientId, ...more }))
      return tokensOf(
        await redeem(replicas, { value: back.searchParams.get('code')!, proof }, { clientId, form: resourceOf(more) }),
      )
    }
    const resourceOf = ({ resource }: Record<string, string>): Record<string, string> => (resource ? { resource } : {})

    it('ID tokens are RS256, and hold what the scopes give', async () => {
      const { id } = await signIn('app.web', { scope: 'openid profile email groups' })
      expect(headerOf(id).alg).to.equal('RS256')
      expect(claimsOfJwt(id)).to.deep.include({
        email: 'ada@example.com',
        email_verified: true,
        preferred_username: 'ada',
        groups: ['engineers'],
      })
    })

    it('a scope about the person that the object leaves out is left out, said in scope, and may be repeated at a refresh', async () => {
      const proof = pkce()
      const scope = 'openid email phone'
      const back = await authorize(request(proof, { client_id: 'app.web', scope }))
      const answer = await redeem(replicas, { value: back.searchParams.get('code')!, proof })
      expect(answer.json()['scope']).to.equal('openid email')
      expect((await issued()).leftOut).to.equal('phone')
      const again = await refresh(replicas, tokensOf(answer).refresh, { form: { scope } })
      expect([again.status, again.json()['scope']]).to.deep.equal([200, 'openid email'])
      const alone = await refresh(replicas, tokensOf(again).refresh, { form: { scope: 'phone' } })
      expect(alone.json()['error'], 'nothing asked for would be everything').to.equal('invalid_scope')
      // the owner follows the advice, and programs go on as they are
      const more = { ...configs.web, scopes: [...configs.web.scopes, 'phone'] }
      await replicas.serve([...entries().filter(({ clientId }) => clientId !== 'app.web'), entry('app.web', more)])
      const later = await refresh(replicas, tokensOf(again).refresh, { form: { scope } })
      await replicas.serve(entries())
      expect([later.status, later.json()['scope']]).to.deep.equal([200, 'openid email'])
    })

    it('what was left out is told by the code that its client redeems, pushed or not, and not by what a browser says', async () => {
      const scope = 'openid phone email address'
      const { json } = await send(replicas, {
        path: '/request',
        headers: basic('app.web', clientSecret),
        form: plainRequest({ scope }),
      })
      const pushed = { client_id: 'app.web', request_uri: String(json()['request_uri']), left_out: 'groups' }
      for (const [parameters, leftOut] of [
        [plainRequest({ scope, left_out: 'groups' }), 'address phone'],
        [pushed, 'address phone'],
        [plainRequest({ left_out: 'phone groups' }), undefined],
      ] as const) {
        const before = await issued()
        const back = await authorize(parameters)
        expect((await issued()).count, 'anybody can send a request').to.equal(before.count)
        const form = codeForm(back.searchParams.get('code')!)
        await send(replicas, { path: '/token', headers: basic('app.web', clientSecret), form })
        expect((await issued()).leftOut).to.equal(leftOut)
      }
    })

    it('a refused scope is named with the object and its field, in the answer and in the audit line', async () => {
      const { error, description } = await refusal(request(pkce(), { client_id: 'app.mail', scope: 'openid email' }))
      const text = 'openid is not in spec.scopes of default/app-mail'
      expect([error, description]).to.deep.equal(['invalid_scope', text])
      const lines = replicas.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
      expect(lines.findLast(({ event }) => event === 'authorization.refused')?.['reason']).to.equal(text)
      // nothing of it would be left
      const alone = await refusal(request(pkce(), { client_id: 'app.mail', scope: 'phone' }))
      expect(alone.description).to.equal('phone is not in spec.scopes of default/app-mail')
    })

    it('an ID token holds nothing of a scope that was not asked for', async () => {
      expect(claimsOfJwt((await signIn('app.web', { scope: 'openid email' })).id)).to.not.have.any.keys(
        'preferred_username',
        'groups',
      )
    })

    it('access tokens are ES256, or what the client says', async () => {
      const resource = 'https://api.example.com'
      const machine = await machineToken({ headers: basic('app.machine', clientSecret) })
      expect(headerOf(machine.json()['access_token'] as string).alg).to.equal('ES256')
      const { access, id } = await signIn('app.ps', { scope: 'openid read', resource })
      expect([headerOf(access).alg, headerOf(id).alg]).to.deep.equal(['PS256', 'RS256'])
    })

    it('both algorithms stand in the JWKS and in the metadata', async () => {
      const { keys } = (await send(replicas, { path: '/jwks' })).json() as { keys: { alg: string }[] }
      expect(keys.map(({ alg }) => alg)).to.include.members(['RS256', 'ES256'])
      const metadata = (await send(replicas, { path: '/.well-known/openid-configuration' })).json()
      expect(metadata['id_token_signing_alg_values_supported']).to.include.members(['RS256', 'ES256'])
      expect(metadata['token_endpoint_auth_methods_supported']).to.have.members([
        'client_secret_basic',
        'client_secret_post',
        'none',
        'private_key_jwt',
      ])
    })
  })
})
