import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import type { Pkce } from '@nauthera/harness/browser'
import { fetchCode, redeem, request } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { statement } from '../../src/store/driver/database.ts'
import { countRows, growth } from './flood.ts'

// Pushed authorization requests (RFC 9126): of a public client sealed in the URI, of another one a row.

describe('RFC 9126 pushed requests', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas({ count: 2 })
    await replicas.serve([
      entry('app.web', configs.web),
      entry('app.spa', configs.spa),
      entry('app.other', configs.spa),
    ])
    await addPerson(replicas, 'ada')
  })
  after(() => replicas.stop())

  const spa = (proof: Pkce, more: Record<string, string> = {}) =>
    request(proof, { client_id: 'app.spa', redirect_uri: configs.spa.redirectUris[0], ...more })
  const push = (form: Record<string, string>, headers: Record<string, string> = {}) =>
    send(replicas, { path: '/request', form, headers })
  const uriOf = async (form: Record<string, string>, headers: Record<string, string> = {}): Promise<string> => {
    const pushed = await push(form, headers)
    expect(pushed.status, pushed.body).to.equal(201)
    return String(pushed.json()['request_uri'])
  }
  const urlOf = (clientId: string, requestUri: string) =>
    authorizationUrl(replicas.issuer, { client_id: clientId, request_uri: requestUri })
  const errorIn = (location: string | undefined) => new URL(location ?? 'x:').searchParams.get('error')
  const redeemPublic = (code: string, proof: Pkce) =>
    send(replicas, {
      replica: 1,
      path: '/token',
      form: {
        grant_type: 'authorization_code',
        client_id: 'app.spa',
        code,
        redirect_uri: configs.spa.redirectUris[0],
        code_verifier: proof.verifier,
      },
    })

  it('a public client signs a person in by a request that left no row', async () => {
    const proof = pkce()
    const before = await countRows(replicas)
    const uri = await uriOf(spa(proof))
    expect(uri.length).to.be.at.most(2000)
    const browser = new Browser(replicas)
    await browser.follow(urlOf('app.spa', uri))
    expect(growth(before, await countRows(replicas))).to.deep.equal({})
    const back = await new Browser(replicas).authorize(urlOf('app.spa', uri), 'ada')
    expect(back.searchParams.get('state')).to.equal('a-state')
    const redeemed = await redeemPublic(back.searchParams.get('code')!, proof)
    expect(redeemed.status, redeemed.body).to.equal(200)
    // the interaction, the code, and the request
    expect(growth(before, await countRows(replicas))).to.include({ one_time: 3 })
  })

  it('A10 a sealed request gives one code, whatever number of sign-ins it begins', async () => {
    const uri = await uriOf(spa(pkce()))
    const [first, second] = [new Browser(replicas), new Browser(replicas)]
    await second.follow(urlOf('app.spa', uri))
    expect((await first.authorize(urlOf('app.spa', uri), 'ada')).searchParams.get('code')).to.match(/^nr_/)
    const late = await second.authorize(urlOf('app.spa', uri), 'ada')
    expect(late.searchParams.get('code')).to.equal(null)
    expect(late.searchParams.get('error')).to.equal('invalid_request_uri')
    const again = await first.follow(urlOf('app.spa', uri))
    expect(errorIn(again.location)).to.equal('invalid_request_uri')
  })

  it('A10 a sealed request is for its own client, and for 60 seconds', async () => {
    const uri = await uriOf(spa(pkce()))
    const foreign = await new Browser(replicas).follow(urlOf('app.other', uri))
    expect(foreign.body).to.contain('invalid_request_uri')
    for (const damaged of [uri.slice(0, -1), `${uri}A`, uri.replace(/.{20}$/, 'A'.repeat(20))])
      expect((await new Browser(replicas).follow(urlOf('app.spa', damaged))).body).to.contain('invalid_request_uri')
    expect((await push(spa(pkce()))).json()['expires_in']).to.equal(60)
    expect((await new Browser(replicas).follow(urlOf('app.spa', uri))).body).to.contain('id="username"')
  })

  it('A10 a row whose random id begins as a sealed value does is found all the same', async () => {
    const proof = pkce()
    const id = `nr_${randomBytes(24).toString('base64url')}`
    const now = Math.floor(Date.now() / 1000)
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const about = { iss: 'app.web', aud: replicas.issuer, iat: now, nbf: now, exp: now + 60 }
    const payload = { jti: id, kind: 'PushedAuthorizationRequest', iat: now, exp: now + 60 }
    const { uid } = entry('app.web', configs.web)
    await replicas.apps[0]!.store.pushedRequests.insert({
      id,
      clientUid: uid,
      payload: { ...payload, request: `${part({ alg: 'none' })}.${part({ ...about, ...request(proof) })}.` },
      lifeMs: 60_000,
    })
    const url = urlOf('app.web', `urn:ietf:params:oauth:request_uri:${id}`)
    const back = await new Browser(replicas).authorize(url, 'ada')
    expect(back.searchParams.get('code')).to.match(/^nr_/)
  })

  it('A10 a request of a client that authenticates may be opened again before the sign-in is complete, and gives one code', async () => {
    const proof = pkce()
    const uri = await uriOf(request(proof), basic('app.web', clientSecret))
    const browser = new Browser(replicas)
    const before = await countRows(replicas)
    // a reload, and a second window beside it
    for (let turn = 0; turn < 3; turn++)
      expect((await browser.follow(urlOf('app.web', uri))).body).to.contain('id="username"')
    const second = new Browser(replicas)
    const beside = await second.follow(urlOf('app.web', uri))
    expect(beside.body).to.contain('id="username"')
    expect(growth(before, await countRows(replicas))).to.not.have.any.keys('one_time', 'pushed_requests', 'grants')
    const back = await browser.authorize(urlOf('app.web', uri), 'ada')
    const late = await second.authorize(beside.url, 'ada')
    expect(late.searchParams.get('code')).to.equal(null)
    expect(late.searchParams.get('error')).to.equal('invalid_request_uri')
    expect((await browser.follow(urlOf('app.web', uri))).body).to.contain('invalid_request_uri')
    expect((await redeem(replicas, { value: back.searchParams.get('code')!, proof }, { replica: 1 })).status).to.equal(
      200,
    )
  })

  it('A10 two windows that finish the sign-ins of one request in the same moment, on two replicas, get one code', async () => {
    const uri = await uriOf(request(pkce()), basic('app.web', clientSecret))
    const { browser } = await fetchCode(replicas)
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => browser.copy().open(urlOf('app.web', uri), { replica: n % 2 })),
    )
    const codes = answers.filter(({ headers }) => /[?&]code=/.test(headers.location ?? ''))
    expect(codes).to.have.length(1)
    const refused = answers.filter(({ headers, body }) => (headers.location ?? body).includes('invalid_request_uri'))
    expect(refused).to.have.length(9)
  })

  it('its handle, state and nonce are in no table', async () => {
    const uri = await uriOf(
      request(pkce(), { state: 'state-to-look-for', nonce: 'nonce-to-look-for' }),
      basic('app.web', clientSecret),
    )
    const browser = new Browser(replicas)
    await browser.authorize(urlOf('app.web', uri), 'ada')
    const tables = Object.keys(await countRows(replicas))
    for (const table of tables) {
      const all = statement<{ row: string }>(`test-text-of-${table}`, `SELECT t::text AS row FROM ${table} t`)
      for (const { row } of await replicas.apps[0]!.store.database.query(all)) {
        const handle = uri.split(':').at(-1)!
        for (const word of [handle, 'state-to-look-for', 'nonce-to-look-for']) expect(row, table).to.not.contain(word)
      }
    }
  })

  it('a long request of a public client keeps its parameters until the code, and one that is too long is told so', async () => {
    const proof = pkce()
    const long = 'https://app.example.com/a/long/state/'.repeat(40)
    const back = await new Browser(replicas).authorize(
      urlOf('app.spa', await uriOf(spa(proof, { state: long }))),
      'ada',
    )
    expect(back.searchParams.get('state')).to.equal(long)
    let noise = ''
    for (let n = 1; noise.length < 2500; n++) noise += ((n * 2654435761) >>> 0).toString(36)
    const refused = await push(spa(proof, { state: noise }))
    expect(refused.status).to.equal(413)
    expect(refused.json()['error']).to.equal('invalid_request')
    expect(refused.json()['error_description']).to.contain('too long').and.contain('2000')
  })

  it('a push of a public client costs no round trip, one of another client 1', async () => {
    const { database } = replicas.apps[0]!.store
    const cost = async (work: () => Promise<unknown>) => {
      const before = database.counters().roundTrips
      await work()
      return database.counters().roundTrips - before
    }
    expect(await cost(() => uriOf(spa(pkce())))).to.equal(0)
    expect(await cost(() => uriOf(request(pkce()), basic('app.web', clientSecret)))).to.equal(1)
  })
})
