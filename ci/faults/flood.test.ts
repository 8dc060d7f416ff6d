import { expect } from 'chai'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { growth, unauthenticated } from '../../server/test/oidc/flood.ts'
import { startFloodThreads } from './support/flood-threads.ts'
import type { FloodThreads, Flooded } from './support/flood-threads.ts'
import { tell } from './support/tell.ts'

// A thousand requests of each kind that prove nothing: what is left of them in all tables. At night ten times as many.

const requests = Math.min(10_003, propertyRuns(1_001))
/** How many requests one time of these sentences is; of the others it is one. */
const requestsEach: Readonly<Record<string, number>> = {
  'a sign-in that is cancelled': 3,
  'a pushed request of a public client that begins a sign-in': 2,
}
const times = (sentence: string) => Math.ceil(requests / (requestsEach[sentence] ?? 1))
/** Rows of one kind for each minute that the flood took, and one more. */
const perMinute = 2

describe('a flood of requests that prove nothing', function () {
  this.timeout(900_000)
  let threads: FloodThreads
  const floods = new Map<string, Promise<Flooded>>()
  before(async () => {
    threads = await startFloodThreads()
    for (const sentence of Object.keys(unauthenticated)) {
      const flooded = threads.flood(sentence, times(sentence))
      // it is told by its own test
      flooded.catch(() => undefined)
      floods.set(sentence, flooded)
    }
  })
  after(() => threads?.stop())

  for (const sentence of Object.keys(unauthenticated)) {
    it(`E6 ${sentence}, ${times(sentence)} times, leaves a row a minute at most, and locks nobody out`, async () => {
      const { milliseconds, before, after, signsIn } = await floods.get(sentence)!
      const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((all, one) => all + one, 0)
      tell(sentence, { times: times(sentence), before: sum(before), after: sum(after), tookMs: milliseconds })
      const { audit = 0, ...others } = growth(before, after)
      expect(others).to.deep.equal({})
      expect(audit).to.be.at.most(perMinute * Math.ceil(milliseconds / 60_000))
      expect(signsIn).to.equal(true)
    })
  }
})
