import { setTimeout as pause } from 'node:timers/promises'
import type { LoadedProduct } from '../load/product.ts'
import { cpuSeconds, familyCpuSeconds } from './process-cost.ts'

/** One product and what is asked of it again and again. */
export interface Contender {
  readonly product: LoadedProduct
  /** Throws on a wrong answer. @param worker which of those that work side by side */
  readonly operation: (worker: number) => Promise<unknown>
}

/** Milliseconds of CPU of the server, so that a machine that is busy with other work takes longer and measures the same. */
export interface Effort {
  readonly rounds: number
  readonly roundMs: number
  /** Before the first round: the engine compiles what is used much. */
  readonly warmUpMs: number
}

/** One round of one product, for each operation: microseconds of CPU, undefined where its processes are not here. */
export interface Spent {
  readonly server: number | undefined
  readonly database: number | undefined
  /** From one answer to the next, all workers together. */
  readonly milliseconds: number
  readonly operations: number
}

/** Operations side by side: the server always has work, and no queue. */
export const width = 8
/** Longer than the server gathers audit rows: what was put off is counted too. An idle server spends 1 % of a round meanwhile. */
const settleMs = 550
/** Enough of a cheap request, which costs this side far more than the server. */
const mostOperations = { round: 2_500, warmUp: 10_000 }

/** Loads a product, and reads what its processes used for it.
 *  @param cpuMs of the server */
async function spend({ product, operation }: Contender, cpuMs: number): Promise<Spent> {
  const { server, postmaster } = product.pids ?? {}
  const read = () => ({
    server: server === undefined ? undefined : familyCpuSeconds(server),
    database: postmaster === undefined ? undefined : familyCpuSeconds(postmaster),
  })
  const before = read()
  const began = performance.now()
  const operations = await loadFor({ product, operation }, { cpuMs, most: mostOperations.round })
  const milliseconds = (performance.now() - began) / operations
  if (postmaster !== undefined) await pause(settleMs)
  const after = read()
  const each = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined ? undefined : ((to - from) / operations) * 1e6
  return {
    server: each(before.server, after.server),
    database: each(before.database, after.database),
    milliseconds,
    operations,
  }
}

/** @param enough.cpuMs of the server; of the clock, where its process is not here
 *  @param enough.most operations; default: any number
 *  @returns how many operations ended */
export async function loadFor(
  { product, operation }: Contender,
  { cpuMs, most = Number.POSITIVE_INFINITY }: { cpuMs: number; most?: number },
): Promise<number> {
  const pid = product.pids?.server
  const read = () => (pid === undefined ? performance.now() / 1000 : cpuSeconds(pid))
  const until = read() + cpuMs / 1000
  let operations = 0
  let over = false
  const clock = setInterval(() => (over = read() >= until), 20)
  const work = async (worker: number) => {
    while (!over && operations < most) {
      await operation(worker)
      operations++
    }
  }
  try {
    await Promise.all(Array.from({ length: width }, (_, worker) => work(worker)))
  } finally {
    over = true
    clearInterval(clock)
  }
  return operations
}

/** All contenders in turn, round after round, and each round in another order: what slows the machine down meets all of them.
 *  @returns the rounds of each, in the order in which they were run */
export async function compare<Name extends string>(
  contenders: Readonly<Record<Name, Contender>>,
  { rounds, roundMs, warmUpMs }: Effort,
): Promise<Record<Name, Spent[]>> {
  const names = Object.keys(contenders) as Name[]
  const spent = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Spent[]>
  for (const name of names) await loadFor(contenders[name], { cpuMs: warmUpMs, most: mostOperations.warmUp })
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length]!
      spent[name].push(await spend(contenders[name], roundMs))
    }
  }
  return spent
}
