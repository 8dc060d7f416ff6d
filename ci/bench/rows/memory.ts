// What a server has taken of the machine's memory after a while of one kind of load.
import { measurement } from '../../report.ts'
import type { Measurement } from '../../report.ts'
import type { BenchContext } from '../context.ts'
import { ownMegabytes, residentMegabytes } from '../cost/process-cost.ts'
import { timesDuring } from '../load/times.ts'
import { requestRows } from './requests.ts'
import type { RequestRow } from './requests.ts'

const loads = ['token', 'introspection', 'refresh', 'sign-in-hash'] as const
const loadMs = { quick: 15_000, full: 60_000, 'sign-in-hash': 120_000 }
/** MB, resident: a limit of a pod counts it. */
const target: Partial<Record<(typeof loads)[number], number>> = { 'sign-in-hash': 220 }

/** Each load meets a server that has just started. */
export async function measureMemory({ sides, quick, say }: BenchContext): Promise<Measurement[]> {
  const measured: Measurement[] = []
  for (const name of quick ? (['sign-in-hash'] as const) : loads) {
    const row: RequestRow = requestRows[name]
    const { product, process, stop } = await sides.startSized({ cheapHash: row.hash !== true })
    try {
      const operation = await row.prepare(product)
      const pid = process.pid!
      let highest = 0
      const clock = setInterval(() => (highest = Math.max(highest, residentMegabytes(pid))), 500)
      const ms = loadMs[quick ? 'quick' : name === 'sign-in-hash' ? name : 'full']
      const times = await timesDuring({ operation }, () => new Promise((resolve) => setTimeout(resolve, ms)))
      clearInterval(clock)
      say(`${name}: ${times.length} in ${ms / 1000} s, ${highest.toFixed(0)} MB resident at most`)
      const megabytes = (what: string, value: number, limit: number | undefined) =>
        measurement({ name: `memory.${name}.${what}`, value, unit: 'MB', target: limit ?? null })
      measured.push(
        megabytes('resident', residentMegabytes(pid), undefined),
        megabytes('most', highest, target[name]),
        megabytes('own', ownMegabytes(pid), undefined),
      )
    } finally {
      await stop()
    }
  }
  return measured
}
