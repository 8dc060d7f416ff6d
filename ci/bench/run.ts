// npm run bench: measures what the product promises in numbers. Tests hold the counts; times and ratios are printed with their targets.
import { mkdirSync, mkdtempSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { describeMeasurement } from '../report.ts'
import type { Measurement } from '../report.ts'
import type { BenchContext } from './context.ts'

type Bench = (context: BenchContext) => Promise<Measurement[]>

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  'round-trips': async () => (await import('./round-trips.ts')).measureRoundTrips,
  'chain-10': async () => (await import('./chain.ts')).measureChain(10),
  'chain-1000': async () => (await import('./chain.ts')).measureChain(1_000),
  'chain-10000': async () => (await import('./chain.ts')).measureChain(10_000),
  start: async () => (await import('./start.ts')).measureStart,
  'many-clients': async () => (await import('./many-clients.ts')).measureManyClients,
  'many-people': async () => (await import('./many-people.ts')).measureManyPeople,
  'people-times': async () => (await import('./people-times.ts')).measurePeopleTimes,
  throughput: async () => (await import('./throughput.ts')).measureThroughput,
}

const usage = `Usage: npm run bench -- [--json] [--only NAME,…]

  --json        one JSON array of {name, value, unit, target, better, ok} on standard output, nothing else there
  --only NAMES  of ${Object.keys(benches).join(', ')}
  --help        print this

Times depend on the machine; ratios compare two things within one run. Exits 1 when a bench could not run.
`

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(usage)
  process.exit(0)
}
const names = values.only?.split(',') ?? Object.keys(benches)
const unknown = names.filter((name) => !(name in benches))
if (unknown.length > 0) {
  process.stderr.write(`--only ${unknown.join(',')}: must be among ${Object.keys(benches).join(', ')}\n\n${usage}`)
  process.exit(2)
}

const results: Measurement[] = []
let failed = false
for (const name of names) {
  const startedAt = performance.now()
  const say = (text: string) => process.stderr.write(`${name}: ${text}\n`)
  mkdirSync('.nauthera', { recursive: true })
  const directory = mkdtempSync('.nauthera/bench-')
  reapDirectory(directory)
  say('starting')
  try {
    const found = await (await benches[name]!())({ directory, say })
    results.push(...found)
    if (!values.json) process.stdout.write(`${found.map(describeMeasurement).join('\n')}\n`)
  } catch (error) {
    failed = true
    process.stderr.write(`${name} failed: ${error instanceof Error ? error.stack : String(error)}\n`)
  }
  say(`done after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
}
if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`)
process.exit(failed ? 1 : 0)
