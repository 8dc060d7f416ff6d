// Measures what sizing needs and the bench has not: bytes, rows, commits and WAL of each flow on a real PostgreSQL, and the CPU time of a unit.
import { basic, send } from '@nauthera/harness/browser'
import { fetchCode, redeem, refresh, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { execute } from '@nauthera/local/programs/fresh-database'
import { statement } from '@nauthera/server/store/driver/database'
import { cpuSeconds } from '../bench/cost/process-cost.ts'
import { startBare } from '../bench/sides/start.ts'
import type { MeasuredCost } from './plan.ts'

const people = 300
const refreshes = 600
const unitRounds = 9
const bareTokens = 1000

const sizes = statement<{ table: string; bytes: number }>(
  'sizing-bytes',
  `SELECT relname AS table, pg_total_relation_size(oid) AS bytes FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
)
const wal = statement<{ bytes: number }>(
  'sizing-wal',
  `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint AS bytes`,
)

interface State {
  readonly bytes: ReadonlyMap<string, number>
  readonly wal: number
  readonly commits: number
}

async function read(replicas: ServerReplicas): Promise<State> {
  // the replica writes rows of the audit log once a second; the sizes are those of packed pages
  await new Promise((resolve) => setTimeout(resolve, 2500))
  const { database } = replicas.apps[0]!.store
  const [position] = await database.query(wal)
  const { commits } = database.counters()
  for (const table of [
    'users',
    'credentials',
    'grants',
    'refresh_families',
    'devices',
    'audit',
    'known_browsers',
    'one_time',
    'consents',
  ])
    await execute(replicas.database.url, `VACUUM (FULL) ${table}`)
  const rows = await database.query(sizes)
  return { bytes: new Map(rows.map(({ table, bytes }) => [table, bytes])), wal: position!.bytes, commits }
}

const grown = (before: State, after: State, tables: readonly string[], by: number): number =>
  Math.round(tables.reduce((sum, table) => sum + after.bytes.get(table)! - before.bytes.get(table)!, 0) / by)

/** @returns what docs/measurements/sizing.json holds */
export async function measureCosts() {
  const replicas = await startReplicas()
  try {
    await replicas.serve([entry('app.web', configs.web), entry('app.machine', configs.machine)])
    const empty = await read(replicas)
    const names = Array.from({ length: people }, (_, n) => `person-${n}`)
    for (const name of names) await addPerson(replicas, name)
    const filled = await read(replicas)
    const tokens: string[] = []
    for (const username of names)
      tokens.push(
        tokensOf(
          await redeem(
            replicas,
            await fetchCode(replicas, { username, parameters: { scope: 'openid email offline_access' } }),
          ),
        ).refresh,
      )
    const signedIn = await read(replicas)
    for (let n = 0; n < refreshes; n++) {
      const at = n % tokens.length
      tokens[at] = tokensOf(await refresh(replicas, tokens[at]!)).refresh
    }
    const refreshed = await read(replicas)
    const rows = (before: State, after: State) => grown(before, after, ['audit'], 1)
    const machine = async () =>
      send(replicas, {
        path: '/token',
        form: { grant_type: 'client_credentials' },
        headers: basic('app.machine', clientSecret),
      })
    await machine()
    return {
      measured: new Date().toISOString().slice(0, 10),
      unit: await measureUnit(),
      bytes: {
        person: grown(empty, filled, ['users', 'credentials'], people),
        grant: grown(filled, signedIn, ['grants', 'refresh_families', 'devices', 'known_browsers', 'one_time'], people),
        auditOfSignIn: Math.round(rows(filled, signedIn) / people),
        auditOfRefresh: Math.round(rows(signedIn, refreshed) / refreshes),
        auditOfMachineMinute: Math.round(rows(signedIn, refreshed) / refreshes),
      },
      wal: {
        signIn: Math.round((signedIn.wal - filled.wal) / people),
        refresh: Math.round((refreshed.wal - signedIn.wal) / refreshes),
      },
      commits: {
        signIn: Math.round(((signedIn.commits - filled.commits) / people) * 10) / 10,
        refresh: Math.round(((refreshed.commits - signedIn.commits) / refreshes) * 10) / 10,
      },
    }
  } finally {
    await replicas.stop()
  }
}

/** @returns microseconds of CPU that the bare server spends on a token: the unit of the bench, on this machine */
async function measureUnit(): Promise<MeasuredCost> {
  const bare = await startBare()
  try {
    const ask = () =>
      fetch(`${bare.product.issuer}/token`, {
        method: 'POST',
        headers: basic('app.machine', clientSecret),
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      }).then((response) => response.arrayBuffer())
    const rounds: number[] = []
    for (let round = 0; round <= unitRounds; round++) {
      const before = cpuSeconds(bare.process.pid!)
      for (let n = 0; n < bareTokens; n++) await ask()
      rounds.push(Math.round(((cpuSeconds(bare.process.pid!) - before) / bareTokens) * 1e6))
    }
    // the first one is that of a cold process
    const sorted = rounds.slice(1).toSorted((a, b) => a - b)
    return { median: sorted[Math.floor(unitRounds / 2)]!, low: sorted[0]!, high: sorted.at(-1)! }
  } finally {
    await bare.stop()
  }
}
