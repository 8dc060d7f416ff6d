import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { Browser, formOf } from '@nauthera/harness/browser'
import { freePort } from '@nauthera/local/processes/ports'
import { startProcess } from '@nauthera/local/processes/process'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import type { OIDCClient } from '@nauthera/operator/api/oidc-client'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import { parseAllDocuments } from 'yaml'

const root = fileURLToPath(new URL('../../..', import.meta.url))

describe('npm run dev -- --with all', function () {
  this.timeout(300_000)
  let run: RunningProcess
  let forget: () => void
  before(async () => {
    mkdirSync(join(root, '.nauthera'), { recursive: true })
    const state = mkdtempSync(join(root, '.nauthera/test-'))
    forget = reapDirectory(state)
    // PostgreSQL never runs as root: its own account must get there
    chmodSync(state, 0o755)
    const ports = { issuer: await freePort(), sample: await freePort(), api: await freePort(), pods: [] }
    writeFileSync(join(state, 'ports.json'), JSON.stringify(ports))
    run = startProcess({
      name: 'dev',
      script: 'scripts/dev.ts',
      args: ['--state', state, '--with', 'all'],
    })
    await run.line(/Ctrl-C ends everything/, { timeoutMs: 240_000 })
  })
  after(async () => {
    await run?.stop()
    forget?.()
  })

  /** What a line of the first screen says, by the pattern's first group. */
  const told = (pattern: RegExp): string => {
    const found = run.lines.flatMap((line) => pattern.exec(line)?.[1] ?? [])[0]
    if (found === undefined) throw new Error(`no line like ${pattern} in\n${run.lines.join('\n')}`)
    return found
  }
  /** Where a page between two sites leads. */
  const nextIn = (body: string): string => /id="move-on" href="([^"]+)"/.exec(body)![1]!.replaceAll('&amp;', '&')
  const signInPage = async () => {
    const issuer = told(/^ +Issuer +(\S+)$/)
    const browser = new Browser({ issuer, origin: () => issuer })
    return { browser, page: await browser.follow('/account') }
  }

  it('a person of the directory signs in with the password that is printed', async () => {
    const { browser, page } = await signInPage()
    const password = told(/^ +Directory nils, password (\S+), in dev \(LDAP\)$/)
    const signedIn = await browser.submit(page, '/sign-in', { username: 'nils', password })
    expect(new URL(signedIn.url).pathname).to.equal('/account')
    expect(signedIn.body).to.include('nils')
  })

  it('the sign-in page has a button of the other provider: carol signs in there, and comes back', async () => {
    const { browser, page } = await signInPage()
    expect(page.body).to.include('the corporate account')
    const { action, fields } = formOf(page.body, '/sign-in')
    const leaving = await browser.follow(action.replace(/\/sign-in$/, '/upstream/corp'), { form: fields })
    const address = nextIn(leaving.body)
    const other = told(/^ +Upstream +(\S+) with carol, password \S+$/)
    expect(new URL(address)).to.include({ origin: other, pathname: '/authorize' })
    const there = new Browser({ issuer: other, origin: () => other })
    const password = told(/^ +Upstream +\S+ with carol, password (\S+)$/)
    const signedIn = await there.submit(await there.follow(address), '/sign-in', {
      username: 'carol',
      password,
    })
    const { location } = signedIn.location ? signedIn : await there.submit(signedIn, '/consent', { decision: 'allow' })
    const between = await browser.follow(location!)
    const back = await browser.follow(nextIn(between.body))
    expect(new URL(back.url).pathname).to.equal('/account')
    expect(back.body).to.include('Carol Shaw')
  })

  it('its first screen lists what to try of each part, and the pages are there', async () => {
    const issuer = told(/^ +Issuer +(\S+)$/)
    for (const part of ['desk', 'registration', 'branding', 'ldap', 'upstream', 'mail']) {
      const says = told(new RegExp(`^  ${part} +(.*)$`))
      const [address] = /http:\/\/\S*[^\s;,:]/.exec(says)!
      const answer = await fetch(address)
      expect(answer.status, says).to.be.oneOf([200, 401, 403])
      expect(await answer.text(), says).to.include('Example Corp')
      expect(address.startsWith(issuer)).to.equal(true)
    }
  })

  it('mary uses the help desk with the code that the printed command prints', async () => {
    const issuer = told(/^ +Issuer +(\S+)$/)
    const password = told(/^ +mary, password (\S+), authenticator/)
    const command = told(/; (npm run -s dev -- --state \S+ --code) prints the code$/)
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: root })
    const browser = new Browser({ issuer, origin: () => issuer })
    const asked = await browser.submit(await browser.follow('/admin'), '/sign-in', { username: 'mary', password })
    const desk = await browser.submit(asked, '/second-factor', { code: stdout.trim() })
    expect(new URL(desk.url).pathname).to.match(/^\/admin/)
  })

  it('a forgotten password brings a mail into the inbox', async () => {
    const issuer = told(/^ +Issuer +(\S+)$/)
    const browser = new Browser({ issuer, origin: () => issuer })
    await browser.submit(await browser.follow('/forgot'), '/forgot', { login: 'ada' })
    const inbox = told(/^ +Inbox +(\S+) \(the mails that people get\)$/)
    const deadline = AbortSignal.timeout(30_000)
    const hasMail = async () => (await (await fetch(inbox, { signal: deadline })).text()).includes('ada@example.com')
    while (!(await hasMail())) await setTimeout(50)
  })

  it('every client of the examples is Ready, and the printed commands work', async () => {
    const kubeconfig = readFileSync(join(root, told(/kubectl --kubeconfig (\S+) get oidcclients -A$/)), 'utf8')
    const { body } = await createKubeClient(kubeconfig).call('GET', '/apis/auth.nauthera.io/v1alpha1/oidcclients')
    const clients = (body as unknown as { items: OIDCClient[] }).items
    const unready = clients.filter(
      ({ status }) => status?.conditions?.find(({ type }) => type === 'Ready')?.status !== 'True',
    )
    expect(unready.map(({ metadata, status }) => [metadata.name, status?.conditions])).to.deep.equal([])
    expect(clients.map(({ metadata }) => metadata.name)).to.include('order-api')
    const list = told(/^ +(npm run nauthera -- .*users list) /)
    const { stdout } = await promisify(execFile)('sh', ['-c', list.replace('npm run', 'npm run -s')], { cwd: root })
    expect(stdout).to.include('Ada Lovelace').and.include('Mary Somerville')
    const doctor = list.replace('npm run', 'npm run -s').replace('users list', 'doctor')
    const found = await promisify(execFile)('sh', ['-c', doctor], { cwd: root })
    expect(found.stdout).to.not.match(/ (warning|fault) /)
    const kubernetes = clients.find(({ metadata }) => metadata.name === 'kubernetes')!
    const secret = kubernetes.status?.conditions?.find(({ type }) => type === 'SecretReady')
    expect(secret?.message).to.contain('takes no issuer by http')
    // the page of the sample application says how its secret is rotated here
    const page = await (await fetch(told(/^ +Sample +(\S+) /))).text()
    expect(page).to.include(told(/^ +(npm run dev -- --state \S+ --rotate demo-web) /))
  })

  it('an MCP server and its client on this machine work as examples/mcp says', async () => {
    const issuer = told(/^ +Issuer +(\S+)$/)
    const api = createKubeClient(
      readFileSync(join(root, told(/kubectl --kubeconfig (\S+) get oidcclients -A$/)), 'utf8'),
    )
    const port = String(await freePort())
    const text = readFileSync(join(root, 'examples/mcp/local.yaml'), 'utf8').replaceAll(
      'localhost:8090',
      `localhost:${port}`,
    )
    for (const object of parseAllDocuments(text).map((each) => each.toJS() as OIDCClient)) {
      const { status, body } = await api.call('POST', '/apis/auth.nauthera.io/v1alpha1/namespaces/demo/oidcclients', {
        body: object as never,
      })
      expect(status, body.message).to.equal(201)
    }
    const secretOf = async () => {
      const { body } = await api.call('GET', '/api/v1/namespaces/demo/secrets/local-tools-oidc')
      return (body as { data?: Record<string, string> }).data?.['client_secret']
    }
    const isReady = async (name: string) => {
      const { body } = await api.call('GET', `/apis/auth.nauthera.io/v1alpha1/namespaces/demo/oidcclients/${name}`)
      const { status } = body as unknown as OIDCClient
      return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true
    }
    while (!(await isReady('local-tools')) || !(await isReady('local-agent'))) await setTimeout(50)
    const mcp = `http://localhost:${port}/mcp`
    const server = startProcess({
      name: 'mcp',
      script: 'examples/mcp/server.mjs',
      env: {
        PORT: port,
        RESOURCE: mcp,
        ISSUER: issuer,
        CLIENT_ID: 'demo.local-tools',
        CLIENT_SECRET: Buffer.from((await secretOf())!, 'base64').toString(),
      },
    })
    await server.line(/^MCP server: /)
    const env = { MCP_URL: mcp, CLIENT_ID: 'demo.local-agent' }
    const client = startProcess({ name: 'agent', script: 'examples/mcp/client.mjs', env })
    try {
      const url = /sign in: (\S+)/.exec(await client.line(/sign in: /))![1]!
      const password = told(/^ +Person +ada, password (\S+)$/)
      const browser = new Browser({ issuer, origin: () => issuer })
      const asked = await browser.submit(await browser.follow(url), '/sign-in', { username: 'ada', password })
      expect(asked.body).to.include('Use the tools').and.include('Agent on this machine')
      await fetch((await browser.submit(asked, '/consent', { decision: 'allow' })).location!)
      await client.line(/^You are \S+, by demo\.local-agent\.$/)
    } finally {
      await client.stop()
      await server.stop()
    }
  })

  it('the inbox answers', async () => {
    const answer = await fetch(told(/^ +Inbox +(\S+) \(the mails that people get\)$/))
    expect(answer.status).to.equal(200)
    expect(await answer.text()).to.include('<h1>Inbox</h1>')
  })
})
