import { generateKeyPairSync, sign as signBytes } from 'node:crypto'
import { expect } from 'chai'
import { basic, send } from '@nauthera/harness/browser'
import {
  claimsOfJwt,
  fetchCode,
  headerOfJwt,
  fetchTokens,
  introspect,
  redeem,
  refresh,
  revoke,
  tokensOf,
} from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

const api = 'https://api.example.com'
const b64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('T14 introspection and revocation of JWT access tokens', () => {
  let replicas: ServerReplicas
  let ada: string
  const web = { ...configs.web, audiences: [api], scopes: [...configs.web.scopes, 'read', 'write'] }
  const scopes = { granted: { [api]: ['read', 'write'] } }
  const machine = { ...configs.machine, scopes: ['read', 'write'] }
  const clients = () => [
    entry('app.web', web, scopes),
    entry('app.staff', { ...web, allowedGroups: ['engineers'] }, scopes),
    entry('app.other', configs.web),
    entry('app.machine', machine, scopes),
    entry('app.api', configs.api),
    entry('app.otherapi', { ...configs.api, resourceServer: { identifier: 'https://b.example.com', scopes: [] } }),
  ]
  const change = (clientId: string, next?: ReturnType<typeof entry>) =>
    replicas.serve([...clients().filter((one) => one.clientId !== clientId), ...(next ? [next] : [])])

  before(async () => {
    replicas = await startReplicas({ count: 2 })
    ada = await addPerson(replicas, 'ada', ['engineers'])
  })
  beforeEach(() => replicas.serve(clients()))
  after(() => replicas.stop())

  const machineToken = async () => {
    const form = { grant_type: 'client_credentials' }
    const answer = await send(replicas, { path: '/token', form, headers: basic('app.machine', clientSecret) })
    return String(answer.json()['access_token'])
  }
  const personTokens = async (options: { clientId?: string; username?: string } = {}) => {
    const { clientId = 'app.web', username = 'ada' } = options
    const parameters = { client_id: clientId, scope: 'openid read write', resource: api }
    const code = await fetchCode(replicas, { username, parameters })
    const tokens = tokensOf(await redeem(replicas, code, { clientId, form: { resource: api } }))
    return { ...tokens, browser: code.browser }
  }
  const look = async (token: string, clientId = 'app.api', replica = 1) => {
    const answer = await introspect(replicas, token, { clientId, replica })
    expect(answer.status, answer.body).to.equal(200)
    return answer.json()
  }
  const inactive = { active: false }

  it('tells the token’s client and the API in its audience, and nobody else', async () => {
    for (const [token, owner] of [
      [await machineToken(), 'app.machine'],
      [(await personTokens()).access, 'app.web'],
    ] as const) {
      const { jti, exp, iat } = claimsOfJwt(token)
      for (const clientId of [owner, 'app.api']) {
        const told = {
          active: true,
          client_id: owner,
          aud: api,
          scope: 'read write',
          jti,
          exp,
          iat,
          iss: replicas.issuer,
        }
        expect(await look(token, clientId)).to.include(told)
      }
      for (const clientId of ['app.other', 'app.otherapi']) expect(await look(token, clientId)).to.deep.equal(inactive)
    }
  })

  it('names the person and how they signed in, and the token shows no grant: its reference is sealed', async () => {
    const { access, refresh: other } = await personTokens()
    expect(await look(access)).to.include({ sub: ada, token_type: 'Bearer' })
    const { grant_ref: reference, ...claims } = claimsOfJwt(access)
    const signIn = ['acr', 'auth_time']
    expect(Object.keys(claims)).to.have.members([
      'jti',
      'sub',
      'iat',
      'exp',
      'scope',
      'client_id',
      'iss',
      'aud',
      ...signIn,
    ])
    expect(await look(access)).to.deep.include({ acr: claims['acr'], auth_time: claims['auth_time'] })
    expect(reference).to.match(/^nr_/)
    const next = tokensOf(await refresh(replicas, other, { form: { resource: api } }))
    expect(claimsOfJwt(next.access)['grant_ref']).to.not.equal(reference)
    expect(claimsOfJwt(next.access)).to.deep.include({ acr: claims['acr'], auth_time: claims['auth_time'] })
    expect(claimsOfJwt(await machineToken())).to.not.have.property('grant_ref')
    // the reference is no token
    expect(await look(String(reference), 'app.web')).to.deep.equal(inactive)
  })

  describe('of an API that says how its tokens are (resourceServer.tokens)', () => {
    const terms = {
      accessTokenSignedResponseAlg: 'RS256',
      accessTokenTtl: 120,
      tokenClaims: ['groups', 'email', 'preferred_username', 'roles'],
    }
    const fromGroups = [{ group: 'engineers', values: ['Editor'] }]
    const theApi = (more: object = {}) =>
      entry('app.api', {
        ...configs.api,
        claims: [{ name: 'roles', fromGroups, join: 'Array' }],
        resourceServer: { ...configs.api.resourceServer, ...terms, ...more },
      } as never)
    const tokenFor = async (scope: string, clientId = 'app.web') => {
      const code = await fetchCode(replicas, {
        username: 'ada',
        parameters: { client_id: clientId, scope, resource: api },
      })
      return tokensOf(await redeem(replicas, code, { clientId, form: { resource: api } })).access
    }
    const lifeOf = ({ exp, iat }: Record<string, unknown>) => Number(exp) - Number(iat)
    const told = {
      groups: ['engineers'],
      roles: ['Editor'],
      email: 'ada@example.com',
      email_verified: true,
      preferred_username: 'ada',
    }
    const all = 'openid profile email groups read'

    it('signs by its algorithm, for as long as it says and no longer than the client and its policies want', async () => {
      await change('app.api', theApi())
      for (const token of [await machineToken(), await tokenFor(all)]) {
        expect(headerOfJwt(token)['alg']).to.equal('RS256')
        expect(lifeOf(claimsOfJwt(token))).to.equal(120)
      }
      const strict = { ...configs.machine, scopes: ['read'], accessTokenTtlLimit: 90 }
      await replicas.serve([
        ...clients().filter(({ clientId }) => !['app.api', 'app.machine'].includes(clientId)),
        theApi(),
        entry('app.machine', strict, scopes),
      ])
      expect(lifeOf(claimsOfJwt(await machineToken()))).to.equal(90)
    })

    it('is opaque where the API wants that, whatever the client says', async () => {
      const jwt = { ...machine, accessTokenFormat: 'jwt' }
      const others = clients().filter(({ clientId }) => !['app.api', 'app.machine'].includes(clientId))
      await replicas.serve([...others, theApi({ accessTokenFormat: 'opaque' }), entry('app.machine', jwt, scopes)])
      const token = await machineToken()
      expect(token).to.match(/^nr_/)
      expect(lifeOf(await look(token))).to.equal(120)
    })

    it('T14 says of the person what the API wants and the person let the client know, in the JWT and to that API alone', async () => {
      await change('app.api', theApi())
      const token = await tokenFor(all)
      expect(claimsOfJwt(token)).to.deep.include(told)
      expect(claimsOfJwt(token)).to.not.have.any.keys('name', 'username')
      expect(await look(token)).to.deep.include({ ...told, username: 'ada' })
      for (const [scope, names] of [
        ['openid read', []],
        ['openid email read', ['email', 'email_verified']],
        ['openid groups read', ['groups', 'roles']],
      ] as const) {
        const less = await tokenFor(scope)
        for (const claims of [claimsOfJwt(less), await look(less)])
          expect(
            Object.keys(claims).filter((name) => name in told || name === 'username'),
            scope,
          ).to.have.members(names)
      }
      expect(claimsOfJwt(await machineToken())).to.not.have.any.keys(...Object.keys(told))
      expect(await look(token, 'app.web')).to.not.have.any.keys('username', ...Object.keys(told))
      await change('app.api')
      expect(claimsOfJwt(await tokenFor(all))).to.not.have.any.keys(...Object.keys(told))
    })
  })

  it('is inactive, and never an error, for what is no access token of this server', async () => {
    const { access, id } = await personTokens()
    const [head = '', body = '', signature = ''] = access.split('.')
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const forge = (header: object, claims: object) => {
      const data = `${b64(header)}.${b64(claims)}`
      const signed = signBytes('sha256', Buffer.from(data), { key: privateKey, dsaEncoding: 'ieee-p1363' })
      return `${data}.${signed.toString('base64url')}`
    }
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as object
    const claims = claimsOfJwt(access)
    for (const token of [
      id,
      forge(header, claims),
      forge({ ...header, kid: 'own' }, claims),
      `${b64({ ...header, alg: 'none' })}.${body}.`,
      `${head}.${b64({ ...claims, scope: 'read write admin' })}.${signature}`,
      `${head}.${body}.${signature.slice(0, -4)}`,
      `${head}.${body}`,
      `${access}.${access}`,
      `${head}.${body}.${signature}.x.y`,
      '...',
      'a.b.c',
      'a-signed-token',
    ]) {
      for (const hint of ['access_token', 'refresh_token', '']) {
        const answer = await send(replicas, {
          path: '/introspect',
          headers: basic('app.web', clientSecret),
          form: { token, ...(hint ? { token_type_hint: hint } : {}) },
        })
        expect([answer.status, answer.json()], token).to.deep.equal([200, inactive])
      }
      expect((await revoke(replicas, token)).status, token).to.equal(200)
    }
    expect(await look(access)).to.include({ active: true })
    expect(
      (await send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${access}` } })).status,
    ).to.equal(401)
    const twice = await send(replicas, {
      path: '/introspect',
      headers: basic('app.web', clientSecret),
      form: [
        ['token', access],
        ['token', access],
      ],
    })
    expect([twice.status, twice.json()['error']]).to.deep.equal([400, 'invalid_request'])
  })

  it('a revoked JWT of client_credentials is inactive on each replica; others stay', async () => {
    const [token, other] = [await machineToken(), await machineToken()]
    await revoke(replicas, token, { clientId: 'app.api' })
    await revoke(replicas, token, { clientId: 'app.web' })
    expect(await look(token)).to.include({ active: true })
    expect((await revoke(replicas, token, { clientId: 'app.machine' })).status).to.equal(200)
    for (const replica of [0, 1]) expect(await look(token, 'app.api', replica)).to.deep.equal(inactive)
    expect(await look(other)).to.include({ active: true })
  })

  it('revoking a JWT of a person ends its grant, as revoking an opaque token does', async () => {
    const tokens = await personTokens()
    await revoke(replicas, tokens.access, { clientId: 'app.other' })
    expect(await look(tokens.access)).to.include({ active: true })
    await revoke(replicas, tokens.access)
    expect(await look(tokens.access)).to.deep.equal(inactive)
    expect((await refresh(replicas, tokens.refresh)).json()['error']).to.equal('invalid_grant')
    const second = await personTokens()
    await revoke(replicas, second.refresh)
    expect(await look(second.access)).to.deep.equal(inactive)
  })

  it('T5 ends with its person, the grant, the group and the client', async () => {
    const { store } = replicas.apps[1]!
    await addPerson(replicas, 'eve')
    const ofEve = await personTokens({ username: 'eve' })
    const eve = String((await look(ofEve.access))['sub'])
    await store.users.setDisabled(eve, true, [])
    expect(await look(ofEve.access)).to.deep.equal(inactive)

    const bob = await addPerson(replicas, 'bob')
    const ofBob = await personTokens({ username: 'bob' })
    await store.users.revokeSessions(bob, [])
    expect(await look(ofBob.access)).to.deep.equal(inactive)

    const staff = await personTokens({ clientId: 'app.staff' })
    const machineJwt = await machineToken()
    await change('app.staff', entry('app.staff', { ...web, allowedGroups: ['managers'] }, scopes))
    expect(await look(staff.access)).to.deep.equal(inactive)
    await change('app.staff')
    expect(await look(staff.access)).to.deep.equal(inactive)
    await change('app.machine', entry('app.machine', { ...machine, suspended: true }, scopes))
    expect(await look(machineJwt)).to.deep.equal(inactive)
    await replicas.serve(clients())
    expect(await look(machineJwt)).to.include({ active: true })
    expect(await look(staff.access)).to.include({ active: true })
    await change('app.staff', entry('app.staff', web, { ...scopes, uid: 'uid-again' }))
    expect(await look(staff.access)).to.deep.equal(inactive)
  })

  it('T13 says what the client may have now', async () => {
    const token = await machineToken()
    await change('app.machine', entry('app.machine', machine, { granted: { [api]: ['write'] } }))
    expect((await look(token))['scope']).to.equal('write')
    await change('app.machine', entry('app.machine', machine, { granted: {} }))
    expect(await look(token)).to.deep.equal(inactive)
  })

  it('an opaque token is looked at as before', async () => {
    const { access } = await fetchTokens(replicas)
    expect(await look(access, 'app.web')).to.include({ active: true, sub: ada })
    expect(await look(access)).to.deep.equal(inactive)
  })
})
