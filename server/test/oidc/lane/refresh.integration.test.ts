import { expect } from 'chai'
import fc from 'fast-check'
import { fetchCode, fetchTokens, introspect, redeem, refresh, tokensOf } from '@nauthera/harness/flows'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { CodedError } from '@nauthera/runtime/coded-error'
import { statement } from '../../../src/store/driver/database.ts'
import { ask, closeConnections, comparable, damaged, expectSameLines } from './asked-twice.ts'
import type { LaneRequest, Got } from './asked-twice.ts'
import { api, isOfLane, logOf, oddHeaders, oddProof, personClients, rarely, tokenRequest } from './person-requests.ts'
import type { LaneFields } from './person-requests.ts'

// Refreshes of the machine lane against the library. A refresh that is asked for again gets the same new token, so the lane is asked first, and then
// the library: what follows a token must be the same to the byte.

describe('the machine lane: refresh', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas({ settings: { signing: { algorithms: ['ES256', 'RS256'] } } })
    await replicas.serve(personClients)
    await addPerson(replicas, 'ada', ['engineers'])
  })
  after(async () => {
    closeConnections()
    await replicas.stop()
  })

  const signIn = (clientId = 'app.web', scope = 'openid email offline_access') =>
    fetchTokens(replicas, { clientId, parameters: { client_id: clientId, scope, nonce: 'n-1' } })
  const withToken = (clientId: string, token: string, fields: LaneFields = {}): LaneRequest =>
    tokenRequest(clientId, { grant_type: 'refresh_token', refresh_token: token, ...fields })
  const refreshOf = (got: Got) => (JSON.parse(got.body) as { refresh_token?: string }).refresh_token
  const accessOf = (got: Got) => (JSON.parse(got.body) as { access_token: string }).access_token
  const inLane = (got: Got) => isOfLane(replicas, got)

  /** @returns both answers, after both are known to be the same */
  async function askTwice(asked: LaneRequest): Promise<readonly [Got, Got]> {
    const whole = await ask(replicas, asked, 'whole')
    const chunks = await ask(replicas, asked, 'chunks')
    expect(comparable(whole), `${JSON.stringify(asked.headers)} ${asked.body}`).to.deep.equal(comparable(chunks))
    if (whole.status === 200) expect(refreshOf(whole)).to.equal(refreshOf(chunks))
    expect(inLane(chunks)).to.equal(false)
    return [whole, chunks]
  }

  for (const { clientId } of personClients.filter((client) => client.clientId !== 'app.public'))
    it(`answers as the library does, again and again: ${clientId}`, async () => {
      let { refresh } = await signIn(clientId)
      for (const _time of ['first', 'second', 'third']) {
        const both = await askTwice(withToken(clientId, refresh))
        expect(both.map(({ status }) => status)).to.deep.equal([200, 200])
        expect(inLane(both[0])).to.equal(true)
        const [mine, theirs] = await Promise.all(
          both.map(async (got) => {
            const { iat, exp, jti, ...told } = (await introspect(replicas, accessOf(got), { clientId })).json()
            const userinfo = await fetchUserinfo(accessOf(got))
            return { told, userinfo, life: Number(exp) - Number(iat), hasId: typeof jti }
          }),
        )
        expect(mine).to.deep.equal(theirs)
        expect(mine!.told).to.include({ active: true })
        refresh = refreshOf(both[0])!
      }
    })

  async function fetchUserinfo(token: string): Promise<unknown> {
    const got = await ask(
      replicas,
      { method: 'GET', path: '/userinfo', headers: { authorization: `Bearer ${token}` }, body: '' },
      'chunks',
    )
    expect(got.status).to.equal(200)
    return JSON.parse(got.body)
  }

  it('hands over a sign-in at its only API, whose token is for both', async () => {
    const code = await fetchCode(replicas, { parameters: { resource: api, scope: 'openid read offline_access' } })
    const { refresh } = tokensOf(await redeem(replicas, code, { form: { resource: api } }))
    const [whole] = await askTwice(withToken('app.web', refresh))
    expect([whole.status, inLane(whole)]).to.deep.equal([200, false])
  })

  const handed: readonly [string, () => Promise<LaneRequest>][] = [
    ['fewer scopes', async () => withToken('app.web', (await signIn()).refresh, { scope: 'openid' })],
    ['more scopes', async () => withToken('app.web', (await signIn()).refresh, { scope: 'openid groups' })],
    ['other scopes alone', async () => withToken('app.web', (await signIn()).refresh, { scope: 'groups' })],
    ['an API that it is not for', async () => withToken('app.web', (await signIn()).refresh, { resource: api })],
    ['the token of another client', async () => withToken('app.web', (await signIn('app.rsa')).refresh)],
    ['an access token', async () => withToken('app.web', (await signIn()).access)],
    ['a changed token', async () => withToken('app.web', damaged((await signIn()).refresh))],
    ['no token', async () => withToken('app.web', '')],
    [
      'a used token, which gets its successor again',
      async () => {
        const { refresh } = await signIn()
        await ask(replicas, withToken('app.web', refresh), 'whole')
        return withToken('app.web', refresh)
      },
    ],
    [
      'the token of a grant that has ended',
      async () => {
        const { refresh } = await signIn()
        let newest = refresh
        for (const _time of ['first', 'second'])
          newest = refreshOf(await ask(replicas, withToken('app.web', newest), 'whole'))!
        expect((await ask(replicas, withToken('app.web', refresh), 'chunks')).status).to.equal(400)
        return withToken('app.web', newest)
      },
    ],
  ]
  for (const [what, asked] of handed)
    it(`hands over ${what}`, async () => {
      const [whole] = await askTwice(await asked())
      expect(inLane(whole)).to.equal(false)
    })

  it('T1 ends the family when a token of before the last one is shown', async () => {
    const { refresh } = await signIn()
    const second = refreshOf(await ask(replicas, withToken('app.web', refresh), 'whole'))!
    const third = refreshOf(await ask(replicas, withToken('app.web', second), 'whole'))!
    const reused = await ask(replicas, withToken('app.web', refresh), 'whole')
    expect([reused.status, (JSON.parse(reused.body) as { error: string }).error]).to.deep.equal([400, 'invalid_grant'])
    expect(logOf(replicas, reused).map(({ event }) => event)).to.include('refresh.reuse')
    expect((await ask(replicas, withToken('app.web', third), 'whole')).status).to.equal(400)
  })

  it('tells the same of refreshes, good, bad and odd, as the library does', async () => {
    const count = propertyRuns(300)
    const requests = fc.sample(anyRefresh, { numRuns: count, seed: 12 })
    const queue = requests.values()
    const pairs: (readonly [Got, Got])[] = []
    const work = async (clientId: string) => {
      let { refresh } = await signIn(clientId)
      let gone = refresh
      for (const { token, proof, fields, headers } of queue) {
        const shown = token === 'newest' ? refresh : token === 'gone' ? gone : token
        const asked = withToken(clientId, shown, fields)
        const both = await askTwice({ ...asked, headers: { ...asked.headers, ...proof(clientId), ...headers } })
        pairs.push(both)
        if (both[0].status !== 200 || token !== 'newest') continue
        gone = refresh
        refresh = refreshOf(both[0])!
      }
    }
    await Promise.all(['app.web', 'app.rsa', 'app.paired', 'app.roles'].map(work))
    const taken = expectSameLines(pairs, replicas)
    expect(pairs.length).to.equal(count)
    expect(taken.length).to.be.greaterThan(count / 3)
    expect(pairs.filter(([{ status }]) => status === 200).length).to.be.lessThan(count * 0.92)
  })
})

describe('a refresh that the lane has begun and could not end', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas()
    await replicas.serve([entry('app.web', configs.web)])
    await addPerson(replicas, 'ada')
  })
  after(() => replicas.stop())

  const lost = new CodedError('STORE_UNAVAILABLE', { message: 'the answer was lost' })
  type Stored = ServerReplicas['apps'][number]['store']
  /** Each breaks the next refresh, and returns what mends it. */
  const faults: readonly [string, number, number, (store: Stored) => () => void][] = [
    [
      'PostgreSQL is not reached',
      503,
      0,
      ({ renewals }) => {
        const { renew } = renewals
        renewals.renew = () => Promise.reject(lost)
        return () => void (renewals.renew = renew)
      },
    ],
    [
      'the answer of PostgreSQL is lost',
      503,
      1,
      ({ renewals }) => {
        const { renew } = renewals
        renewals.renew = (renewal) => renew(renewal).then(() => Promise.reject(lost))
        return () => void (renewals.renew = renew)
      },
    ],
    [
      'what was done cannot be recorded',
      500,
      1,
      ({ audit }) => {
        const { recordGranted } = audit
        audit.recordGranted = () => {
          throw new Error('something went wrong')
        }
        return () => void (audit.recordGranted = recordGranted)
      },
    ],
  ]
  const newest = statement<{ seq: number }>(
    'test-newest-seq',
    'SELECT seq FROM refresh_families ORDER BY rotated_at DESC LIMIT 1',
  )
  for (const [what, status, rotations, inject] of faults)
    it(`rotates once, and who asks again gets the successor: ${what}`, async () => {
      const { store } = replicas.apps[0]!
      const seq = async () => (await store.database.query(newest))[0]!.seq
      const { refresh: first } = await fetchTokens(replicas)
      const before = await seq()
      const mend = inject(store)
      const failed = await refresh(replicas, first)
      mend()
      expect([failed.status, (await seq()) - before]).to.deep.equal([status, rotations])
      const again = await refresh(replicas, first)
      expect([again.status, (await seq()) - before]).to.deep.equal([200, 1])
      expect((await refresh(replicas, String(again.json()['refresh_token']))).status).to.equal(200)
      expect(replicas.lines.join()).not.to.contain('refresh.reuse')
    })
})

/** `gone` is the token before the newest: it gets that again. */
const anyRefresh = fc.record({
  token: fc.oneof(
    { weight: 12, arbitrary: fc.constant('newest') },
    { weight: 3, arbitrary: fc.constantFrom('gone', 'garbage', 'nr_00000000_x', '') },
  ),
  proof: oddProof,
  fields: rarely<Record<string, string>>(
    {},
    { scope: 'openid' },
    { scope: 'openid email' },
    { scope: 'admin' },
    { resource: api },
    { token: 'x' },
    { audience: 'x' },
    { client_id: 'app.web' },
    { grant_type: 'client_credentials' },
  ),
  headers: oddHeaders,
})
