import { expect } from 'chai'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { Browser, authorizationUrl, basic, formOf, pkce, send } from '@nauthera/harness/browser'
import { fetchCode, introspect, redeem, refresh, request, revoke, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, password, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { codeAt } from '../../src/users/factors/totp.ts'
import { costOf } from '../cost.ts'
import {
  afterPassword,
  codeOf,
  givePasskey,
  inSession,
  passkeyChallengeIn,
  setUpApp,
  submit,
} from '../login/second-factor-flows.ts'

// How much each flow costs in PostgreSQL. Each round trip adds about a millisecond, and each commit waits for the disk.

const api = 'https://api.example.com'

describe('database round trips', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas()
    await replicas.serve([
      entry('app.web', configs.web),
      entry('app.remember', { ...configs.web, consent: ConsentMode.REMEMBER }),
      entry('app.machine', configs.machine),
      entry('app.opaque', { ...configs.machine, audiences: [] }),
      entry('app.resource', { ...configs.web, audiences: [api] }, { granted: { [api]: [] } }),
    ])
    await addPerson(replicas, 'ada')
  })
  after(() => replicas.stop())

  const cost = <T>(work: () => Promise<T>) => costOf(replicas, work)

  async function signIn(clientId: string) {
    const browser = new Browser(replicas)
    const proof = pkce()
    const page = await browser.follow(authorizationUrl(replicas.issuer, request(proof, { client_id: clientId })))
    const { action, fields } = formOf(page.body, '/sign-in')
    const posted = await browser.open(action, { form: { ...fields, username: 'ada', password } })
    const code = { value: new URL(posted.headers.location!).searchParams.get('code')!, proof }
    return tokensOf(await redeem(replicas, code, { clientId }))
  }

  it('a sign-in with code exchange takes at most 3 round trips and 3 commits', async () => {
    const { roundTrips, commits } = await cost(() => signIn('app.web'))
    expect(roundTrips).to.be.at.most(3)
    expect(commits).to.be.at.most(3)
  })

  it('a sign-in with a stored consent takes no more than that', async () => {
    const browser = new Browser(replicas)
    const url = authorizationUrl(replicas.issuer, request(pkce(), { client_id: 'app.remember' }))
    await browser.authorize(url, 'ada', { remember: true })
    const { roundTrips, commits } = await cost(() => signIn('app.remember'))
    expect(roundTrips).to.be.at.most(3)
    expect(commits).to.be.at.most(3)
  })

  it('a sign-in with a second factor takes at most 8 round trips and 4 commits', async () => {
    await addPerson(replicas, 'two')
    const begun = await afterPassword(replicas, { username: 'two', parameters: { acr_values: 'urn:nauthera:mfa' } })
    const { seed, recoveryCodes } = await setUpApp(replicas, begun)
    for (const [form, fields] of [
      ['second-factor', { code: codeAt(seed, Date.now()) }],
      ['recovery-code', { 'recovery-code': recoveryCodes[0]! }],
    ] as const) {
      const { result, roundTrips, commits } = await cost(async () => {
        const end = await submit(await afterPassword(replicas, { username: 'two' }), `/${form}`, fields)
        return redeem(replicas, codeOf(end))
      })
      expect(result.status).to.equal(200)
      expect(roundTrips, form).to.be.at.most(8)
      expect(commits, form).to.be.at.most(4)
    }
  })

  it('a sign-in with a passkey, alone or after the password, takes at most 8 round trips and 4 commits', async () => {
    const userId = await addPerson(replicas, 'key')
    const passkey = await givePasskey(replicas, userId)
    for (const form of ['passkey', 'second-passkey']) {
      const { result, roundTrips, commits } = await cost(async () => {
        const page =
          form === 'passkey'
            ? await inSession(replicas, new Browser(replicas))
            : await afterPassword(replicas, { username: 'key' })
        const credential = passkey.answer({ challenge: passkeyChallengeIn(page.page.body) })
        return redeem(replicas, codeOf(await submit(page, `/${form}`, { credential })))
      })
      expect(result.status, form).to.equal(200)
      expect(roundTrips, form).to.be.at.most(8)
      expect(commits, form).to.be.at.most(4)
    }
  })

  it('a refresh takes at most 2 round trips, introspection and userinfo 1 each', async () => {
    const tokens = await signIn('app.web')
    const refreshed = await cost(() => refresh(replicas, tokens.refresh))
    expect(refreshed.result.status).to.equal(200)
    expect(refreshed.roundTrips).to.be.at.most(2)
    const next = tokensOf(refreshed.result)
    for (const token of [next.access, next.refresh]) {
      const looked = await cost(() => introspect(replicas, token))
      expect(looked.result.json()['active']).to.equal(true)
      expect(looked.roundTrips).to.be.at.most(1)
    }
    const me = await cost(() =>
      send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${next.access}` } }),
    )
    expect(me.result.status).to.equal(200)
    expect(me.roundTrips).to.be.at.most(1)
  })

  it('introspection of a JWT takes 1 round trip, also after the token was revoked; a refresh for an API takes at most 2', async () => {
    const form = { grant_type: 'client_credentials' }
    const ask = { path: '/token', form, headers: basic('app.machine', clientSecret) }
    const machine = { token: String((await send(replicas, ask)).json()['access_token']), clientId: 'app.machine' }
    const code = await fetchCode(replicas, { parameters: { client_id: 'app.resource', resource: api } })
    const person = tokensOf(await redeem(replicas, code, { clientId: 'app.resource', form: { resource: api } }))
    for (const { token, clientId } of [machine, { token: person.access, clientId: 'app.resource' }]) {
      for (const active of [true, false]) {
        const looked = await cost(() => introspect(replicas, token, { clientId }))
        expect(looked.result.json()['active']).to.equal(active)
        expect(looked.roundTrips).to.equal(1)
        if (active) expect((await cost(() => revoke(replicas, token, { clientId }))).roundTrips).to.be.at.most(2)
      }
    }
    const again = await fetchCode(replicas, { parameters: { client_id: 'app.resource', resource: api } })
    const next = tokensOf(await redeem(replicas, again, { clientId: 'app.resource', form: { resource: api } }))
    const options = { clientId: 'app.resource', form: { resource: api } }
    const refreshed = await cost(() => refresh(replicas, next.refresh, options))
    expect([refreshed.result.status, refreshed.roundTrips]).to.deep.equal([200, 2])
  })

  it('discovery, JWKS and client_credentials take no round trip', async () => {
    const form = { grant_type: 'client_credentials' }
    for (const ask of [
      { path: '/.well-known/openid-configuration' },
      { path: '/jwks' },
      { path: '/token', form, headers: basic('app.machine', clientSecret) },
      { path: '/token', form, headers: basic('app.opaque', clientSecret) },
    ]) {
      const { result, roundTrips } = await cost(() => send(replicas, ask))
      expect(result.status).to.equal(200)
      expect(roundTrips).to.equal(0)
    }
  })

  it('E6 authorization requests without a sign-in cost no round trip and leave no row', async () => {
    const { roundTrips } = await cost(async () => {
      for (let n = 0; n < 20; n++)
        await new Browser(replicas).follow(authorizationUrl(replicas.issuer, request(pkce())))
    })
    expect(roundTrips).to.equal(0)
  })
})
