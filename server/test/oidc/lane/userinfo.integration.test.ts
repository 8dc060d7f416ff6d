import { expect } from 'chai'
import fc from 'fast-check'
import { send } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchCode, fetchTokens, redeem, revoke, tokensOf } from '@nauthera/harness/flows'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { ask, closeConnections, comparable, expectSameLines, idOf, linesById } from './asked-twice.ts'
import type { LaneRequest, Got } from './asked-twice.ts'

// Userinfo of the machine lane against the library: whatever is asked, nobody can tell which of the two has answered.

const api = 'https://api.example.com'
const granted = { [api]: ['read'] }
const { web } = configs
const roles = [{ name: 'roles', join: 'Array', fromGroups: [{ group: 'engineers', values: ['admin', 'dev'] }] }]
const clients = [
  entry('app.web', { ...web, scopes: [...web.scopes!, 'address', 'phone', 'read'], audiences: [api] }, { granted }),
  entry('app.roles', { ...web, claims: roles }),
  entry('app.paired', { ...web, subjectType: 'pairwise' }),
  entry('app.few', { ...web, scopes: ['openid'] }),
  entry('app.team', { ...web, allowedGroups: ['engineers'] }),
  entry('app.signed', { ...web, userinfoSignedResponseAlg: 'ES256' }),
]
const all = 'openid profile email groups offline_access'

describe('the machine lane: userinfo', () => {
  let replicas: ServerReplicas
  let tokens: Readonly<Record<string, string>>

  before(async () => {
    replicas = await startReplicas()
    await replicas.serve([
      ...clients,
      entry('app.gone', web),
      entry('app.left', { ...web, allowedGroups: ['engineers'] }),
    ])
    await addPerson(replicas, 'ada', ['engineers'])
    await addPerson(replicas, 'bob', ['engineers'])
    const of = async (clientId: string, scope = all, username = 'ada', more: Record<string, string> = {}) =>
      fetchTokens(replicas, { clientId, username, parameters: { client_id: clientId, scope, ...more } })
    const code = await fetchCode(replicas, { parameters: { resource: api, scope: 'openid read' } })
    const ended = await of('app.web')
    await revoke(replicas, ended.refresh)
    const claims = JSON.stringify({ userinfo: { locale: null, nickname: null } })
    const bob = await of('app.web', all, 'bob')
    const { store } = replicas.apps[0]!
    tokens = {
      web: (await of('app.web')).access,
      openid: (await of('app.web', 'openid')).access,
      mail: (await of('app.web', 'openid email')).access,
      told: (await of('app.web', 'openid profile email groups address phone')).access,
      nobody: (await of('app.web', 'email')).access,
      roles: (await of('app.roles')).access,
      paired: (await of('app.paired')).access,
      few: (await of('app.few', 'openid')).access,
      team: (await of('app.team')).access,
      signed: (await of('app.signed')).access,
      claims: (await of('app.web', 'openid email', 'ada', { claims })).access,
      left: (await of('app.left')).access,
      gone: (await of('app.gone')).access,
      api: tokensOf(await redeem(replicas, code, { form: { resource: api } })).access,
      ended: ended.access,
      refresh: (await of('app.web')).refresh,
      disabled: bob.access,
      garbage: 'garbage',
      unsealed: 'nr_00000000_x',
    }
    await store.users.setDisabled(String(claimsOfJwt(bob.id)['sub']), true, [])
    await replicas.serve([...clients, entry('app.left', { ...web, allowedGroups: ['others'] })])
  })
  after(async () => {
    closeConnections()
    await replicas.stop()
  })

  const withToken = (name: string, headers: Readonly<Record<string, string>> = {}): LaneRequest => ({
    method: 'GET',
    path: '/userinfo',
    headers: { authorization: `Bearer ${tokens[name]}`, ...headers },
    body: '',
  })
  const inLane = (got: Got) => (linesById(replicas.lines).get(idOf(got)) ?? []).some(({ lane }) => lane === true)

  /** @returns both answers, after both are known to be the same */
  async function askTwice(asked: LaneRequest): Promise<readonly [Got, Got]> {
    const whole = await ask(replicas, asked, 'whole')
    const chunks = await ask(replicas, asked, 'chunks')
    expect(comparable(whole), `${asked.path} ${JSON.stringify(asked.headers)}`).to.deep.equal(comparable(chunks))
    return [whole, chunks]
  }

  for (const name of ['web', 'openid', 'mail', 'told', 'roles', 'paired', 'few', 'team'])
    it(`answers as the library does: ${name}`, async () => {
      const [whole, chunks] = await askTwice(withToken(name))
      expect([whole.status, inLane(whole), inLane(chunks)]).to.deep.equal([200, true, false])
      expect(JSON.parse(whole.body)).to.have.property('sub')
    })

  it('answers a request that says nothing of a body, as programs send it', async () => {
    const { path, headers } = withToken('web')
    const got = await send(replicas, { path, headers })
    expect([got.status, inLane(got)]).to.deep.equal([200, true])
  })

  const handed: readonly [string, number, () => LaneRequest][] = [
    ['a signed answer', 200, () => withToken('signed')],
    ['single claims that the sign-in asked for', 200, () => withToken('claims')],
    ['a token without openid', 403, () => withToken('nobody')],
    ['a token for an API', 401, () => withToken('api')],
    ['a token whose grant has ended', 401, () => withToken('ended')],
    ['a token of a person who is disabled', 401, () => withToken('disabled')],
    ['a token of a client that is gone', 401, () => withToken('gone')],
    ['a token of a client that may no longer serve the person', 401, () => withToken('left')],
    ['a refresh token', 401, () => withToken('refresh')],
    ['garbage', 401, () => withToken('garbage')],
    ['no token', 401, () => ({ ...withToken('web'), headers: {} })],
    ['another way to write Bearer', 200, () => withToken('web', { authorization: `bearer ${tokens['web']}` })],
    ['an origin', 400, () => withToken('web', { origin: 'https://spa.example.com' })],
    ['a proof of a key', 400, () => withToken('web', { dpop: 'x' })],
    ['a scope in the query', 200, () => ({ ...withToken('web'), path: '/userinfo?scope=openid' })],
    ['another method', 200, () => ({ ...withToken('web'), method: 'HEAD' })],
  ]
  for (const [what, status, asked] of handed)
    it(`hands over ${what}`, async () => {
      const [whole] = await askTwice(asked())
      expect([whole.status, inLane(whole)]).to.deep.equal([status, false])
    })

  it('tells the same of requests, good, bad and odd, as the library does', async () => {
    // a signed answer ends with its token, which may be a second less the second time
    const { signed: _, ...others } = tokens
    const count = propertyRuns(500)
    const queue = fc.sample(anyRequest(Object.keys(others)), { numRuns: count, seed: 13 }).values()
    const pairs: (readonly [Got, Got])[] = []
    const work = async () => {
      for (const { name, headers, method, path } of queue)
        pairs.push(await askTwice({ ...withToken(name, headers), method, path }))
    }
    await Promise.all([work(), work(), work(), work()])
    const taken = expectSameLines(pairs, replicas)
    expect(pairs.length).to.equal(count)
    expect(taken.length).to.be.greaterThan(count / 5)
    expect(pairs.filter(([{ status }]) => status === 200).length).to.be.lessThan(count * 0.9)
  })
})

const rarely = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ weight: 16, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })

const anyRequest = (names: readonly string[]) =>
  fc.record({
    name: fc.constantFrom(...names),
    method: rarely('GET', 'HEAD', 'POST', 'PUT'),
    path: rarely('/userinfo', '/userinfo?scope=openid', '/userinfo?access_token=x', '/userinfo?', '/userinfo/'),
    headers: rarely<Record<string, string>>(
      {},
      { accept: 'application/json' },
      { accept: 'text/html' },
      { accept: 'application/jwt' },
      { origin: 'https://spa.example.com' },
      { dpop: 'x' },
      { authorization: 'Bearer' },
      { authorization: 'Bearer  x' },
      { authorization: 'Basic eDp4' },
      { authorization: '' },
      { 'content-type': 'application/json' },
      { 'x-forwarded-for': '192.0.2.1' },
      { cookie: 'a=b' },
    ),
  })
