import { createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto'
import { expect } from 'chai'
import { basic, send } from '@nauthera/harness/browser'
import {
  claimsOfJwt,
  fetchCode,
  fetchTokens,
  introspect,
  redeem,
  refresh,
  revoke,
  tokensOf,
} from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

const b64 = (value: object | string): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

describe('tokens', () => {
  let replicas: ServerReplicas
  let ada: string
  const privateJwk = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicJwk = {
    ...privateJwk.publicKey.export({ format: 'jwk' }),
    kid: 'own',
    alg: 'ES256',
    use: 'sig',
  } as Record<string, string>

  const everybody = () => [
    entry('app.web', configs.web),
    entry('app.other', configs.web),
    entry('app.spa', configs.spa),
    entry('app.machine', configs.machine),
    entry('app.opaque', { ...configs.machine, audiences: [], accessTokenFormat: 'opaque' }),
    entry('app.api', configs.api),
    entry('app.roles', {
      ...configs.web,
      claims: [{ name: 'roles', join: 'Array', fromGroups: [{ group: 'engineers', values: ['admin', 'dev'] }] }],
    }),
    entry('app.signed', {
      ...configs.machine,
      tokenEndpointAuthMethod: 'private_key_jwt',
      jwks: { keys: [publicJwk] },
    }),
    entry('app.resource', {
      ...configs.web,
      scopes: [...configs.web.scopes, 'read'],
      audiences: ['https://api.example.com'],
    }),
  ]

  before(async () => {
    replicas = await startReplicas({ count: 2 })
    await replicas.serve(everybody())
    ada = await addPerson(replicas, 'ada', ['engineers'])
  })
  after(() => replicas.stop())

  const token = (
    form: Record<string, string> | URLSearchParams | [string, string][],
    headers: Record<string, string> = {},
    replica = 0,
  ) => send(replicas, { replica, path: '/token', form, headers })
  const userinfo = (access: string) =>
    send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${access}` } })

  describe('T9 client authentication', () => {
    const grant = { grant_type: 'client_credentials' }
    const cases: readonly [string, Record<string, string>, [string, string][], number, string][] = [
      ['the right secret', basic('app.machine', clientSecret), [], 200, ''],
      ['a wrong secret', basic('app.machine', 'wrong'), [], 401, 'invalid_client'],
      [
        'the placeholder that the library gets as the secret',
        basic('app.machine', 'hashed-secrets-are-compared-elsewhere'),
        [],
        401,
        'invalid_client',
      ],
      ['an unknown client', basic('app.nobody', clientSecret), [], 401, 'invalid_client'],
      ['an empty secret', basic('app.machine', ''), [], 401, 'invalid_client'],
      ['no authentication', {}, [['client_id', 'app.machine']], 401, 'invalid_client'],
      ['Basic that is not base64', { authorization: 'Basic %%%' }, [], 400, 'invalid_request'],
      ['Basic without a colon', { authorization: `Basic ${b64('nocolon')}` }, [], 400, 'invalid_request'],
      [
        'two secrets at once',
        basic('app.machine', clientSecret),
        [['client_secret', `${clientSecret}-other`]],
        400,
        'invalid_request',
      ],
      [
        'the secret in the body of a client that uses Basic',
        {},
        [
          ['client_id', 'app.machine'],
          ['client_secret', clientSecret],
        ],
        401,
        'invalid_client',
      ],
      [
        'another client id beside Basic',
        basic('app.machine', clientSecret),
        [['client_id', 'app.web']],
        400,
        'invalid_request',
      ],
      [
        'a client id given twice',
        basic('app.machine', clientSecret),
        [
          ['client_id', 'app.machine'],
          ['client_id', 'app.machine'],
        ],
        400,
        'invalid_request',
      ],
      [
        'an assertion without a signature (alg none)',
        {},
        [
          ['client_assertion', `${b64({ alg: 'none' })}.${b64({ sub: 'app.signed' })}.`],
          ['client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'],
        ],
        401,
        'invalid_client',
      ],
    ]
    for (const [sentence, headers, more, status, error] of cases) {
      it(`${sentence}: ${status}`, async () => {
        const answer = await token([...Object.entries(grant), ...more] as [string, string][], headers)
        expect(answer.status, answer.body).to.equal(status)
        if (status !== 200) expect(answer.json()['error']).to.equal(error)
        if (status === 401 && headers['authorization']) expect(answer.headers['www-authenticate']).to.match(/^Basic /)
        expect(answer.body).to.not.contain(clientSecret)
      })
    }

    it('a secret in the query string is ignored', async () => {
      const answer = await send(replicas, {
        path: `/token?client_id=app.machine&client_secret=${clientSecret}`,
        form: grant,
      })
      expect(answer.status).to.equal(400)
    })
  })

  it('T12 accepts both valid secrets, and refuses expired and revoked ones, on each replica', async () => {
    const grant = { grant_type: 'client_credentials' }
    const old = 'the-old-secret-of-more-than-32-characters'
    const over = 'a-secret-that-is-over-of-more-than-32-chars'
    const soon = new Date(Date.now() + 60_000)
    const others = everybody().filter(({ clientId }) => clientId !== 'app.machine')
    await replicas.serve([
      ...others,
      entry('app.machine', configs.machine, {
        secrets: [
          { plain: over, notAfter: new Date(Date.now() - 1000) },
          { plain: old, notAfter: soon },
          { plain: clientSecret },
        ],
      }),
    ])
    for (const replica of [0, 1]) {
      for (const [secret, status] of [
        [old, 200],
        [clientSecret, 200],
        [over, 401],
      ] as const) {
        expect((await token(grant, basic('app.machine', secret), replica)).status).to.equal(status)
      }
    }
    await replicas.serve(everybody())
    for (const replica of [0, 1]) {
      expect((await token(grant, basic('app.machine', old), replica)).status).to.equal(401)
      expect((await token(grant, basic('app.machine', clientSecret), replica)).status).to.equal(200)
    }
  })

  it('T11 a client assertion works once, whichever replica gets it', async () => {
    const assertion = (aud: string, validFor = 60) => {
      const now = Math.floor(Date.now() / 1000)
      const head = b64({ alg: 'ES256', kid: 'own' })
      const body = b64({
        iss: 'app.signed',
        sub: 'app.signed',
        aud,
        jti: String(Math.random()),
        iat: now,
        exp: now + validFor,
      })
      const signature = signBytes('sha256', Buffer.from(`${head}.${body}`), {
        key: privateJwk.privateKey,
        dsaEncoding: 'ieee-p1363',
      })
      return `${head}.${body}.${signature.toString('base64url')}`
    }
    const form = (value: string) => ({
      grant_type: 'client_credentials',
      client_assertion: value,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })
    const one = assertion(replicas.issuer)
    const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => token(form(one), {}, n % 2)))
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1)
    expect(answers.filter(({ status }) => status === 401)).to.have.length(9)
    expect((await token(form(assertion('https://elsewhere.test')))).status).to.equal(401)
    for (const tooFar of [1e18, 1e300, 31 * 86_400])
      expect((await token(form(assertion(replicas.issuer, tooFar)))).status).to.equal(401)
    expect((await token(form(assertion(replicas.issuer)))).status).to.equal(200)
  })

  describe('grant types', () => {
    for (const [sentence, form, error] of [
      ['no grant_type', {}, 'invalid_request'],
      ['an unknown grant_type', { grant_type: 'magic' }, 'unsupported_grant_type'],
      ['the password grant', { grant_type: 'password', username: 'ada', password: 'x' }, 'unsupported_grant_type'],
      ['a grant that the client does not have', { grant_type: 'client_credentials' }, 'unauthorized_client'],
      [
        'a code that was never issued',
        { grant_type: 'authorization_code', code: 'x', redirect_uri: 'x' },
        'invalid_grant',
      ],
    ] as const) {
      it(`${sentence}: ${error}`, async () => {
        const answer = await token(form as Record<string, string>, basic('app.web', clientSecret))
        expect([answer.status, answer.json()['error']]).to.deep.equal([400, error])
      })
    }
  })

  it('client_credentials gives a JWT for the client’s only audience, with scopes of that API', async () => {
    const answer = await token({ grant_type: 'client_credentials', scope: 'read' }, basic('app.machine', clientSecret))
    const claims = claimsOfJwt(String(answer.json()['access_token']))
    expect(claims).to.include({
      aud: 'https://api.example.com',
      client_id: 'app.machine',
      scope: 'read',
      iss: replicas.issuer,
    })
    const foreign = await token(
      { grant_type: 'client_credentials', resource: 'https://other.example.com' },
      basic('app.machine', clientSecret),
    )
    expect([foreign.status, foreign.json()['error']]).to.deep.equal([400, 'invalid_target'])
  })

  it('T3 a sealed value that is cut, padded, changed or of another kind is refused', async () => {
    const code = await fetchCode(replicas)
    const tokens = tokensOf(await redeem(replicas, code))
    const flip = (text: string, at: number) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
    for (const bad of [
      tokens.access.slice(0, -1),
      `${tokens.access}A`,
      `${tokens.access}=`,
      flip(tokens.access, 20),
      flip(tokens.access, tokens.access.length - 3),
      flip(tokens.access, 5),
      code.value,
      tokens.access.replace('nr_', 'NR_'),
      'nr_',
      '',
    ]) {
      const answer = await introspect(replicas, bad)
      if (bad === '') expect(answer.status).to.equal(400)
      else expect(answer.json(), bad.slice(0, 20)).to.deep.equal({ active: false })
      expect((await userinfo(bad)).status).to.be.oneOf([400, 401])
    }
    for (const kind of [code.value, tokens.access, tokens.id]) {
      expect((await refresh(replicas, kind)).json()['error']).to.equal('invalid_grant')
    }
    expect((await introspect(replicas, tokens.access)).json()['active']).to.equal(true)
  })

  it('T2 a token with another algorithm, an unknown key or its own key is refused', async () => {
    const { keys } = (await send(replicas, { path: '/jwks' })).json() as { keys: Record<string, string>[] }
    const key = keys.find(({ alg }) => alg === 'ES256')!
    const body = b64({
      iss: replicas.issuer,
      sub: ada,
      aud: 'app.web',
      iat: 1,
      exp: 9_999_999_999,
      client_id: 'app.web',
      scope: 'openid',
    })
    const forged = [
      { alg: 'none', kid: key['kid'] },
      { alg: 'HS256', kid: key['kid'] },
      { alg: 'ES256', kid: '../../etc/passwd' },
      { alg: 'ES256', kid: "' OR 1=1 --" },
      { alg: 'ES256', jwk: publicJwk },
      { alg: 'ES256', jku: 'https://evil.test/jwks', kid: 'own' },
      { alg: 'ES256', x5u: 'https://evil.test/x5u', kid: key['kid'] },
    ].map((header) => {
      const head = b64({ typ: 'at+jwt', ...header })
      const data = Buffer.from(`${head}.${body}`)
      if (header.alg === 'none') return `${head}.${body}.`
      if (header.alg === 'HS256')
        return `${head}.${body}.${createHmac('sha256', JSON.stringify(key)).update(data).digest('base64url')}`
      return `${head}.${body}.${signBytes('sha256', data, { key: privateJwk.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
    })
    for (const one of forged) {
      expect((await userinfo(one)).status).to.equal(401)
      const hinted = await send(replicas, {
        path: `/logout?${new URLSearchParams({ id_token_hint: one }).toString()}`,
        headers: { accept: 'text/html' },
      })
      expect(hinted.status).to.equal(400)
    }
    expect((await userinfo((await fetchTokens(replicas)).access)).status).to.equal(200)
  })

  it('T6 revoking one token of a grant ends all its tokens; another client cannot revoke them', async () => {
    const tokens = await fetchTokens(replicas)
    const foreign = await revoke(replicas, tokens.refresh, { clientId: 'app.other' })
    expect([foreign.status, foreign.json()['error']]).to.deep.equal([400, 'invalid_grant'])
    expect((await userinfo(tokens.access)).status).to.equal(200)
    expect((await revoke(replicas, tokens.access)).status).to.equal(200)
    expect((await userinfo(tokens.access)).status).to.equal(401)
    expect((await refresh(replicas, tokens.refresh, { replica: 1 })).status).to.equal(400)
    const second = await fetchTokens(replicas)
    expect((await revoke(replicas, second.refresh)).status).to.equal(200)
    expect((await introspect(replicas, second.access, { replica: 1 })).json()).to.deep.equal({ active: false })
    expect((await revoke(replicas, 'never-a-token')).status).to.equal(200)
  })

  it('T6 a revoked opaque token of client_credentials is inactive on each replica', async () => {
    const access = String(
      (await token({ grant_type: 'client_credentials' }, basic('app.opaque', clientSecret))).json()['access_token'],
    )
    expect(access).to.match(/^nr_/)
    expect((await introspect(replicas, access, { clientId: 'app.opaque' })).json()['active']).to.equal(true)
    await revoke(replicas, access, { clientId: 'app.opaque' })
    expect((await introspect(replicas, access, { clientId: 'app.opaque', replica: 1 })).json()).to.deep.equal({
      active: false,
    })
  })

  it('T8 a refresh may ask for fewer scopes, and never gets more', async () => {
    const first = await fetchTokens(replicas, { parameters: { scope: 'openid email' } })
    const wider = await refresh(replicas, first.refresh, { form: { scope: 'openid email profile' } })
    expect([wider.status, wider.json()['scope']]).to.deep.equal([200, 'openid email'])
    const tokens = tokensOf(wider)
    // to ask for nothing would be to ask for everything
    const other = await refresh(replicas, tokens.refresh, { form: { scope: 'profile' } })
    expect([other.status, other.json()['error']]).to.deep.equal([400, 'invalid_scope'])
    const api = await refresh(replicas, tokens.refresh, { form: { resource: 'https://api.example.com' } })
    expect([api.status, api.json()['error']]).to.deep.equal([400, 'invalid_target'])
    const narrower = await refresh(replicas, tokens.refresh, { form: { scope: 'openid' } })
    expect(narrower.json()['scope']).to.equal('openid')
  })

  it('gives a token for an API when the request names one, with only the scopes of that API', async () => {
    const parameters = { client_id: 'app.resource', scope: 'openid read', resource: 'https://api.example.com' }
    const code = await fetchCode(replicas, { parameters })
    const answer = await redeem(replicas, code, {
      clientId: 'app.resource',
      form: { resource: 'https://api.example.com' },
    })
    const claims = claimsOfJwt(tokensOf(answer).access)
    expect(claims).to.include({ aud: 'https://api.example.com', scope: 'read', sub: ada })
    expect(claims).to.not.have.any.keys('groups', 'email')
  })

  it('lets a client introspect its own tokens, not those of another client', async () => {
    const own = await fetchTokens(replicas)
    expect((await introspect(replicas, own.access, { clientId: 'app.other' })).json()).to.deep.equal({ active: false })
    const looked = (await introspect(replicas, own.access)).json()
    expect(looked).to.include({ active: true, sub: ada, client_id: 'app.web', iss: replicas.issuer })
  })

  it('introspection says that a refresh token is active until it is used', async () => {
    const tokens = await fetchTokens(replicas)
    expect((await introspect(replicas, tokens.refresh)).json()['active']).to.equal(true)
    const next = tokensOf(await refresh(replicas, tokens.refresh))
    expect((await introspect(replicas, tokens.refresh)).json()).to.deep.equal({ active: false })
    expect((await introspect(replicas, next.refresh)).json()['active']).to.equal(true)
  })

  it('userinfo returns what the scopes allow, in the types of the standard', async () => {
    const tokens = await fetchTokens(replicas, { parameters: { scope: 'openid profile email groups' } })
    const claims = (await userinfo(tokens.access)).json()
    expect(claims).to.include({ sub: ada, email: 'ada@example.com', email_verified: true, preferred_username: 'ada' })
    expect(claims['updated_at']).to.be.a('number')
    expect(claims['groups']).to.deep.equal(['engineers'])
    expect(
      Object.keys((await userinfo((await fetchTokens(replicas, { parameters: { scope: 'openid' } })).access)).json()),
    ).to.deep.equal(['sub'])
    for (const headers of [{}, { authorization: 'Bearer x' }, { authorization: 'Basic x' }] as Record<
      string,
      string
    >[]) {
      expect((await send(replicas, { path: '/userinfo', headers })).status).to.be.oneOf([400, 401])
    }
  })

  it('returns what the claims parameter asks for, and the claims that the client derives from groups', async () => {
    const asked = JSON.stringify({ id_token: { email: null, auth_time: { essential: true } } })
    const tokens = await fetchTokens(replicas, { parameters: { scope: 'openid email', claims: asked } })
    expect(claimsOfJwt(tokens.id)).to.include({ email: 'ada@example.com' })
    expect(claimsOfJwt(tokens.id)['auth_time']).to.be.a('number')
    const code = await fetchCode(replicas, { parameters: { client_id: 'app.roles', scope: 'openid' } })
    const roles = tokensOf(await redeem(replicas, code, { clientId: 'app.roles' }))
    expect(claimsOfJwt(roles.id)['roles']).to.deep.equal(['admin', 'dev'])
    expect((await userinfo(roles.access)).json()['roles']).to.deep.equal(['admin', 'dev'])
  })

  it('T5 all tokens of a disabled person are refused at once', async () => {
    await addPerson(replicas, 'eve')
    const tokens = await fetchTokens(replicas, {
      username: 'eve',
      parameters: { scope: 'openid offline_access', prompt: 'consent' },
    })
    const eve = String((await userinfo(tokens.access)).json()['sub'])
    const { store } = replicas.apps[1]!
    await store.users.setDisabled(eve, true, [])
    expect((await refresh(replicas, tokens.refresh)).json()['error']).to.equal('invalid_grant')
    expect((await userinfo(tokens.access)).status).to.equal(401)
    expect((await introspect(replicas, tokens.access)).json()).to.deep.equal({ active: false })
  })

  it('T5 all tokens of a suspended or deleted client are refused', async () => {
    const tokens = await fetchTokens(replicas)
    await replicas.serve([
      ...everybody().filter(({ clientId }) => clientId !== 'app.web'),
      entry('app.web', { ...configs.web, generation: 2n, suspended: true }),
    ])
    expect((await refresh(replicas, tokens.refresh)).json()['error']).to.equal('invalid_client')
    expect((await userinfo(tokens.access)).status).to.equal(401)
    await replicas.serve(everybody().filter(({ clientId }) => clientId !== 'app.web'))
    expect((await refresh(replicas, tokens.refresh)).json()['error']).to.equal('invalid_client')
    expect((await introspect(replicas, tokens.access, { clientId: 'app.api' })).json()).to.deep.equal({ active: false })
    await replicas.serve(everybody())
    expect((await refresh(replicas, tokens.refresh)).status).to.equal(200)
  })

  it('a client that is deleted and created again cannot use the tokens of the old one: it has another UID', async () => {
    const tokens = await fetchTokens(replicas)
    await replicas.serve([
      ...everybody().filter(({ clientId }) => clientId !== 'app.web'),
      entry('app.web', configs.web, { uid: 'uid-again' }),
    ])
    expect((await refresh(replicas, tokens.refresh)).json()['error']).to.equal('invalid_grant')
    await replicas.serve(everybody())
  })

  it('allows cross-origin requests to the token endpoint only from the origins of the client', async () => {
    const preflight = await send(replicas, {
      method: 'OPTIONS',
      path: '/token',
      headers: { origin: 'https://spa.example.com', 'access-control-request-method': 'POST' },
    })
    expect(preflight.headers['access-control-allow-origin']).to.equal('https://spa.example.com')
    const form = { grant_type: 'refresh_token', refresh_token: 'x', client_id: 'app.spa' }
    const own = await token(form, { origin: 'https://spa.example.com' })
    expect(own.headers['access-control-allow-origin']).to.equal('https://spa.example.com')
    const foreign = await token(form, { origin: 'https://evil.test' })
    expect(foreign.headers['access-control-allow-origin']).to.equal(undefined)
  })

  it('T10 publishes no private part of a key, and the same documents on every replica', async () => {
    for (const path of ['/jwks', '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
      const [one, other] = [await send(replicas, { path }), await send(replicas, { path, replica: 1 })]
      expect(one.status).to.equal(200)
      expect(one.body).to.equal(other.body)
      expect(one.headers['cache-control']).to.equal('public, max-age=300')
      const again = await send(replicas, { path, headers: { 'if-none-match': one.headers.etag! } })
      expect([again.status, again.body]).to.deep.equal([304, ''])
      expect(one.headers['access-control-allow-origin']).to.equal('*')
    }
    const { keys } = (await send(replicas, { path: '/jwks' })).json() as { keys: object[] }
    for (const key of keys) expect(key).to.not.have.any.keys('d', 'p', 'q', 'dp', 'dq', 'qi', 'k')
    expect(keys).to.have.length(2)
  })
})
