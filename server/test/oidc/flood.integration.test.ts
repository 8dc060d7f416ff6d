import { expect } from 'chai'
import type { ServerReplicas } from '@nauthera/harness/server'
import { countRows, flood, floodedReplicas, growth, unauthenticated } from './flood.ts'

// `npm run faults` sends 10,000 of each kind. The rule does not depend on the number: a row must not come with each request.

const count = 100
/** A minute may end meanwhile, and then a second row begins. */
const most = 4

describe('requests that prove nothing', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await floodedReplicas()
  })
  after(() => replicas?.stop())

  for (const [sentence, attack] of Object.entries(unauthenticated)) {
    it(`E6 ${sentence}, ${count} times, leaves at most a few rows in all tables`, async () => {
      const before = await countRows(replicas)
      await flood(attack, replicas, { count, atOnce: 8 })
      const more = growth(before, await countRows(replicas))
      const { audit = 0, ...others } = more
      expect(others, JSON.stringify(more)).to.deep.equal({})
      expect(audit, JSON.stringify(more)).to.be.at.most(most)
    })
  }
})
