// Mocha's spec report, which files took longest, then one plain line with the numbers. A run that leaves something open fails and does
// not hang.
import { readFileSync, writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { relative } from 'node:path'
import mocha from 'mocha'
import { plainLine } from './plain-line.ts'

const { Spec } = mocha.reporters
const settleMs = 10_000
/** Of the files that took longest, so many are named; each of these seconds at least. */
const named = { files: 40, seconds: 2 }

/** With --reporter-option counts=FILE the numbers are written there too, for who adds up several runs.
 *  @public mocha is told its path */
export default class Reporter extends Spec {
  constructor(runner, options) {
    super(runner, options)
    const slowest = followFiles(runner)
    const leftOpen = followOpenResources(runner)
    runner.once('end', () => {
      const { counts } = options.reporterOptions ?? {}
      if (counts !== undefined) writeFileSync(counts, JSON.stringify(this.stats))
      process.stdout.write(`${slowest()}\n${plainLine(this.stats)}\n`)
      setTimeout(() => {
        process.stderr.write(
          `The tests ended ${settleMs / 1000} s ago and something is still open: ${openResources().join(', ')}\n${leftOpen()}`,
        )
        process.exit(1)
      }, settleMs).unref()
    })
  }
}

/** @returns what is to be said of the slowest files in the end; nothing when there is none */
function followFiles(runner) {
  const files = new Map()
  let began
  runner.on('suite', (suite) => {
    if (suite.parent?.root) began = spent()
  })
  runner.on('suite end', (suite) => {
    if (!suite.parent?.root) return
    const before = files.get(suite.file) ?? [0, 0, 0]
    const now = spent()
    files.set(
      suite.file,
      before.map((seconds, index) => seconds + now[index] - began[index]),
    )
  })
  return () => {
    const slowest = [...files].filter(([, [wall]]) => wall >= named.seconds).sort(([, a], [, b]) => b[0] - a[0])
    if (slowest.length === 0) return ''
    const lines = slowest
      .slice(0, named.files)
      .map(
        ([file, seconds]) =>
          `${seconds.map((one) => one.toFixed(1).padStart(7)).join(' ')}  ${relative(process.cwd(), file)}`,
      )
    return `\nThe slowest files: seconds, and CPU seconds here and in processes that have ended\n${lines.join('\n')}\n`
  }
}

/** What keeps the process from ending: the names of Node's resources, without the streams of the process. */
const openResources = () => process.getActiveResourcesInfo().filter((name) => name !== 'TTYWrap' && name !== 'PipeWrap')

/** @returns after which files more was open than before them, and where the sockets lead: a leak has one of these files */
function followOpenResources(runner) {
  const more = []
  let before = 0
  runner.on('suite', (suite) => {
    if (suite.parent?.root) before = openResources().length
  })
  runner.on('suite end', (suite) => {
    const open = openResources().length
    if (suite.parent?.root && open > before) more.push(`  +${open - before}  ${relative(process.cwd(), suite.file)}`)
  })
  return () => {
    const sockets = process
      ._getActiveHandles()
      .filter((handle) => handle instanceof Socket && handle.remotePort !== undefined)
      .map((socket) => `  ${socket.localPort} -> ${socket.remotePort}, ${socket.bytesRead} bytes read`)
    return `More was open after these files than before them:\n${more.join('\n')}\nSockets:\n${sockets.join('\n')}\n`
  }
}

/** @returns seconds, and those of the CPU that this process used, and the processes that it started and that have ended */
function spent() {
  const { user, system } = process.cpuUsage()
  return [performance.now() / 1000, (user + system) / 1e6, spentByEnded()]
}

/** Linux alone tells it, in hundredths of a second. */
function spentByEnded() {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ')
    return (Number(fields[13]) + Number(fields[14])) / 100
  } catch {
    return 0
  }
}
