import { expect } from 'chai'
import { Browser, authorizationUrl, pkce, send } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { configs } from '@nauthera/harness/server'
import type { Replicas } from '@nauthera/harness/server'
import { countRows, flood, floodedReplicas, growth, unauthenticated } from '../../server/test/oidc/flood.ts'
import { tell } from './support/tell.ts'

// 10,000 requests of each kind that prove nothing: what is left of them in all tables. `npm test` sends fewer of them.

const count = 10_000
/** Rows of one kind for each minute that the flood took, and one more. */
const perMinute = 2

describe('a flood of requests that prove nothing', function () {
  this.timeout(300_000)
  let replicas: Replicas
  before(async () => {
    replicas = await floodedReplicas()
  })
  after(() => replicas?.stop())

  for (const [sentence, attack] of Object.entries(unauthenticated)) {
    it(`E6 ${sentence}, ${count} times, leaves a row a minute at most`, async () => {
      const before = await countRows(replicas)
      const begun = performance.now()
      await flood(attack, replicas, { count, atOnce: 16 })
      const minutes = Math.ceil((performance.now() - begun) / 60_000)
      const after = await countRows(replicas)
      const sum = (counts: Record<string, number>) => Object.values(counts).reduce((all, one) => all + one, 0)
      tell(sentence, { requests: count, before: sum(before), after: sum(after) })
      const { audit = 0, ...others } = growth(before, after)
      expect(others).to.deep.equal({})
      expect(audit).to.be.at.most(perMinute * minutes)
    })
  }

  it('E6 10,003 pushed requests of a public client lock nobody out of it', async () => {
    const ask = (state: string) =>
      request(pkce(), { client_id: 'app.spa', redirect_uri: configs.spa.redirectUris[0], state })
    const push = (replica: Replicas, n: number) => send(replica, { path: '/request', form: ask(String(n)) })
    await flood(push, replicas, { count: 10_003, atOnce: 16 })
    const pushed = await push(replicas, 0)
    expect(pushed.status, pushed.body).to.equal(201)
    const asked = { client_id: 'app.spa', request_uri: String(pushed.json()['request_uri']) }
    const back = await new Browser(replicas).authorize(authorizationUrl(replicas.issuer, asked), 'ada')
    expect(back.searchParams.get('code')).to.match(/^nr_/)
  })
})
