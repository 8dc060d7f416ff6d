import { expect } from 'chai'
import { basic, pkce, send } from '@nauthera/harness/browser'
import { fetchCode, fetchTokens, introspect, redeem, refresh, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { statement } from '../../src/store/driver/database.ts'

const count = (statuses: readonly number[], wanted: number) => statuses.filter((status) => status === wanted).length

describe('single use over three replicas', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas({
      count: 3,
      settings: (replica) => ({ refreshGrace: '50s', lane: replica === 1 ? 'off' : 'on' }),
    })
    await replicas.serve([
      entry('app.web', configs.web),
      entry('app.other', { ...configs.web, redirectUris: ['https://app.example.com/callback'] }),
    ])
    await addPerson(replicas, 'ada')
  })
  after(() => replicas.stop())

  it('A6 of 50 parallel uses of one code exactly one succeeds, the others get invalid_grant, and the grant ends', async () => {
    const code = await fetchCode(replicas)
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => redeem(replicas, code, { replica: n % 3 })))
    const statuses = answers.map(({ status }) => status)
    expect(count(statuses, 200)).to.equal(1)
    expect(count(statuses, 400)).to.equal(49)
    const refused = answers.filter(({ status }) => status === 400)
    expect(new Set(refused.map((answer) => answer.json()['error']))).to.deep.equal(new Set(['invalid_grant']))
    const tokens = tokensOf(answers.find(({ status }) => status === 200)!)
    for (const replica of [0, 1, 2]) {
      expect((await refresh(replicas, tokens.refresh, { replica })).json()['error']).to.equal('invalid_grant')
      expect((await introspect(replicas, tokens.access, { replica })).json()).to.deep.equal({ active: false })
    }
    await replicas.apps[0]!.store.audit.flush()
    const replays = await replicas.apps[0]!.store.audit.search({ event: 'code.replay', limit: 100 })
    // uses after the end of the grant are refused for that reason
    expect(replays.length).to.be.within(1, 49)
    expect((await redeem(replicas, await fetchCode(replicas))).status).to.equal(200)
  })

  it('A6 a second use of a code gets invalid_grant, and ends the tokens of the first use', async () => {
    const code = await fetchCode(replicas)
    const tokens = tokensOf(await redeem(replicas, code))
    const again = await redeem(replicas, code, { replica: 1 })
    expect([again.status, again.json()['error']]).to.deep.equal([400, 'invalid_grant'])
    expect((await refresh(replicas, tokens.refresh, { replica: 2 })).status).to.equal(400)
  })

  it('A6 a code is refused to another client, and still works for its own', async () => {
    const code = await fetchCode(replicas)
    const stolen = await redeem(replicas, code, { clientId: 'app.other' })
    expect([stolen.status, stolen.json()['error']]).to.deep.equal([400, 'invalid_grant'])
    expect((await redeem(replicas, code)).status).to.equal(200)
  })

  it('T1 20 parallel uses of one refresh token all get the same new token, which works', async () => {
    const first = await fetchTokens(replicas)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => refresh(replicas, first.refresh, { replica: n % 3 })),
    )
    const successors = new Set(answers.map((answer) => tokensOf(answer).refresh))
    expect(successors.size).to.equal(1)
    const [successor] = successors
    expect(successor).to.not.equal(first.refresh)
    expect((await refresh(replicas, successor!, { replica: 1 })).status).to.equal(200)
  })

  it('T1 within the grace period the previous token gets the same new token again; an older one ends the family', async () => {
    const first = await fetchTokens(replicas)
    const second = tokensOf(await refresh(replicas, first.refresh))
    expect(tokensOf(await refresh(replicas, first.refresh, { replica: 2 })).refresh).to.equal(second.refresh)
    const third = tokensOf(await refresh(replicas, second.refresh, { replica: 1 }))
    const reused = await refresh(replicas, first.refresh)
    expect([reused.status, reused.json()['error']]).to.deep.equal([400, 'invalid_grant'])
    expect((await refresh(replicas, third.refresh)).status).to.equal(400)
    expect((await introspect(replicas, third.access)).json()).to.deep.equal({ active: false })
    await replicas.apps[0]!.store.audit.flush()
    expect(await replicas.apps[0]!.store.audit.search({ event: 'refresh.reuse', limit: 10 })).to.have.length(1)
  })

  it('T1 after the grace period the previous token ends the family too', async () => {
    const first = await fetchTokens(replicas)
    const second = tokensOf(await refresh(replicas, first.refresh))
    // the clock of the database measures it
    await replicas.apps[0]!.store.database.query(
      statement('test-after-grace', "UPDATE refresh_families SET rotated_at = rotated_at - interval '50 seconds'"),
    )
    expect((await refresh(replicas, first.refresh)).status).to.equal(400)
    expect((await refresh(replicas, second.refresh)).status).to.equal(400)
  })

  it('A10 a pushed request works once, for its own client, on any replica', async () => {
    const proof = pkce()
    const push = () =>
      send(replicas, {
        path: '/request',
        headers: basic('app.web', clientSecret),
        form: {
          client_id: 'app.web',
          response_type: 'code',
          redirect_uri: 'https://app.example.com/callback',
          scope: 'openid',
          code_challenge: proof.challenge,
          code_challenge_method: 'S256',
        },
      })
    const pushed = await push()
    expect(pushed.status, pushed.body).to.equal(201)
    const requestUri = String(pushed.json()['request_uri'])
    const foreign = await send(replicas, {
      path: `/authorize?${new URLSearchParams({ client_id: 'app.other', request_uri: requestUri }).toString()}`,
    })
    expect(foreign.headers.location ?? '').to.not.match(/[?&]code=/)
    const { browser } = await fetchCode(replicas)
    const url = `${replicas.issuer}/authorize?${new URLSearchParams({ client_id: 'app.web', request_uri: requestUri }).toString()}`
    const back = await browser.authorize(url, 'ada')
    expect((await redeem(replicas, { value: back.searchParams.get('code')!, proof }, { replica: 1 })).status).to.equal(
      200,
    )
    const again = await browser.open(url, { replica: 2 })
    expect(again.headers.location ?? again.body).to.match(/invalid_request_uri|invalid_request/)
    expect(again.headers.location ?? '').to.not.match(/[?&]code=/)
    expect((await push()).status).to.equal(201)
  })
})
