import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requestRows } from '../rows/requests.ts'
import type { RequestRow } from '../rows/requests.ts'
import { StartedSides } from '../sides/sides.ts'
import { loadFor } from './compare.ts'
import { renderFlameGraph } from './flame-graph.ts'
import { describeProfile, readProfile } from './profile.ts'

const warmUpMs = 5_000
const loadMs = 10_000

/** Loads a server with one kind of request and takes a CPU profile meanwhile.
 *  @param options.of whose
 *  @param options.to a directory: NAME.cpuprofile (a browser's developer tools open it), NAME.svg and NAME.txt are written there
 *  @param options.short a file for the first lines of each table, too
 *  @returns the text of the table */
export async function takeProfile(options: {
  row: keyof typeof requestRows
  of: 'ours' | 'stock'
  directory: string
  to: string
  short?: string | undefined
  say: (text: string) => void
}): Promise<string> {
  const { of, directory, to, say } = options
  const row: RequestRow = requestRows[options.row]
  const name = of === 'ours' ? options.row : `${options.row}-stock`
  mkdirSync(to, { recursive: true })
  const file = join(process.cwd(), to, `${name}.cpuprofile`)
  const sides = new StartedSides({ directory, profile: file })
  try {
    const side = await sides.side(of === 'stock' ? 'stock' : row.hash === true ? 'ours' : 'cheap')
    const contender = { product: side.product, operation: await row.prepare(side.product) }
    say('warming up')
    await loadFor(contender, { cpuMs: warmUpMs })
    say(`a profile of ${loadMs / 1000} s`)
    const toggle = async (answer: RegExp) => {
      side.process.kill('SIGUSR2')
      await side.process.line(answer, { timeoutMs: 60_000 })
    }
    await toggle(/^profile begun$/)
    const operations = await loadFor(contender, { cpuMs: loadMs })
    await toggle(/^profile written$/)
    const root = readProfile(file)
    const tables = (most: number) =>
      [
        `${name}: ${row.title}`,
        `${operations} operations, ${(root.total / operations).toFixed(0)} us each in the profile (a profile slows the server down)`,
        '',
        describeProfile(root, most),
      ].join('\n')
    const table = tables(25)
    writeFileSync(join(to, `${name}.txt`), table)
    if (options.short !== undefined) writeFileSync(options.short, tables(15))
    writeFileSync(join(to, `${name}.svg`), renderFlameGraph(root, `${name}: ${row.title}`))
    return table
  } finally {
    await sides.stop()
  }
}
