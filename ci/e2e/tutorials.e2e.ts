import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { expect } from 'chai'
import type { Browser } from 'playwright-core'
import { reapDirectory, reapPid } from '@nauthera/local/processes/reaper'
import { findChromium } from '@nauthera/local/programs/chromium'
import { findTool } from '@nauthera/local/programs/tools'
import { lineLike } from '../test/support/page-blocks.ts'
import { openWatchedBrowser } from './support/failure.ts'
import { kubectl, root, tryKubectl, until } from './support/kubernetes.ts'

// The tutorials that need a cluster: their own commands, in their own order, as a reader has them. What a reader has and
// this run has not: a registry for postgres:18 (an image of the same name is on the node), and /etc/hosts, which is a copy here.

const textOf = (tutorial: string) => readFileSync(join(root, `docs/tutorials/${tutorial}.md`), 'utf8')
/** One for each step from 2 on; the last step has two. */
const blocks = [...textOf('a-cluster-in-five-minutes').matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1]!)

/** They go on from step 5. */
const tutorials = ['an-api-of-another-team', 'a-pod-without-a-secret', 'a-policy-that-catches-a-mistake']

/** @returns each command of a tutorial, and what it prints: the block without a language that follows */
function stepsOf(tutorial: string) {
  const text = textOf(tutorial)
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$(?:(?:(?!^```)[\s\S])*?^```\n([\s\S]*?)^```$)?/gm)].map(
    ([whole, command, printed = '']) => ({
      title: text
        .slice(0, text.indexOf(whole))
        .match(/^## .+$/gm)!
        .at(-1)!
        .slice(3),
      command: command!,
      printed: printed.split('\n').filter((line) => line !== ''),
    }),
  )
}

describe('A cluster in five minutes, and the tutorials that go on from it', function () {
  this.timeout(420_000)
  let home: string
  let browser: Browser | undefined
  const endings: (() => void)[] = []

  before(async function () {
    if (process.env['NAUTHERA_E2E_CLUSTER'] === 'existing') {
      process.stderr.write(
        'the tutorials use namespaces of their own: they are not tested on a cluster that is there\n',
      )
      this.skip()
    }
    home = mkdtempSync(join(root, '.nauthera/tutorial-'))
    reapDirectory(home)
    mkdirSync(join(home, 'bin'))
    symlinkSync(await findTool('kubectl'), join(home, 'bin/kubectl'))
    symlinkSync(await findTool('helm4'), join(home, 'bin/helm'))
    writeFileSync(join(home, 'bin/sudo'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 })
    copyFileSync('/etc/hosts', join(home, 'hosts'))
  })
  after(async () => {
    await endPrograms()
    await tryKubectl('delete', 'namespace', 'auth', 'demo', '--ignore-not-found', '--wait=false')
  })

  /** Those in the background, as the tutorial says, and the browser. A server that is told to end waits for the connections of both. */
  const endPrograms = async () => {
    await browser?.close()
    for (const end of endings.splice(0)) end()
  }

  /** Runs a block to its end; what it started in the background goes on.
   *  @returns what it printed
   *  @throws Error when one of its commands fails */
  const run = async (block: string): Promise<string> => {
    const script = `mount --bind ${join(home, 'hosts')} /etc/hosts && exec bash -euo pipefail -c "$BLOCK"`
    const child = spawn('unshare', ['--mount', 'sh', '-c', script], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: {
        ...process.env,
        BLOCK: block,
        HOME: home,
        PATH: [join(home, 'bin'), join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
      },
    })
    const { pid } = child
    endings.push(reapPid(pid!, 'TERM'), () => endGroup(pid!))
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
    // not `close`: programs in the background keep the pipes open
    const code = await new Promise<number | null>((resolve, reject) =>
      child.once('error', reject).once('exit', resolve),
    )
    if (code !== 0) throw new Error(`ended with ${code}:\n${block}\n${output}`)
    return output
  }
  const [install, client, person, rotate, uninstall, remove] = blocks as [
    string,
    string,
    string,
    string,
    string,
    string,
  ]

  it('has these steps', () => {
    expect(blocks).to.have.length(6)
    const begins = blocks.map((block) => block.split(' ').slice(0, 2).join(' '))
    expect(begins).to.deep.equal([
      'kubectl create',
      'kubectl create',
      'kubectl -n',
      'kubectl -n',
      'helm uninstall',
      'kubectl delete',
    ])
  })

  it('2 installs PostgreSQL and Nauthera', async () => {
    const said = await run(install)
    expect(said).to.include('STATUS: deployed').and.to.include('https://nauthera-server.auth.svc:8443')
    expect(said).to.match(/^issuer +ok .*\/https\/tls\.crt does/m)
  })

  it('3 a pod that mounts the Secret of its client gets a token', async () => {
    expect(await run(client)).to.match(/token 1 for demo\.report, good for \d+ s; failures 0/)
  })

  it('4 a person signs in to the sample application in a browser', async function () {
    if (findChromium() === undefined) {
      process.stderr.write('no Chromium in the PATH: signing in as the tutorial says is not tested\n')
      this.skip()
    }
    const said = await run(person)
    const password = /^ada .* (\S+)$/m.exec(said)?.[1]
    expect(password, said).to.be.a('string')
    browser = await openWatchedBrowser({
      args: ['--ignore-certificate-errors', '--host-resolver-rules=MAP nauthera-server.auth.svc 127.0.0.1'],
    })
    const page = await browser.newPage()
    page.setDefaultTimeout(30_000)
    await until('the sample application', () =>
      page.goto('http://localhost:3000/').then(
        () => true,
        () => false,
      ),
    )
    await page.getByRole('link', { name: 'Sign in' }).click()
    expect(page.url()).to.match(/^https:\/\/nauthera-server\.auth\.svc:8443\//)
    await page.locator('#username').fill('ada')
    await page.locator('#password').fill(password!)
    await page.locator('#sign-in').click()
    await page.locator('#consent-allow').click()
    await page.locator('#name').waitFor()
    expect(await page.locator('#name').textContent()).to.equal('Ada')
    expect(await page.locator('#failures').textContent()).to.equal('0')
    await endPrograms()
  })

  it('5 the pod goes on through a rotation without a restart', async () => {
    const before = (
      await kubectl('-n', 'demo', 'get', 'secret', 'report-oidc', '-o', 'jsonpath={.data.client_secret}')
    ).trim()
    expect(await run(rotate)).to.match(/^report .*2\/2/m)
    const secret = () => kubectl('-n', 'demo', 'get', 'secret', 'report-oidc', '-o', 'jsonpath={.data.client_secret}')
    await until('another secret', async () => (await secret()) !== before, 60_000)
    const logs = await kubectl('-n', 'demo', 'logs', 'report')
    expect(logs)
      .to.not.include('failure ')
      .and.to.not.match(/failures [1-9]/)
    const pod = JSON.parse(await kubectl('-n', 'demo', 'get', 'pod', 'report', '-o', 'json')) as {
      status: { containerStatuses: { restartCount: number }[] }
    }
    expect(pod.status.containerStatuses[0]!.restartCount).to.equal(0)
  })

  for (const name of tutorials)
    for (const [step, { title, command, printed }] of stepsOf(name).entries())
      it(`${name}, block ${step + 1}: ${title}`, async () => {
        const said = await run(command)
        for (const line of printed) expect(said).to.match(lineLike(line))
      })

  it('6 an uninstall leaves what the tutorial says, and the last commands leave nothing', async () => {
    const left = (await run(uninstall)).split('\n').filter((line) => /^(secret|lease)/.test(line))
    const shards = Array.from({ length: 16 }, (_, shard) => `nauthera-clients-${String(shard).padStart(2, '0')}`)
    const kept = [
      'nauthera-keys',
      'nauthera-link',
      'nauthera-clients-manifest',
      'nauthera-clients-issuers',
      'nauthera-clients-proof',
      ...shards,
    ].map((name) => `secret/${name}`)
    const brought = ['secret/postgresql', 'secret/server-tls']
    expect(left.sort()).to.deep.equal(['lease.coordination.k8s.io/nauthera-operator', ...kept, ...brought].sort())
    expect(await kubectl('-n', 'demo', 'get', 'oidcclients,secrets', '-o', 'name'))
      .to.include('report')
      .and.to.include('secret/report-oidc')
    await run(remove)
    const { stdout } = await tryKubectl(
      'get',
      'crd,namespace,clusterrole,clusterrolebinding,validatingadmissionpolicy',
      '-o',
      'name',
    )
    expect(stdout.split('\n').filter((line) => /nauthera|namespace\/(auth|demo)$/.test(line))).to.deep.equal([])
  })
})

/** Ends what a block has left running. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGTERM')
  } catch {
    // nothing of it runs any more
  }
}
