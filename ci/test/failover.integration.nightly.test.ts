import { mkdtempSync, chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { root } from '@nauthera/local/processes/program'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { startPostgres } from '@nauthera/local/programs/postgres'
import type { Postgres } from '@nauthera/local/programs/postgres'
import { startChain } from '../faults/support/chain.ts'
import type { Chain } from '../faults/support/chain.ts'
import { processesOf, signalAll } from '../faults/support/families.ts'
import { checkInvariants } from '../faults/support/invariants.ts'
import { startLoad } from '../faults/support/load.ts'
import type { Load } from '../faults/support/load.ts'
import { withDatabase } from '../faults/support/load/outcomes.ts'
import { startTcpProxy } from '../faults/support/tcp-proxy.ts'
import type { TcpProxy } from '../faults/support/tcp-proxy.ts'
import { promote, startStandby } from './support/standby.ts'

// PostgreSQL with a streaming standby behind one address, as an operator for PostgreSQL or a managed one gives it, under load of three replicas.
// What was acknowledged is replayed afterwards: nothing of it may be lost. The table is in docs/runbooks/restore.md.

describe('PostgreSQL with a standby, under load', function () {
  this.timeout(240_000)
  const rows: string[] = []
  let directory: string
  let address: TcpProxy
  let primary: Postgres
  let chain: Chain
  let load: Load
  let standbys = 0

  const at = (name: string) => join(directory, name)
  before(async () => {
    directory = mkdtempSync(join(root, '.nauthera/failover-'))
    chmodSync(directory, 0o711)
    reapDirectory(directory)
    primary = await startPostgres({ directory: at('pg-0') })
    address = await startTcpProxy(() => primary.port)
    const url = new URL(primary.url)
    url.port = String(address.port)
    writeFileSync(at('dsn'), url.href, { mode: 0o600 })
    chain = await startChain({ serverSettings: { database: { dsnFile: at('dsn'), sslMode: 'disable' } } })
  })
  after(async () => {
    await chain?.stop()
    await address?.stop()
    await primary?.stop()
    process.stdout.write(rows.map((row) => `      ${row}\n`).join(''))
  })
  beforeEach(async () => {
    load = await startLoad(chain)
  })
  afterEach(async () => {
    await load.stop()
    await checkInvariants(chain, load)
  })

  /** @param end takes the primary away */
  const moveOn = async (name: string, end: (former: Postgres) => Promise<void>) => {
    const former = primary
    const standby = await startStandby(former, at(`pg-${standbys}`), at(`pg-${++standbys}`))
    const from = performance.now()
    address.cut()
    await end(former)
    const promoteMs = await promote(standby)
    primary = standby
    address.restore()
    const healedMs = await load.healed()
    await former.stop()
    const failures = load.failures(from)
    const asked = load.outcomes.filter(({ ended }) => ended >= from).length
    const statuses = [...new Set(failures.map(({ status }) => status))].toSorted((one, other) => one - other)
    rows.push(
      `| ${name} | ${Math.round(promoteMs)} ms | ${Math.round(performance.now() - from)} ms | ${failures.length} of ${asked} | ${statuses.join(', ') || '-'} | healed in ${Math.round(healedMs)} ms`,
    )
    return failures
  }
  const expectOnlyUnavailable = (failures: ReturnType<Load['failures']>) => {
    expect(failures.filter(({ flow }) => !(withDatabase as readonly string[]).includes(flow))).to.deep.equal([])
    const wrong = failures.filter(({ status, retryAfter }) => status !== 503 || !(Number(retryAfter) > 0))
    expect(wrong, 'all else is 503 with Retry-After').to.deep.equal([])
    expect(chain.stack.pods.map(({ server }) => server.restarts)).to.deep.equal([0, 0, 0])
  }

  it('F50 a primary that dies: its standby is promoted, nothing acknowledged is lost, and no replica restarts', async () => {
    expectOnlyUnavailable(
      await moveOn('the primary dies', async (former) => signalAll(processesOf(former.pid), 'SIGKILL')),
    )
  })

  it('F50 a switch-over: the primary ends in order, and nothing acknowledged is lost', async () => {
    expectOnlyUnavailable(await moveOn('switch-over', (former) => former.stop()))
  })
})
