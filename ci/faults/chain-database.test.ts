import { join } from 'node:path'
import { expect } from 'chai'
import { startPostgres } from '@nauthera/local/programs/postgres'
import type { Postgres } from '@nauthera/local/programs/postgres'
import { watchStretch } from '@nauthera/local/processes/stretch'
import { startChain } from './support/chain.ts'
import type { Chain } from './support/chain.ts'
import { processesOf, signalAll } from './support/families.ts'
import { checkInvariants } from './support/invariants.ts'
import { startLoad } from './support/load.ts'
import { withDatabase, withoutDatabase } from './support/load/outcomes.ts'
import type { Load } from './support/load.ts'
import type { Flow, LoadOutcome } from './support/load/outcomes.ts'
import { tell } from './support/tell.ts'

// Faults of PostgreSQL under the whole chain with load. Paths that need no database must go on without a failure.

describe('PostgreSQL under three replicas with load', function () {
  this.timeout(60_000)
  let chain: Chain
  let load: Load
  let again: Postgres | undefined

  before(async () => {
    chain = await startChain({ keep: true })
  })
  after(async () => {
    await chain?.stop()
    await again?.stop()
  })
  beforeEach(async () => {
    load = await startLoad(chain, { edits: chain })
  })
  afterEach(async () => {
    await load.stop()
    await checkInvariants(chain, load)
  })

  /** How much longer all takes here than on a machine of its own. */
  let stretch: () => number
  beforeEach(() => {
    stretch = watchStretch(process.pid)
  })

  const needsDatabase = ({ flow }: LoadOutcome) => (withDatabase as readonly Flow[]).includes(flow)
  const expectOnlyUnavailable = (from: number) => {
    const failures = load.failures(from)
    expect(failures.filter((one) => !needsDatabase(one))).to.deep.equal([])
    const wrong = failures.filter(({ status, retryAfter }) => status !== 503 || !(Number(retryAfter) > 0))
    expect(wrong, 'all else is 503 with Retry-After').to.deep.equal([])
    const slowest = Math.max(...load.outcomes.filter(({ ended }) => ended >= from).map((one) => one.ended - one.began))
    expect(slowest).to.be.below(10_000 * stretch())
    return slowest
  }
  const readyEverywhere = () => chain.stack.pods.map(({ ready }) => ready)

  it('F1 I7 stops and comes back: discovery, keys and client_credentials go on, the rest is 503, and all works within 5 s', async () => {
    const { database } = chain.stack
    const from = performance.now()
    await database.stop()
    await load.failing(['sign-in'])
    await load.healed({ flows: [...withoutDatabase, 'edit'] })
    expect(readyEverywhere()).to.deep.equal([true, true, true])
    const directory = join(chain.directory, 'postgres')
    again = await startPostgres({ directory, port: database.port })
    chain.planted.add(new URL(again.url).password)
    const healMs = await load.healed()
    tell('F1', {
      healMs,
      stretch: stretch(),
      slowestMs: expectOnlyUnavailable(from),
      failed: load.failures(from).length,
    })
    expect(healMs).to.be.below(5_000 * stretch())
    expect(chain.stack.pods.map(({ server }) => server.restarts)).to.deep.equal([0, 0, 0])
  })

  it('F2 I7 hangs: every request is answered within 10 s, and all works 5 s after it continues', async () => {
    const family = processesOf((again ?? chain.stack.database).pid)
    const from = performance.now()
    signalAll(family, 'SIGSTOP')
    try {
      await load.failing(['sign-in'])
      await load.healed({ flows: [...withoutDatabase, 'edit'] })
      expect(readyEverywhere()).to.deep.equal([true, true, true])
    } finally {
      signalAll(family, 'SIGCONT')
    }
    const healMs = await load.healed()
    tell('F2', {
      healMs,
      stretch: stretch(),
      slowestMs: expectOnlyUnavailable(from),
      failed: load.failures(from).length,
    })
    expect(healMs).to.be.below(5_000 * stretch())
  })
})
