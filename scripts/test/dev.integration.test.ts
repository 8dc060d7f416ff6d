import { execFile, spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { Browser } from '@nauthera/harness/browser'
import { allowDevice } from '@nauthera/harness/device'
import { codeAt } from '@nauthera/server/users/factors/totp'
import { freePort } from '@nauthera/local/processes/ports'
import { startProcess } from '@nauthera/local/processes/process'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { readOutput } from '@nauthera/local/processes/read-output'
import type { RunResult } from '@nauthera/local/processes/read-output'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'

const root = fileURLToPath(new URL('../..', import.meta.url))

const dev = (...args: string[]): Promise<RunResult> =>
  readOutput(spawn(process.execPath, ['scripts/dev.ts', ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] }))

describe('npm run dev', function () {
  it('--once --json prints one line with issuer, revision, replicas and verified claims, and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await dev('--once', '--json', '--replicas', '2')
    expect(code, stderr).to.equal(0)
    const lines = stdout.split('\n').filter(Boolean)
    expect(lines).to.have.length(1)
    const report = JSON.parse(lines[0]!) as {
      issuer: string
      revision: string
      replicas: number
      claims: Record<string, unknown>
    }
    expect(report.issuer).to.match(/^http:\/\/localhost:\d+$/)
    expect(report.revision).to.match(/^[0-9a-f]{8}$/)
    expect(report.replicas).to.equal(2)
    expect(report.claims).to.include({ iss: report.issuer, client_id: 'demo.demo-machine' })
    expect(readdirSync(`${root}.nauthera`).filter((name) => name.startsWith('once-'))).to.deep.equal([])
  })

  it('--help prints its options, and an unknown option is refused with code 2', async () => {
    expect((await dev('--help')).stdout).to.include('--replicas N')
    const { code, stdout, stderr } = await dev('--once', '--replica', '3')
    expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' })
    expect(stderr).to.include("Unknown option '--replica'").and.include('--replicas N')
  })

  it('tells a folder for --state that the account of PostgreSQL may not enter, before anything starts', async function () {
    // whoever is not root is that account
    if (process.getuid?.() !== 0) this.skip()
    const closed = temporaryDirectory('closed')
    const { code, stdout } = await dev('--state', join(closed, 'state'))
    expect(stdout).to.include(`PostgreSQL never runs as root, and its account may not enter ${join(closed, 'state')}`)
    expect(code).to.equal(1)
  })
})

/** @returns undefined when the file or folder is gone */
function orGone<Found>(look: () => Found): Found | undefined {
  try {
    return look()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

describe('npm run dev that goes on', function () {
  this.timeout(300_000)
  let state: string
  let run: RunningProcess | undefined
  let first: string[]

  before(async () => {
    mkdirSync(join(root, '.nauthera'), { recursive: true })
    state = mkdtempSync(join(root, '.nauthera/test-'))
    // PostgreSQL never runs as root: its own account must get there
    chmodSync(state, 0o755)
    reapDirectory(state)
    // as an earlier run would have left it, so that runs beside this one meet no usual port
    const ports = { issuer: await freePort(), sample: await freePort(), api: await freePort(), pods: [] }
    writeFileSync(join(state, 'ports.json'), JSON.stringify(ports))
    first = await start()
  })
  after(() => stop())

  /** @returns what the first screen said */
  const start = async (): Promise<string[]> => {
    await stop()
    run = startProcess({ name: 'dev', script: 'scripts/dev.ts', args: ['--state', state, '--replicas', '2'] })
    const last = await run.line(/Ctrl-C ends everything/, { timeoutMs: 180_000 })
    // what happens then is told below it
    return run.lines.slice(0, run.lines.indexOf(last) + 1)
  }
  const stop = async (): Promise<void> => {
    await run?.stop()
    run = undefined
  }
  const valueOf = (screen: readonly string[], what: string): string =>
    screen
      .find((line) => line.trim().startsWith(what))!
      .trim()
      .slice(what.length)
      .trim()
  const addresses = (screen: readonly string[]) => screen.flatMap((line) => line.match(/http:\/\/[\w.]+:\d+/g) ?? [])
  const rotate = async (client: string) => {
    const { code, stdout, stderr } = await dev('--state', state, '--rotate', client, '--json')
    expect(code, stderr).to.equal(0)
    return JSON.parse(stdout) as { from: string; to: string; failures: number; revoked?: string }
  }

  it('has a quiet first screen: a line a step, then issuer, person, a token and what to try', async () => {
    // a slow machine says more often that it is still at work, a busy one which ports others have
    const lines = first.filter((line) => !/: \d+\.\d s \.\.\.$|^port \d+ is in use;/.test(line))
    expect(lines.length, first.join('\n')).to.be.lessThan(33)
    expect(first.filter((line) => /^(operator|agent|server|keys job|migrate) .*(INF|WRN)/.test(line))).to.deep.equal([])
    const told = [
      'Issuer',
      'Person',
      'Logs',
      'curl',
      `npm run dev -- --state ${relative(root, state)} --rotate demo-web`,
      `npm run nauthera -- --settings ${relative(root, state)}/`,
    ]
    const places = told.map((what) => first.findIndex((line) => line.trim().startsWith(what)))
    expect(places)
      .to.deep.equal([...places].sort((a, b) => a - b))
      .and.to.not.include(-1)
    // as a person types it
    const curl = first.find((line) => line.includes('curl -su'))!
    const { stdout } = await promisify(execFile)('sh', ['-c', curl], { cwd: root })
    expect(JSON.parse(stdout)).to.include({ token_type: 'Bearer' })
  })

  it('its television signs in with the commands in examples/clients/device.yaml, as a person types them', async function () {
    if (spawnSync('curl', ['--version']).status !== 0) this.skip()
    const typed = readFileSync(join(root, 'examples/clients/device.yaml'), 'utf8')
      .split('\n')
      .flatMap((line) => /^# {3}(?! *#)(.+)$/.exec(line)?.[1] ?? [])
      .join('\n')
    const [ask, redeem] = [...typed.matchAll(/^curl .*(?:\n {2}.*)*/gm)].map(([command]) => command)
    expect(typed.split('\n')[0]).to.equal('issuer=https://login.example.com')
    const issuer = valueOf(first, 'Issuer')
    const run = async (command: string): Promise<Record<string, string>> => {
      const { stdout } = await promisify(execFile)('sh', ['-c', `issuer=${issuer}\n${command}`])
      return JSON.parse(stdout) as Record<string, string>
    }
    const asked = await run(ask!)
    expect(asked).to.include({ verification_uri: `${issuer}/device`, interval: 5 })
    expect(redeem).to.include('device_code=nr_...')
    const again = () => run(redeem!.replace('nr_...', asked['device_code']!))
    expect(await again()).to.include({ error: 'authorization_pending' })
    const password = / password (\S+)$/.exec(valueOf(first, 'Person'))![1]!
    const browser = new Browser({ issuer, origin: () => issuer })
    const page = await allowDevice(browser, asked['user_code']!, { username: 'ada', password })
    expect(page.body).to.include('Your device is signed in').and.to.include('Television')
    expect(await again())
      .to.include({ token_type: 'Bearer' })
      .and.to.include.keys('access_token', 'id_token', 'refresh_token')
  })

  it('has a person with an authenticator app, whose code a command prints', async () => {
    const [, password, seed] = /mary, password (\S+), authenticator secret ([A-Z2-7]+)$/.exec(
      first.find((line) => line.includes('mary, password'))!.trim(),
    )!
    const before = codeAt(seed!, Date.now())
    const { code, stdout, stderr } = await dev('--state', state, '--code')
    expect([code, /^for \d+ s more\n$/.test(stderr)]).to.deep.equal([0, true])
    expect([before, codeAt(seed!, Date.now())]).to.include(stdout.trim())
    const issuer = valueOf(first, 'Issuer')
    const browser = new Browser({ issuer, origin: () => issuer })
    const asked = await browser.submit(await browser.follow('/account'), '/sign-in', {
      username: 'mary',
      password: password!,
    })
    const signedIn = await browser.submit(asked, '/second-factor', { code: stdout.trim() })
    expect(new URL(signedIn.url).pathname).to.equal('/account')
  })

  it('shows a rotation on its way afterwards, and keeps all other lines in files', async () => {
    const { to } = await rotate('demo-web')
    await run!.line(new RegExp(`^agent-0 +INF diff .*demo/demo-web.*${to}`))
    await run!.line(new RegExp(`^operator +INF secret published client=demo/demo-web secret=${to}`))
    const after = run!.lines.slice(first.length).filter((line) => line !== '')
    expect(
      after.filter((line) => !/^(agent-[01] +INF (snapshot|push|diff|live)|operator +INF secret) /.test(line)),
    ).to.deep.equal([])
    const logs = readdirSync(join(state, 'logs'))
    expect(logs).to.include.members(['operator.log', 'agent-0.log', 'agent-1.log', 'server-0.log', 'server-1.log'])
    expect(readFileSync(join(state, 'logs/server-0.log'), 'utf8')).to.match(/^\d\d:\d\d:\d\d\.\d{3} INF /m)
  })

  it('leaves no secret and no private key readable for other accounts of the machine', async () => {
    // the volumes of the pods are swapped meanwhile: what is gone again holds nothing
    const filesBelow = (folder: string): string[] =>
      (orGone(() => readdirSync(folder, { withFileTypes: true })) ?? []).flatMap((entry) =>
        entry.isDirectory() ? filesBelow(join(folder, entry.name)) : entry.isFile() ? [join(folder, entry.name)] : [],
      )
    const open = filesBelow(state)
      .filter((file) => !file.startsWith(join(state, 'postgres')))
      .filter((file) => ((orGone(() => statSync(file))?.mode ?? 0) & 0o077) !== 0)
      .map((file) => file.slice(file.lastIndexOf('/') + 1))
    // certificates of the link between agent and server, and what names no secret
    expect(
      [...new Set(open)].filter((name) => !/^(ca\.crt|server\.crt|ports\.json|running\.json)$/.test(name)),
    ).to.deep.equal([])
  })

  it('rotates again after a restart, though the secret before is still valid, on the ports of the first time', async () => {
    const again = await start()
    expect(addresses(again)).to.deep.equal(addresses(first))
    expect(valueOf(again, 'Person')).to.equal(valueOf(first, 'Person'))
    const report = await rotate('demo-web')
    expect(report).to.include({ failures: 0 })
    expect(report.revoked, 'the secret that the rotation before had left').to.match(/^[0-9a-f]{8}$/)
    const machine = await rotate('demo-machine')
    expect(machine).to.include({ failures: 0 })
  })
})
