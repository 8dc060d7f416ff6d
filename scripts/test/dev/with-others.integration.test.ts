import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { Browser, formOf } from '@nauthera/harness/browser'
import { freePort } from '@nauthera/local/processes/ports'
import { startProcess } from '@nauthera/local/processes/process'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { reapDirectory } from '@nauthera/local/processes/reaper'

const root = fileURLToPath(new URL('../../..', import.meta.url))

describe('npm run dev -- --with ldap,upstream', function () {
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
      args: ['--state', state, '--with', 'ldap,upstream'],
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

  it('the sign-in page has a button of the other provider, which leads there', async () => {
    const { browser, page } = await signInPage()
    expect(page.body).to.include('the corporate account')
    const { action, fields } = formOf(page.body, '/sign-in')
    const leaving = await browser.follow(action.replace(/\/sign-in$/, '/upstream/corp'), { form: fields })
    const [, address] = /id="move-on" href="([^"]+)"/.exec(leaving.body)!
    const { origin, pathname } = new URL(address!)
    expect([origin, pathname]).to.deep.equal([told(/^ +Upstream +(\S+) with carol, password \S+$/), '/authorize'])
  })

  it('the inbox answers', async () => {
    const answer = await fetch(told(/^ +Inbox +(\S+) \(the mails that people get\)$/))
    expect(answer.status).to.equal(200)
    expect(await answer.text()).to.include('<h1>Inbox</h1>')
  })
})
