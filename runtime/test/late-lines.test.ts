import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect } from 'chai'
import { reapProcess } from '@nauthera/local/processes/reaper'

// What a process does with lines that may wait. `work` is the body of a program.

const programOf = (work: string) => `
import { createLog } from '@nauthera/runtime/log'
const log = createLog({ process: 'probe', level: 'info', format: 'json' })
${work}
`

function run(work: string) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', programOf(work)], {
    cwd: 'runtime',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  reapProcess(child)
  const lines: string[] = []
  const output = createInterface({ input: child.stdout })
  output.on('line', (line) => lines.push((JSON.parse(line) as { msg: string }).msg))
  return {
    child,
    lines,
    written: once(output, 'line'),
    ended: Promise.all([once(child, 'exit'), once(output, 'close')]),
  }
}

describe('a line that may wait for others', () => {
  it('comes before every line that is written after it, and none is lost when the process ends by itself', async () => {
    const { lines, ended } = run(`
      log.later({}, 'first'); log.later({}, 'second'); log.warn({}, 'third'); log.later({}, 'fourth')`)
    await ended
    expect(lines).to.deep.equal(['first', 'second', 'third', 'fourth'])
  })

  it('is written by flush, before an exit', async () => {
    const { lines, ended } = run(`log.later({}, 'only'); await log.flush(); process.exit(0)`)
    await ended
    expect(lines).to.deep.equal(['only'])
  })

  it('is written though nothing comes after it', async () => {
    const { child, lines, written, ended } = run(`log.later({}, 'only'); setInterval(() => undefined, 1000)`)
    await written
    child.kill('SIGKILL')
    await ended
    expect(lines).to.deep.equal(['only'])
  })

  it('and many of them cost few writes', async () => {
    const { child, ended } = run(`
      for (let turn = 0; turn < 100; turn++) log.later({ turn }, 'a line')`)
    const parts: string[] = []
    child.stdout.on('data', (part: Buffer) => parts.push(part.toString()))
    await ended
    expect(parts.join('').trim().split('\n')).to.have.length(100)
    expect(parts.length).to.be.lessThan(5)
  })
})
