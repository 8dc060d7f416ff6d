// npm run sizing: how many replicas, processors, connections and how much memory and disk an installation needs.
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readCosts } from './costs.ts'
import { planSize } from './plan.ts'
import type { Demand, PodMemory, Range } from './plan.ts'

const usage = `Usage: npm run sizing -- --people N --sign-ins N --tokens N --clients N [OPTIONS]

  --people N          people with an account here
  --sign-ins N        sign-ins with a password in the busiest minute
  --tokens N          tokens for machines in the busiest second
  --clients N         OIDCClients
  --refreshes N       refreshes in the busiest second; default: a hundredth of the people in 60 s
  --introspections N  in the busiest second; default 0
  --tokens-of-day N   default: the busiest second, for a fifth of the day
  --sign-ins-of-day N default: one for each person
  --refreshes-of-day N default: eight for each person
  --audit-days N      audit.retention; default 90
  --grant-days N      how long a grant lives; default 30
  --pool-max N        database.poolMax; default 10
  --measure           measures bytes, rows and the unit again, and writes docs/measurements/sizing.json
`

const options = [
  'people',
  'sign-ins',
  'tokens',
  'clients',
  'refreshes',
  'introspections',
  'tokens-of-day',
  'sign-ins-of-day',
  'refreshes-of-day',
  'audit-days',
  'grant-days',
  'pool-max',
] as const
const flags = ['measure', 'help']
const file = resolve(import.meta.dirname, '../../docs/measurements/sizing.json')

const { values } = parseArgs({
  options: Object.fromEntries(
    [...options, ...flags].map((name) => [
      name,
      { type: flags.includes(name) ? ('boolean' as const) : ('string' as const) },
    ]),
  ),
})
if (values['measure'] === true) {
  const { measureCosts } = await import('./measure.ts')
  writeFileSync(file, `${JSON.stringify(await measureCosts(), undefined, 2)}\n`)
  process.exit(0)
}
const given = Object.fromEntries(
  options.map((name) => [name, values[name] === undefined ? undefined : Number(values[name])]),
)
const faults = options.filter((name) => given[name] !== undefined && !(given[name] >= 0))
if (
  values['help'] === true ||
  faults.length > 0 ||
  ['people', 'sign-ins', 'tokens', 'clients'].some((name) => given[name] === undefined)
) {
  process.stderr.write(`${faults.map((name) => `--${name}: must be a number\n`).join('')}${usage}`)
  process.exit(values['help'] === true ? 0 : 2)
}

const people = given['people']!
const demand: Demand = {
  people,
  signIns: given['sign-ins']!,
  tokens: given['tokens']!,
  clients: given['clients']!,
  refreshes: given['refreshes'] ?? people / 100 / 60,
  introspections: given['introspections'] ?? 0,
  tokensOfDay: given['tokens-of-day'] ?? (given['tokens']! * 86_400) / 5,
  signInsOfDay: given['sign-ins-of-day'] ?? people,
  refreshesOfDay: given['refreshes-of-day'] ?? people * 8,
  auditDays: given['audit-days'] ?? 90,
  grantDays: given['grant-days'] ?? 30,
  poolMax: given['pool-max'] ?? 10,
}
const report = resolve(import.meta.dirname, '../../docs/measurements/report.json')
const size = planSize(
  demand,
  readCosts(JSON.parse(readFileSync(report, 'utf8')), JSON.parse(readFileSync(file, 'utf8'))),
)
const cores = ({ likely, low, high }: Range) =>
  `${likely.toFixed(2)} processors (${low.toFixed(2)} to ${high.toFixed(2)})`
const memory = ({ request, limit }: PodMemory) => `request ${request}M, limit ${limit}M`
process.stdout.write(`server.replicaCount          ${size.replicas}, one of them to spare
each replica                 ${cores(size.serverCores)}
server.resources memory      ${memory(size.serverMemory)}
operator.resources memory    ${memory(size.operatorMemory)}
PostgreSQL                   ${cores(size.databaseCores)}
PostgreSQL connections       ${size.connections} at most, in a rollout
PostgreSQL writes            ${size.iops} a second in the busiest minute
PostgreSQL disk              ${size.diskGigabytes.toFixed(1)} GB after a year
WAL                          ${size.walGigabytesOfDay.toFixed(2)} GB a day
`)
