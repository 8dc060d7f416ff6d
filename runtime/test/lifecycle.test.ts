import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from 'chai'
import { reapProcess } from '@nauthera/local/processes/reaper'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'

const program = `
import { logSettings, listenSettings, tracingSettings, z } from '@nauthera/runtime/settings'
import { runProcess } from '@nauthera/runtime/lifecycle'
const schema = z.strictObject({ log: logSettings, tracing: tracingSettings, management: listenSettings(0, '127.0.0.1'), mode: z.enum(['run', 'break', 'hang']) })
await runProcess({ name: 'probe', version: '1.2.3', schema, stopTimeoutMs: 30_000, async start({ settings, log, health, lifecycle }) {
  if (settings.mode === 'break') throw new Error('no database')
  let ready = false
  health.require('warm', () => ready ? undefined : 'warming up')
  lifecycle.onStop('first', () => log.info({}, 'stop first'))
  lifecycle.onStop('second', () => settings.mode === 'hang' ? new Promise(() => {}) : log.info({}, 'stop second'))
  process.on('SIGUSR2', () => { ready = true; log.info({}, 'warm') })
  log.info({}, 'started')
} })
`

interface Line {
  msg: string
  management?: number
}

describe('runProcess', () => {
  const directory = temporaryDirectory('lifecycle')
  const children: ChildProcessWithoutNullStreams[] = []
  const exits = new Map<ChildProcessWithoutNullStreams, Promise<number | null>>()

  const start = (settings: string, ...args: string[]) => startProgram(program, settings, ...args)
  function startProgram(text: string, settings: string, ...args: string[]) {
    const file = join(directory, `${children.length}.yaml`)
    writeFileSync(file, settings)
    const child = spawn(process.execPath, ['--input-type=module', '--eval', text, '--', '--settings', file, ...args], {
      cwd: 'runtime',
      env: { PATH: process.env['PATH'] },
    })
    reapProcess(child)
    children.push(child)
    exits.set(
      child,
      // not 'exit': its last lines may come after that
      once(child, 'close').then(([code]) => code as number | null),
    )
    const seen: Line[] = []
    const waiting: { message: string; found: (line: Line) => void }[] = []
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = (text.startsWith('{') ? JSON.parse(text) : { msg: text }) as Line
      seen.push(line)
      for (const wait of waiting) if (wait.message === line.msg) wait.found(line)
    })
    let errors = ''
    child.stderr.on('data', (data: Buffer) => (errors += data.toString()))
    return {
      child,
      seen,
      errors: () => errors,
      exit: () => exits.get(child)!,
      line: (message: string): Promise<Line> =>
        new Promise((found) => {
          const known = seen.find((line) => line.msg === message)
          if (known) found(known)
          else waiting.push({ message, found })
        }),
    }
  }

  after(async () => {
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(exits.values())
  })

  it('stops in reverse order on SIGTERM and exits 0', async () => {
    const probe = start('mode: run')
    await probe.line('started')
    probe.child.kill('SIGTERM')
    expect(await probe.exit()).to.equal(0)
    expect(probe.seen.map((line) => line.msg).slice(-4)).to.deep.equal([
      'stopping',
      'stop second',
      'stop first',
      'stopped',
    ])
  })

  it('exits 1 on SIGTERM when it has work to finish', async () => {
    const probe = startProgram(program.replace('stopTimeoutMs: 30_000', '$&, endsByItself: true'), 'mode: run')
    await probe.line('started')
    probe.child.kill('SIGTERM')
    expect(await probe.exit()).to.equal(1)
    expect(probe.seen.at(-1)?.msg).to.equal('stopped')
  })

  it('loads the libraries of traces only when the settings name a collector', async () => {
    const count = "if (url.includes('@opentelemetry/sdk')) libraries++"
    const counting = `import { registerHooks } from 'node:module'
      let libraries = 0
      registerHooks({ load: (url, context, next) => { ${count}; return next(url, context) } })`
    const loadedLater = program.replaceAll(/^import (.*) from (.*)$/gm, 'const $1 = await import($2)')
    const telling = loadedLater.replace("{}, 'started'", "{ libraries }, 'started'")
    const loaded = (settings: string) => startProgram(`${counting}\n${telling}`, settings).line('started')
    expect(await loaded('mode: run')).to.have.property('libraries', 0)
    const traced = await loaded('mode: run\ntracing: { endpoint: http://127.0.0.1:9 }')
    expect(traced).to.have.property('libraries').that.is.greaterThan(0)
  })

  it('answers livez at once, readyz when its checks hold, and metrics', async () => {
    const probe = start('mode: run')
    const { management } = await probe.line('starting')
    await probe.line('started')
    const get = (path: string) => fetch(`http://127.0.0.1:${management}${path}`)
    expect((await get('/livez')).status).to.equal(200)
    const unready = await get('/readyz')
    expect([unready.status, await unready.text()]).to.deep.equal([503, 'warm: warming up\n'])
    probe.child.kill('SIGUSR2')
    await probe.line('warm')
    expect((await get('/readyz')).status).to.equal(200)
    expect(await (await get('/metrics')).text()).to.contain('process_resident_memory_bytes{process="probe"}')
    expect((await get('/nothing')).status).to.equal(404)
  })

  it('exits 1 when a stop hangs', async () => {
    const probe = startProgram(program.replace('30_000', '300'), 'mode: hang')
    await probe.line('started')
    probe.child.kill('SIGTERM')
    expect(await probe.exit()).to.equal(1)
    expect(probe.seen.at(-1)?.msg).to.equal('stop timed out')
  })

  it('exits 1 with the reason when it cannot start', async () => {
    const probe = start('mode: break')
    expect(await probe.exit()).to.equal(1)
    expect(JSON.stringify(probe.seen)).to.contain('no database')
  })

  it('prints every fault of the settings and exits 2', async () => {
    const probe = start('mode: sideways\nport: 1\n')
    expect(await probe.exit()).to.equal(2)
    expect(probe.errors()).to.match(/ {2}mode: .*\n/)
    expect(probe.errors()).to.contain('  port: is not a setting; remove it or correct its name\n')
  })

  it('refuses an option that it does not know, with the usage', async () => {
    const probe = start('mode: run', '--sttings', 'x')
    expect(await probe.exit()).to.equal(2)
    expect(probe.errors()).to.contain('--sttings').and.to.contain('Usage: probe')
  })
})
