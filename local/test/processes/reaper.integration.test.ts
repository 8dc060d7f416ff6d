import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { reapDirectory, reapProcess } from '../../src/processes/reaper.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

describe('a test run that is ended from outside', function () {
  it('leaves no process and no temporary file behind, not even those of an agent that is stopped', async function () {
    if (process.platform !== 'linux') this.skip()
    const parent = mkdtempSync(join(tmpdir(), 'nauthera-interrupted-'))
    reapDirectory(parent)
    // no other process has this path in its environment
    const temporary = join(parent, 'temporary')
    mkdirSync(temporary)
    const run = spawn(process.execPath, ['scripts/test.ts', 'config-agent/test/main.test.ts'], {
      cwd: root,
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    reapProcess(run)
    const ended = once(run, 'exit')
    run.stdout.resume()
    const firstSeen = new Map<number, number>()
    // an agent lives for a second or two; who started it has named it to its reaper soon after
    const isOld = (pid: number) => {
      const since = firstSeen.get(pid) ?? performance.now()
      firstSeen.set(pid, since)
      return performance.now() - since > 500
    }
    while (!agentsIn(temporary).some(isOld)) {
      if (run.exitCode !== null) throw new Error('the run has ended, and no agent was seen for half a second')
      await pause(20)
    }
    for (const pid of agentsIn(temporary)) process.kill(pid, 'SIGSTOP')
    run.kill('SIGTERM')
    await ended
    // reaper.sh waits 5 s before it kills
    const deadline = Date.now() + 30_000
    while (processesIn(temporary).length > 0 || readdirSync(temporary).length > 0) {
      if (Date.now() > deadline) break
      await pause(100)
    }
    expect(processesIn(temporary).map(commandOf)).to.deep.equal([])
    expect(readdirSync(temporary)).to.deep.equal([])
  })
})

/** @returns the processes whose environment names the directory */
const processesIn = (directory: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => read(pid, 'environ').includes(directory))

const agentsIn = (directory: string): number[] =>
  processesIn(directory).filter((pid) => commandOf(pid).includes('config-agent/src/main'))

const commandOf = (pid: number): string => read(pid, 'cmdline').replaceAll('\0', ' ')

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
