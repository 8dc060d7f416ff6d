import { width } from '../cost/compare.ts'
import type { Contender } from '../cost/compare.ts'

/** Milliseconds of each operation while something else goes on. A failed one throws.
 *  @param work what goes on, on the other side */
export async function timesDuring(
  { operation }: Pick<Contender, 'operation'>,
  work: () => Promise<unknown>,
): Promise<number[]> {
  let over = false
  const ended = work().finally(() => (over = true))
  const times: number[] = []
  const ask = async (worker: number) => {
    while (!over) {
      const began = performance.now()
      await operation(worker)
      times.push(performance.now() - began)
    }
  }
  await Promise.all([ended, ...Array.from({ length: width }, (_, worker) => ask(worker))])
  return times
}
