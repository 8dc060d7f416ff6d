import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { Browser } from '@nauthera/harness/browser'
import { freePort } from '@nauthera/local/processes/ports'
import { startProcess } from '@nauthera/local/processes/process'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import {
  allPages,
  blocksOf,
  directoryPage,
  guidePages,
  readByOthers,
  shellsOf,
  transcriptsOf,
} from './support/page-blocks.ts'
import type { PageBlock } from './support/page-blocks.ts'
import { makePrograms, runBlocks, runPage } from './support/run-blocks.ts'
import { render } from '../../charts/test/support/render.ts'
import { parse } from 'yaml'

// Each command of every page, as a person copies it from the page, beside `npm run dev -- --with all`; but for those that say above them why
// they are not run. Each file of values is rendered by Helm.

const root = fileURLToPath(new URL('../..', import.meta.url))
const textOf = (page: string) => readFileSync(join(root, page), 'utf8')

const nightPages = allPages.filter((page) => readByOthers[page] === undefined && shellsOf(page).length > 0)

describe('the commands of the pages, beside npm run dev', function () {
  this.timeout(300_000)
  let dev: Dev | undefined

  before(async () => (dev = await startDev(['--with', 'all'])))
  after(() => dev?.stop())

  for (const page of nightPages) {
    it(`${page}: each works, in the order of the page`, async function () {
      const missing = ['jq', 'curl', 'openssl'].filter((program) => spawnSync(program, ['--version']).error)
      const wanted = missing.find((program) =>
        shellsOf(page).some(({ text }) => new RegExp(`\\b${program} `).test(text)),
      )
      if (wanted !== undefined) {
        process.stderr.write(`no ${wanted} in the PATH: the commands of ${page} are not run\n`)
        this.skip()
      }
      await checkPage(dev!, page)
    })
  }
})

describe(directoryPage, function () {
  this.timeout(300_000)
  let dev: Dev | undefined

  before(async function () {
    // as step 3 of the page says
    const [setting, parts] = /^(NAUTHERA_\w+=\w+) npm run dev -- --with ([\w,]+)$/m
      .exec(textOf(directoryPage))!
      .slice(1)
    const [name, value] = setting!.split('=')
    dev = await startDev(['--with', parts!], { [name!]: value! })
  })
  after(() => dev?.stop())

  const signIn = async (username: string) => {
    const password = new RegExp(`Directory ${username}, password (\\S+),`).exec(dev!.screen)![1]!
    const { issuer } = dev!
    const browser = new Browser({ issuer, origin: () => issuer })
    return browser.submit(await browser.follow('/account'), '/sign-in', { username, password })
  }

  it('lets nils in with the password alone', async () => {
    expect(new URL((await signIn('nils')).url).pathname).to.equal('/account')
  })

  it('asks grace, of the group admins, to set up a second factor', async () => {
    expect((await signIn('grace')).body).to.include('Set up a second step')
  })

  it('has commands that work, in the order of the page', () => checkPage(dev!, directoryPage))
})

describe('README.md', function () {
  this.timeout(300_000)
  let dev: Dev | undefined

  before(async () => {
    const [args] = /(?<=^\$ npm run dev -- )--replicas .+$/m.exec(textOf('README.md'))!
    dev = await startDev(args.split(' '))
  })
  after(() => dev?.stop())

  it('shows the first screen as it is', () => {
    const [screen] = transcriptsOf(blocksOf('README.md'))
    for (const line of screen!.printed) expect(dev!.screen).to.match(line)
  })

  it('shows a client, a rotation, and why a sign-in fails, as they are', async () => {
    const { state, programs, issuer } = dev!
    const client = blocksOf('README.md').find(({ language }) => language === 'yaml')!
    const where = placeIn(dev!)
    writeFileSync(join(where.directory, 'grafana.yaml'), client.text)
    // `npm run dev` of the page has the usual folder
    const npm = `#!/bin/sh\nshift 3\ncd '${root}' && exec '${process.execPath}' scripts/dev.ts --state '${state}' "$@"\n`
    writeFileSync(join(programs, 'npm'), npm, { mode: 0o755 })
    const isWhy = ({ text }: PageBlock) => text.includes('nauthera why')
    const shells = shellsOf('README.md')
    await runBlocks(
      shells.filter((block) => !isWhy(block)),
      where,
    )
    // as the program of the page asks
    const asked = { client_id: 'demo.grafana', response_type: 'code', scope: 'openid' }
    const address = /the request has +(\S+)/.exec(textOf('README.md'))![1]!
    await fetch(`${issuer}/authorize?${new URLSearchParams({ ...asked, redirect_uri: address }).toString()}`)
    const seen = `{.status.refusals[0].code}=REDIRECT_URI_NOT_LISTED`
    const waits = ['-n', 'demo', 'wait', 'oidcclient/grafana', `--for=jsonpath=${seen}`, '--timeout=60s']
    await promisify(execFile)(join(programs, 'kubectl'), waits, {
      env: { ...process.env, HOME: where.directory, KUBECONFIG: where.kubeconfig },
    })
    // it ends with 1, because something is wrong
    const [why] = shells.filter(isWhy)
    await runBlocks([{ ...why!, text: why!.text.replace(/^\$ .+$/m, '$& || true') }], placeIn(dev!))
  })
})

interface Dev {
  readonly state: string
  /** What it printed until it was ready. */
  readonly screen: string
  readonly programs: string
  readonly issuer: string
  stop(): Promise<unknown>
}

/** @param env settings of the servers */
async function startDev(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Dev> {
  mkdirSync(join(root, '.nauthera'), { recursive: true })
  const state = mkdtempSync(join(root, '.nauthera/guides-'))
  // PostgreSQL never runs as root: its own account must get there
  chmodSync(state, 0o755)
  reapDirectory(state)
  const ports = { issuer: await freePort(), sample: await freePort(), api: await freePort(), pods: [] }
  writeFileSync(join(state, 'ports.json'), JSON.stringify(ports))
  const dev = startProcess({ name: 'dev', script: 'scripts/dev.ts', args: ['--state', state, ...args], env })
  await dev.line(/Ctrl-C ends everything/, { timeoutMs: 240_000 })
  const { settings } = JSON.parse(readFileSync(join(state, 'running.json'), 'utf8')) as { settings: string }
  const programs = await makePrograms(join(state, 'bin'), settings)
  const screen = dev.lines.join('\n')
  const issuer = /^ *Issuer +(\S+)$/m.exec(screen)![1]!
  return { state, screen, programs, issuer, stop: () => dev.stop() }
}

/** Runs the commands of a page, and compares what they print with what the page says. */
const checkPage = (dev: Dev, page: string): Promise<void> => runPage(page, placeIn(dev))

/** @returns a folder of its own for the commands of a page */
function placeIn({ state, programs }: Dev) {
  const directory = mkdtempSync(join(state, 'page-'))
  // what a reader has of `npm run dev`, where they have it
  mkdirSync(join(directory, '.nauthera'))
  symlinkSync(state, join(directory, '.nauthera/dev'))
  symlinkSync(join(state, 'kubeconfig'), join(directory, '.nauthera/kubeconfig'))
  return { directory, kubeconfig: join(state, 'kubeconfig'), programs }
}

describe('the values of the guides', () => {
  for (const { page, line, text } of guidePages.flatMap(blocksOf).filter(isValues)) {
    it(`${page}:${line} render`, async () => {
      expect(await render({ helm: 'helm4', values: parse(text) as object })).to.include('kind: Deployment')
    })
  }
})

function isValues({ language, text }: PageBlock): boolean {
  return language === 'yaml' && text.startsWith('# values of the chart')
}
