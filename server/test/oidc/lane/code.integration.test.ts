import { expect } from 'chai'
import fc from 'fast-check'
import { Browser, basic } from '@nauthera/harness/browser'
import { fetchCode, introspect, redeem, refresh } from '@nauthera/harness/flows'
import type { Code } from '@nauthera/harness/flows'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { addPerson, configs, entry, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { CodedError } from '@nauthera/runtime/coded-error'
import { ask, closeConnections, comparable, damaged, expectSameLines } from './asked-twice.ts'
import type { LaneRequest, Got } from './asked-twice.ts'
import {
  api,
  formType,
  isOfLane,
  logOf,
  oddHeaders,
  oddProof,
  personClients,
  rarely,
  tokenRequest,
} from './person-requests.ts'
import type { LaneFields } from './person-requests.ts'

// Codes in the machine lane against the library. A code can be used once, so each way gets a code of its own, of the same session.

const clients = [...personClients, entry('app.once', { ...configs.web, grantTypes: ['authorization_code'] })]

/** @param fields over those that belong to the code; an empty one is left out */
function withCode(
  clientId: string,
  { value, proof }: Pick<Code, 'value' | 'proof'>,
  fields: LaneFields = {},
): LaneRequest {
  const all = {
    grant_type: 'authorization_code',
    code: value,
    redirect_uri: redirectUri,
    code_verifier: proof.verifier,
    ...fields,
  }
  const present = Object.fromEntries(Object.entries(all).filter(([, text]) => text !== ''))
  return tokenRequest(clientId, present)
}

const told = (got: Got) =>
  JSON.parse(got.body) as { access_token: string; refresh_token?: string; error?: string; scope?: string }

describe('the machine lane: codes', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas({ settings: { signing: { algorithms: ['ES256', 'RS256'] } } })
    await replicas.serve(clients)
    await addPerson(replicas, 'ada', ['engineers'])
  })
  after(async () => {
    closeConnections()
    await replicas.stop()
  })

  const usual = 'openid email offline_access'
  /** @returns gives codes of one session, for requests that are the same but for their proof */
  const session = (clientId: string, parameters: LaneFields = {}) => {
    const browser = new Browser(replicas)
    const asked = { client_id: clientId, scope: usual, nonce: 'n-1', ...parameters }
    return () => fetchCode(replicas, { browser, parameters: asked })
  }
  const inLane = (got: Got) => isOfLane(replicas, got)

  /** @returns both answers, after both are known to be the same */
  async function askTwice(whole: LaneRequest, chunks: LaneRequest = whole): Promise<readonly [Got, Got]> {
    const both = [await ask(replicas, whole, 'whole'), await ask(replicas, chunks, 'chunks')] as const
    const [mine, theirs] = both.map(comparable)
    expect(mine, `${JSON.stringify(whole.headers)} ${whole.body}`).to.deep.equal(theirs)
    expect(inLane(both[1])).to.equal(false)
    return both
  }

  for (const { clientId } of clients.filter((client) => client.clientId !== 'app.public'))
    it(`answers as the library does, with tokens that work: ${clientId}`, async () => {
      const next = session(clientId)
      const both = await askTwice(withCode(clientId, await next()), withCode(clientId, await next()))
      expect(both.map(({ status }) => status)).to.deep.equal([200, 200])
      expect(inLane(both[0])).to.equal(true)
      const [mine, theirs] = await Promise.all(
        both.map(async (got) => {
          const { access_token: access, refresh_token: again } = told(got)
          const { iat, exp, jti, ...says } = (await introspect(replicas, access, { clientId })).json()
          const refreshed = again === undefined ? undefined : (await refresh(replicas, again, { clientId })).status
          return {
            says,
            userinfo: await userinfo(access),
            life: Number(exp) - Number(iat),
            hasId: typeof jti,
            refreshed,
          }
        }),
      )
      expect(mine).to.deep.equal(theirs)
      expect(mine!.says).to.include({ active: true })
      expect(mine!.refreshed).to.equal(clientId === 'app.once' ? undefined : 200)
    })

  async function userinfo(token: string): Promise<unknown> {
    const asked = { method: 'GET', path: '/userinfo', headers: { authorization: `Bearer ${token}` }, body: '' }
    return JSON.parse((await ask(replicas, asked, 'chunks')).body)
  }

  it('hands over a sign-in at its only API, whose token is for both', async () => {
    const next = session('app.web', { resource: api, scope: 'openid read offline_access' })
    const [whole] = await askTwice(withCode('app.web', await next()), withCode('app.web', await next()))
    expect([whole.status, told(whole).scope, inLane(whole)]).to.deep.equal([200, 'read openid', false])
  })

  it('needs no redirect URI where PKCE binds the code', async () => {
    const next = session('app.web')
    const form = { redirect_uri: '' }
    const [whole] = await askTwice(withCode('app.web', await next(), form), withCode('app.web', await next(), form))
    expect([whole.status, inLane(whole)]).to.deep.equal([200, true])
  })

  const refused: readonly [string, (code: Code) => LaneRequest][] = [
    ['another redirect URI', (code) => withCode('app.web', code, { redirect_uri: 'https://app.example.com/other' })],
    ['a wrong verifier', (code) => withCode('app.web', code, { code_verifier: 'x'.repeat(43) })],
    ['a short verifier', (code) => withCode('app.web', code, { code_verifier: 'x' })],
    ['no verifier', (code) => withCode('app.web', code, { code_verifier: '' })],
    ['another client', (code) => withCode('app.rsa', code)],
    ['an API that it is not for', (code) => withCode('app.web', code, { resource: api })],
    ['a changed code', (code) => withCode('app.web', { ...code, value: damaged(code.value) })],
    [
      'a wrong secret',
      (code) => ({ ...withCode('app.web', code), headers: { ...formType, ...basic('app.web', 'wrong') } }),
    ],
  ]
  for (const [what, asked] of refused)
    it(`hands over ${what}, and the code still works`, async () => {
      const code = await session('app.web')()
      const [whole] = await askTwice(asked(code))
      expect(whole.status).to.be.greaterThanOrEqual(400)
      expect(inLane(whole)).to.equal(false)
      const good = await ask(replicas, withCode('app.web', code), 'whole')
      expect([good.status, inLane(good)]).to.deep.equal([200, true])
    })

  const handed: readonly [string, LaneFields, LaneFields, LaneFields, number][] = [
    ['a token for an API', { resource: api, scope: 'openid read' }, { resource: api }, {}, 200],
    ['claims that were asked for one by one', { claims: '{"userinfo":{"name":null}}' }, {}, {}, 200],
    ['a parameter that the grant has no use for', {}, { scope: 'openid' }, {}, 200],
    ['a script of another origin', {}, {}, { origin: 'https://spa.example.com' }, 400],
  ]
  for (const [what, parameters, fields, headers, status] of handed)
    it(`hands over ${what}`, async () => {
      const next = session('app.web', parameters)
      const with_ = (code: Code): LaneRequest => {
        const asked = withCode('app.web', code, fields)
        return { ...asked, headers: { ...asked.headers, ...headers } }
      }
      const [whole] = await askTwice(with_(await next()), with_(await next()))
      expect([whole.status, inLane(whole)]).to.deep.equal([status, false])
    })

  it('A6 hands over a code that was used, whose tokens end', async () => {
    const code = await session('app.web')()
    const { access_token: access, refresh_token: again } = told(await ask(replicas, withCode('app.web', code), 'whole'))
    const replayed = await ask(replicas, withCode('app.web', code), 'whole')
    expect([replayed.status, told(replayed).error, inLane(replayed)]).to.deep.equal([400, 'invalid_grant', false])
    expect(logOf(replicas, replayed).map(({ event }) => event)).to.include('code.replay')
    expect((await introspect(replicas, access)).json()).to.deep.equal({ active: false })
    expect((await refresh(replicas, again!)).status).to.equal(400)
  })

  it('hands over the code of somebody who was disabled since, and of a session that has ended', async () => {
    await addPerson(replicas, 'bob')
    const { store } = replicas.apps[0]!
    const of = (username: string) => fetchCode(replicas, { username })
    const [disabled, ended] = [await of('bob'), await of('ada')]
    const { id } = (await store.users.findByLogin('bob'))!
    await store.users.setDisabled(id, true, [])
    const sessions = await store.devices.listOfUser((await store.users.findByLogin('ada'))!.id)
    for (const { sessionUid } of sessions) await store.devices.endSession(sessionUid, [])
    for (const code of [disabled, ended]) {
      const [whole] = await askTwice(withCode('app.web', code))
      expect([whole.status, told(whole).error]).to.deep.equal([400, 'invalid_grant'])
    }
  })

  it('tells the same of requests with a code, good, bad and odd, as the library does', async () => {
    const count = propertyRuns(200)
    const queue = fc.sample(anyRequest, { numRuns: count, seed: 13 }).values()
    const pairs: (readonly [Got, Got])[] = []
    const work = async (clientId: string) => {
      const next = session(clientId)
      for (const { token, proof, fields, headers } of queue) {
        const asked = async () => {
          const code = await next()
          const given = withCode(clientId, token === 'fresh' ? code : { ...code, value: token }, fields)
          return { ...given, headers: { ...given.headers, ...proof(clientId), ...headers } }
        }
        pairs.push(await askTwice(await asked(), await asked()))
      }
    }
    await Promise.all(['app.web', 'app.rsa', 'app.paired', 'app.roles'].map(work))
    const taken = expectSameLines(pairs, replicas)
    expect(pairs.length).to.equal(count)
    expect(taken.length).to.be.greaterThan(count / 3)
    expect(pairs.filter(([{ status }]) => status === 200).length).to.be.lessThan(count * 0.92)
  })
})

describe('a code that the lane has used up and could not end', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas()
    await replicas.serve([entry('app.web', configs.web)])
    await addPerson(replicas, 'ada')
  })
  after(() => replicas.stop())

  it('is used up once, and ends nothing: its client is told to try again', async () => {
    const { redemptions, audit } = replicas.apps[0]!.store
    const { redeem: use } = redemptions
    const { recordGranted } = audit
    redemptions.redeem = async (given) => {
      await use(given)
      throw new CodedError('STORE_UNAVAILABLE', { message: 'the answer was lost' })
    }
    const lost = await redeem(replicas, await fetchCode(replicas))
    redemptions.redeem = use
    audit.recordGranted = () => {
      throw new Error('something went wrong')
    }
    const unrecorded = await redeem(replicas, await fetchCode(replicas))
    audit.recordGranted = recordGranted
    expect([lost.status, lost.headers['retry-after'] !== undefined]).to.deep.equal([503, true])
    expect(unrecorded.status).to.equal(500)
    expect(replicas.lines.join()).not.to.contain('code.replay')
  })
})

const anyRequest = fc.record({
  token: rarely('fresh', 'garbage', 'nr_00000000_x', ''),
  proof: oddProof,
  fields: rarely<Record<string, string>>(
    {},
    { redirect_uri: 'https://app.example.com/other' },
    { redirect_uri: '' },
    { code_verifier: 'x'.repeat(43) },
    { code_verifier: '' },
    { code_verifier: 'short' },
    { scope: 'openid' },
    { resource: api },
    { token: 'x' },
    { refresh_token: 'x' },
    { audience: 'x' },
    { client_id: 'app.web' },
    { client_secret: 'x' },
    { grant_type: 'client_credentials' },
    { grant_type: 'refresh_token' },
  ),
  headers: oddHeaders,
})
