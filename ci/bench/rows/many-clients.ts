import { shardOf } from '@nauthera/proto/shard-of'
import { clientSecret, configs, entry } from '@nauthera/harness/server'
import { measurement, quantile } from '../../report.ts'
import type { Measurement } from '../../report.ts'
import { closedLoop } from '../load/closed-loop.ts'
import { cpuSeconds, residentMegabytes } from '../cost/process-cost.ts'
import { startPushedServer } from '../sides/pushed-server.ts'
import type { PushedServer } from '../sides/pushed-server.ts'
import type { BenchContext } from '../context.ts'

/** How many clients of each registry send requests; all others only fill it. */
const asked = 10
const requests = 2_000
const rounds = 5
const width = 8
const swaps = 20

const clientsOf = (count: number, title = 'Client', generation = 1n) =>
  Array.from({ length: count }, (_, index) =>
    entry(`bench.client-${index}`, { ...configs.machine, clientName: `${title} ${index}`, generation }),
  )

/** What a server pays for many clients, without operator and agent: cost of a request, memory, and what a change of clients
 *  does to the requests beside it. */
export async function measureManyClients({ directory, say }: BenchContext): Promise<Measurement[]> {
  const server = await startPushedServer(directory)
  try {
    const small = await measureSize(server, 10, say)
    const memory = residentMegabytes(server.process.pid!)
    const middle = await measureSize(server, 10_000, say)
    const grown = residentMegabytes(server.process.pid!) - memory
    const swap = await measureSwaps(server, say)
    const large = await measureSize(server, 100_000, say)
    const flat = (name: string, size: { cpu: number }) =>
      measurement({
        name: `many-clients.flat.${name}`,
        value: small.cpu / size.cpu,
        unit: 'of the rate with 10',
        target: 0.92,
        better: 'higher',
      })
    return [
      flat('10000', middle),
      flat('100000', large),
      measurement({ name: 'many-clients.memory.10000', value: grown, unit: 'MB', target: 25 }),
      measurement({ name: 'many-clients.load.10000', value: middle.loadSeconds, unit: 's', target: null }),
      measurement({ name: 'many-clients.load.100000', value: large.loadSeconds, unit: 's', target: null }),
      ...swap,
    ]
  } finally {
    await server.stop()
  }
}

/** @returns CPU microseconds of a token request, and how long it took to load so many clients */
async function measureSize(server: PushedServer, count: number, say: (text: string) => void) {
  const shards = server.renderAll(clientsOf(count))
  const startedAt = performance.now()
  await server.serve(shards)
  const loadSeconds = (performance.now() - startedAt) / 1000
  const costs: number[] = []
  for (let round = 0; round < rounds; round++) {
    const before = cpuSeconds(server.process.pid!)
    await askTokens(server, count, requests)
    costs.push(((cpuSeconds(server.process.pid!) - before) / requests) * 1e6)
  }
  // the first rounds warm up, and their garbage collection is that of the load before
  const cpu = Math.min(...costs.slice(1))
  say(`${count} clients: loaded in ${loadSeconds.toFixed(1)} s, ${costs.map((cost) => cost.toFixed(0)).join(' ')} us`)
  return { cpu, loadSeconds }
}

/** Requests of clients from all over the registry. @returns milliseconds of each */
async function askTokens(server: PushedServer, clients: number, count: number): Promise<number[]> {
  const step = Math.max(1, Math.floor(clients / asked))
  const runs = Array.from({ length: asked }, (_, index) => {
    const id = `bench.client-${(index * step) % clients}`
    return closedLoop({
      count: Math.ceil(count / asked),
      width: Math.max(1, Math.floor(width / asked)),
      port: server.port,
      host: server.host,
      path: '/token',
      form: 'grant_type=client_credentials',
      authorization: `Basic ${Buffer.from(`${id}:${clientSecret}`).toString('base64')}`,
    })
  })
  return (await Promise.all(runs)).flat()
}

/** Traffic while nothing changes, while one client of 10,000 changes again and again, and while all do. A failed request
 *  ends the bench. */
async function measureSwaps(server: PushedServer, say: (text: string) => void): Promise<Measurement[]> {
  const count = 10_000
  const clients = clientsOf(count)
  const shard = shardOf(clients[0]!.namespace, clients[0]!.name)
  const own = clients.filter(({ namespace, name }) => shardOf(namespace, name) === shard)
  const during = async (change: () => Promise<void>) => {
    let over = false
    const changing = change().finally(() => (over = true))
    const times: number[] = []
    while (!over) times.push(...(await askTokens(server, count, 200)))
    await changing
    return quantile(times, 0.99)
  }
  const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))
  const quiet = await during(() => pause(4_000))
  const changes = Array.from({ length: swaps }, (_, swap) => {
    const next = entry(clients[0]!.clientId, { ...configs.machine, clientName: `Swap ${swap}`, generation: 2n })
    return server.render(shard, [next, ...own.slice(1)])
  })
  const one = await during(async () => {
    for (const change of changes) {
      await server.push(change)
      await pause(100)
    }
  })
  // Every client says something else: a generation alone is no change.
  const everyone = server.renderAll(clientsOf(count, 'Later client', 3n))
  const all = await during(() => server.serve(everyone))
  say(`p99: ${quiet.toFixed(1)} ms quiet, ${one.toFixed(1)} ms with swaps, ${all.toFixed(1)} ms in a full load`)
  const ratio = (name: string, value: number) =>
    measurement({ name: `many-clients.p99-during.${name}`, value: value / quiet, unit: 'of quiet', target: 2 })
  return [ratio('swap-of-one', one), ratio('full-load', all)]
}
