// What a change of clients does to the requests beside it, at a server with 10,000 of them.
import { setTimeout as pause } from 'node:timers/promises'
import { shardOf } from '@nauthera/proto/shard-of'
import { configs, entry } from '@nauthera/harness/server'
import { measurement, quantile } from '../../report.ts'
import type { Measurement } from '../../report.ts'
import type { BenchContext } from '../context.ts'
import { loadFor } from '../cost/compare.ts'
import { timesDuring } from '../load/times.ts'
import { spreadOf } from '../report/statistics.ts'
import { fillClients } from '../sides/our-clients.ts'
import type { OurSide } from '../sides/start.ts'
import { requestRows } from './requests.ts'

const count = 10_000
const swapsEach = 10
const quietMs = 2_000

/** Token requests while nothing changes, while one client changes again and again, and while all of them do, in turn. */
export async function measureSwaps({ sides, effort, quick, say }: BenchContext): Promise<Measurement[]> {
  const side = await sides.startSized({ clients: count })
  try {
    const contender = { product: side.product, operation: await requestRows.token.prepare(side.product) }
    await loadFor(contender, { cpuMs: effort.warmUpMs })
    const ratios = { one: [] as number[], all: [] as number[] }
    const acknowledged: number[] = []
    const loads: number[] = []
    for (let round = 0; round < (quick ? 2 : 5); round++) {
      const changes = await renderChanges(side, round)
      const everyone = await renderEveryone(side, round)
      const p99 = async (work: () => Promise<unknown>) => quantile(await timesDuring(contender, work), 0.99)
      const still = await p99(() => pause(quietMs))
      const one = await p99(async () => {
        for (const change of changes) {
          const began = performance.now()
          await side.server.push(change)
          acknowledged.push(performance.now() - began)
          await pause(quietMs / swapsEach)
        }
      })
      const all = await p99(async () => {
        const began = performance.now()
        await side.server.serve(everyone)
        loads.push((performance.now() - began) / 1000)
      })
      ratios.one.push(one / still)
      ratios.all.push(all / still)
      say(`p99 ${still.toFixed(1)} ms, one client changes ${one.toFixed(1)} ms, all are loaded ${all.toFixed(1)} ms`)
    }
    const ratio = (name: string, values: readonly number[]) => {
      const spread = spreadOf(values)
      return measurement({ name: `swaps.p99.${name}`, value: spread.median, unit: 'of quiet', target: 2, spread })
    }
    return [
      ratio('one-changes', ratios.one),
      ratio('all-are-loaded', ratios.all),
      measurement({
        name: 'swaps.one-acknowledged.p50',
        value: quantile(acknowledged, 0.5),
        unit: 'ms under load',
        target: null,
      }),
      measurement({
        name: 'swaps.all-acknowledged.p50',
        value: quantile(loads, 0.5),
        unit: 's under load',
        target: null,
      }),
    ]
  } finally {
    await side.stop()
  }
}

/** Versions of one shard; in each one client is another. The other clients are as they were loaded last. */
async function renderChanges({ server, clients: requesting }: OurSide, round: number) {
  const [changing, ...others] = fillClients(count, titleOf(round - 1), BigInt(round + 1))
  const shard = shardOf(changing!.namespace, changing!.name)
  const own = [...requesting, ...others].filter(({ namespace, name }) => shardOf(namespace, name) === shard)
  const rendered = []
  for (let swap = 0; swap < swapsEach; swap++) {
    const next = { ...configs.machine, clientName: `Swap ${round} ${swap}`, generation: BigInt(round + 2) }
    rendered.push(await server.render(shard, [entry(changing!.clientId, next), ...own]))
  }
  return rendered
}

/** Every client says something else: a generation alone is no change. */
const renderEveryone = async ({ server, clients }: OurSide, round: number) =>
  server.renderAll([...clients, ...fillClients(count, titleOf(round), BigInt(round + 2))])

const titleOf = (round: number): string => (round < 0 ? 'Client' : `Client ${round}`)
