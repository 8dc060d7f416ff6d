import { setTimeout as pause } from 'node:timers/promises'
import type { Product } from '../load/product.ts'
import { cpuSeconds, familyCpuSeconds } from './process-cost.ts'

/** One product and what is asked of it again and again. */
export interface Contender {
  readonly product: Product
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

/** One round of one product: CPU microseconds for an operation. */
export interface Spent {
  readonly server: number
  readonly database: number | undefined
  readonly operations: number
}

/** Operations side by side: the server always has work, and no queue. */
export const width = 8
/** Longer than the server gathers audit rows: what was put off is counted too. */
const settleMs = 700

/** Loads a product, and reads what its processes used for it.
 *  @param cpuMs of the server */
export async function spend({ product, operation }: Contender, cpuMs: number): Promise<Spent> {
  const { server, postmaster } = pidsOf(product)
  const read = () => ({
    server: cpuSeconds(server),
    database: postmaster === undefined ? undefined : familyCpuSeconds(postmaster),
  })
  const before = read()
  const operations = await loadFor({ product, operation }, cpuMs)
  if (postmaster !== undefined) await pause(settleMs)
  const after = read()
  const each = (from: number, to: number) => ((to - from) / operations) * 1e6
  return {
    server: each(before.server, after.server),
    database: after.database === undefined ? undefined : each(before.database!, after.database),
    operations,
  }
}

/** @returns how many operations ended */
export async function loadFor({ product, operation }: Contender, cpuMs: number): Promise<number> {
  const { server } = pidsOf(product)
  const until = cpuSeconds(server) + cpuMs / 1000
  let operations = 0
  let over = false
  const clock = setInterval(() => (over = cpuSeconds(server) >= until), 20)
  const work = async (worker: number) => {
    while (!over) {
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

function pidsOf({ pids, name }: Product): NonNullable<Product['pids']> {
  if (pids === undefined) throw new Error(`the processes of ${name} are not on this machine`)
  return pids
}

/** All contenders in turn, round after round, and each round in another order: what slows the machine down meets all of them.
 *  @returns the rounds of each, in the order in which they were run */
export async function compare<Name extends string>(
  contenders: Readonly<Record<Name, Contender>>,
  { rounds, roundMs, warmUpMs }: Effort,
): Promise<Record<Name, Spent[]>> {
  const names = Object.keys(contenders) as Name[]
  const spent = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Spent[]>
  for (const name of names) await loadFor(contenders[name], warmUpMs)
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length]!
      spent[name].push(await spend(contenders[name], roundMs))
    }
  }
  return spent
}
