import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { reapProcess } from '@nauthera/local/processes/reaper'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'

// A process that writes 20 MB of lines while it does its work, says how that went, and ends.
const program = `
import { listenSettings, logSettings, tracingSettings, z } from '@nauthera/runtime/settings'
import { runProcess } from '@nauthera/runtime/lifecycle'
const schema = z.strictObject({ log: logSettings, tracing: tracingSettings, management: listenSettings(0, '127.0.0.1') })
await runProcess({ name: 'probe', version: '1.2.3', schema, stopTimeoutMs: 10_000, async start({ log, lifecycle }) {
  const text = 'x'.repeat(1000)
  let longestTurn = 0
  for (let turn = 0; turn < 200; turn++) {
    const before = process.threadCpuUsage()
    for (let line = 0; line < 100; line++) log.info({ turn, text }, 'a line')
    await new Promise((resolve) => setImmediate(resolve))
    const { user, system } = process.threadCpuUsage(before)
    longestTurn = Math.max(longestTurn, (user + system) / 1000)
  }
  process.stderr.write(JSON.stringify({ longestTurn, megabytes: process.memoryUsage().rss / 1e6 }))
  lifecycle.finish()
} })
`

interface Told {
  /** Milliseconds of processor time for 100 lines, of the thread that does the work. */
  readonly longestTurn: number
  readonly megabytes: number
}

describe('a process that logs 20 MB', function () {
  const directory = temporaryDirectory('log')
  const settings = join(directory, 'probe.yaml')
  before(() => writeFileSync(settings, 'log: {format: json}\n'))

  /** Hangs, and so fails the test, when the process does not end. */
  async function run(output: 'pipe' | number) {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program, '--', '--settings', settings], {
      cwd: 'runtime',
      stdio: ['ignore', output, 'pipe'],
    })
    reapProcess(child)
    let told = ''
    child.stderr!.on('data', (part: Buffer) => (told += part.toString()))
    const errorsEnded = once(child.stderr!, 'end')
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    await errorsEnded
    child.stdout?.destroy()
    const { longestTurn, megabytes } = JSON.parse(told) as Told
    expect(megabytes).to.be.lessThan(300)
    expect(longestTurn).to.be.lessThan(1_000)
    return { code, signal }
  }

  it('F21 and nobody reads: it waits for nobody, fills no memory, and ends', async () => {
    // by a signal: process.exit waits for the thread that writes
    expect(await run('pipe')).to.deep.equal({ code: null, signal: 'SIGKILL' })
  })

  it('F21 and the disk is full: the same', async function () {
    if (!existsSync('/dev/full')) return this.skip()
    const full = openSync('/dev/full', 'w')
    try {
      // by a signal where a machine with much to do needs a second to tell it
      expect([
        { code: 0, signal: null },
        { code: null, signal: 'SIGKILL' },
      ]).to.deep.include(await run(full))
    } finally {
      closeSync(full)
    }
  })
})
