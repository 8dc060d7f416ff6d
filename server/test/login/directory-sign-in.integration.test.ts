// People of a directory, over HTTP, on two replicas: from the page to the token, and while the directory is away.
import { startValkey } from '@nauthera/local/programs/valkey'
import type { Valkey } from '@nauthera/local/programs/valkey'
import { expect } from 'chai'
import { quietLog as quiet } from '@nauthera/harness/kept-log'
import { Browser, authorizationUrl, password, pkce } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchCode, fetchTokens, redeem, refresh, request, tokensOf } from '@nauthera/harness/flows'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { statement } from '../../src/store/driver/database.ts'
import { retryUntilDone } from '../../src/retry-until-done.ts'
import { newName, sourceOf, startTestDirectory } from '../users/ldap/test-directory.ts'
import type { TestDirectory } from '../users/ldap/test-directory.ts'
import { CodedError } from '@nauthera/runtime/coded-error'

const scope = 'openid email profile groups offline_access'

describe('people of a directory', () => {
  let directory: TestDirectory
  let valkey: Valkey
  const running: ServerReplicas[] = []
  before(async () => {
    directory = await startTestDirectory({ passwordPolicy: true })
    valkey = await startValkey()
  })
  after(async () => {
    for (const replicas of running) await replicas.stop()
    await valkey.stop()
    await directory.stop()
  })

  async function start(over: Readonly<Record<string, unknown>> = {}, cache?: { url: string; timeout: string }) {
    const sources = [
      { id: 'postgres', type: 'postgres' },
      { ...sourceOf(directory), ...over },
    ]
    const replicas = await startReplicas({ count: 2, settings: { sources }, ...(cache ? { cache } : {}) })
    running.push(replicas)
    await replicas.serve([entry('app.web', configs.web)])
    return replicas
  }
  const addThere = async (groups: readonly string[] = ['dev', 'ops']) => {
    const username = newName()
    const key = await directory.add({ username, email: `${username}@example.test`, password, groups })
    return { username, key }
  }
  const signInPage = async (replicas: ServerReplicas) => {
    const browser = new Browser(replicas)
    return { browser, page: await browser.follow(authorizationUrl(replicas.issuer, request(pkce()))) }
  }
  const tryAt = async (replicas: ServerReplicas, username: string, secret: string) => {
    const { browser, page } = await signInPage(replicas)
    return browser.submit(page, '/sign-in', { username, password: secret })
  }
  const notYet = (message: string) => new CodedError('STORE_UNAVAILABLE', { message })
  /** Repeats what was told to come again (503): on a busy machine a directory that is there answers too late for some, and an attempt
   *  without an answer counts as none. @throws the last failure, after 30 s */
  async function patiently<T>(work: () => Promise<T>): Promise<T> {
    let done: { result: T } | undefined
    let last: unknown
    await retryUntilDone({ signal: AbortSignal.timeout(30_000), log: quiet, everyMs: 200 }, async () => {
      try {
        done = { result: await work() }
      } catch (error) {
        last = error
        throw error instanceof Error && /^(stopped at )?503 /.test(error.message) ? notYet(error.message) : error
      }
    })
    if (done === undefined) throw last
    return done.result
  }
  const answered = (replicas: ServerReplicas, username: string, secret: string) =>
    patiently(async () => {
      const answer = await tryAt(replicas, username, secret)
      if (answer.status === 503) throw notYet(answer.body)
      return answer
    })
  const tokensFor = (replicas: ServerReplicas, options: Parameters<typeof fetchTokens>[1]) =>
    patiently(() => fetchTokens(replicas, options))

  it('L34 an entry with values that no record can have is refused with words, or without them', async () => {
    const replicas = await start({ attributes: { key: 'description', username: 'uid' } })
    const { username, key } = await addThere()
    for (const value of ['x'.repeat(6000), 'a\u200bb']) {
      await directory.set(key, 'description', value)
      const refused = await answered(replicas, username, password)
      expect(refused.status).to.equal(200)
      expect(refused.body).to.contain('is wrong')
    }
    await directory.set(key, 'description', 'a-key')
    for (const attribute of ['mail', 'cn', 'givenName', 'preferredLanguage'])
      await directory.set(key, attribute, `${'x'.repeat(6000)}@example.test`)
    const code = await fetchCode(replicas, { username, parameters: { scope } })
    const claims = claimsOfJwt(tokensOf(await redeem(replicas, code)).id)
    expect(claims).not.to.have.any.keys('email', 'given_name', 'locale')
    expect(claims['name']).to.equal(username)
  })

  it('sign in beside our own people, and their tokens have the groups of the directory', async () => {
    const replicas = await start()
    await addPerson(replicas, 'ada', ['here'])
    const { username } = await addThere()
    const parameters = { scope }
    const claims = claimsOfJwt((await tokensFor(replicas, { username, parameters })).id)
    expect(claims).to.include({ email: `${username}@example.test`, email_verified: true, name: `${username} Example` })
    expect(claims['groups']).to.deep.equal(['dev', 'ops'])
    const own = claimsOfJwt((await tokensFor(replicas, { username: 'ada', parameters })).id)
    expect(own['groups']).to.deep.equal(['here'])
    const again = claimsOfJwt((await tokensFor(replicas, { username: `${username}@EXAMPLE.test`, parameters })).id)
    expect(again['sub']).to.equal(claims['sub'])
  })

  it('L11 are told to change a temporary password there, and get in with the next one', async () => {
    const replicas = await start()
    const { username, key } = await addThere()
    await directory.set(key, 'pwdReset', 'TRUE')
    // more often than somebody may be wrong
    for (let count = 0; count < 12; count++) {
      const refused = await answered(replicas, username, password)
      expect(refused.body).to.contain('you have to choose a new one').and.not.contain('is wrong')
    }
    expect((await answered(replicas, username, 'another one')).body).to.contain('is wrong')
    const { store } = replicas.apps[0]!
    await store.audit.flush()
    const events = await store.database.query(
      statement<{ reason: string }>('test-refusals', "SELECT reason FROM audit WHERE event = 'signin.refused'"),
    )
    expect(events.map(({ reason }) => reason))
      .to.include('must-change')
      .and.not.include('locked')
    await directory.set(key, 'pwdReset', 'FALSE')
    await tokensFor(replicas, { username })
  })

  it('L4 get the same page and status for an unknown name, a wrong password and a locked account', async () => {
    const replicas = await start()
    await addPerson(replicas, 'ada')
    const { username } = await addThere()
    const known = { username: (await addThere()).username }
    await tokensFor(replicas, known)
    const textOf = (body: string, name: string) =>
      body
        .replaceAll(name, 'NAME')
        .replace(/<input type="hidden"[^>]*>/g, '')
        .replace(/nonce="[^"]*"|action="[^"]*"|&quot;challenge&quot;:&quot;[\w-]*&quot;/g, '')
    const pages: string[] = []
    for (let turn = 0; turn < 10; turn++) await answered(replicas, username, 'wrong')
    for (const name of [username, known.username, 'ada', newName()]) {
      const answer = await answered(replicas, name, name === username ? password : 'wrong')
      pages.push(`${answer.status} ${textOf(answer.body, name)}`)
    }
    expect(new Set(pages).size, pages.join('\n---\n')).to.equal(1)
  })

  it('F8 get "try later" while the directory is away, are not locked, and go on with their sessions meanwhile', async () => {
    const replicas = await start()
    await addPerson(replicas, 'ada')
    const { username } = await addThere()
    const { code, first } = await patiently(async () => {
      const code = await fetchCode(replicas, { username, parameters: { scope } })
      return { code, first: tokensOf(await redeem(replicas, code)) }
    })
    // each replica without Valkey remembers by itself
    let tokens = await patiently(async () => tokensOf(await refresh(replicas, first.refresh, { replica: 1 })))
    await directory.slapd.kill()
    for (let turn = 0; turn < 12; turn++) {
      const answer = await tryAt(replicas, username, turn % 2 === 0 ? 'wrong' : password)
      expect(answer.status).to.equal(503)
      expect(answer.headers['retry-after']).to.equal('2')
      expect(answer.body).to.contain('STORE_UNAVAILABLE')
    }
    expect((await tryAt(replicas, 'ada', password)).location).to.contain('code=')
    tokens = tokensOf(await refresh(replicas, tokens.refresh, { replica: 1 }))
    expect(claimsOfJwt(tokens.id)['sub']).to.be.a('string')
    const silent = await code.browser.follow(authorizationUrl(replicas.issuer, request(pkce(), { prompt: 'none' })))
    expect(silent.location).to.contain('code=')
    await directory.slapd.again()
    expect((await answered(replicas, username, password)).location).to.contain('code=')
  })

  it('T5 who are removed there, or leave a group, are so here within the stated age', async () => {
    const replicas = await start({ maxAge: '1s' })
    const [leaver, gone] = [await addThere(), await addThere()]
    const parameters = { scope }
    let left = await tokensFor(replicas, { username: leaver.username, parameters })
    let removed = await tokensFor(replicas, { username: gone.username, parameters })
    await directory.leave('ops', await directory.dnOf(leaver.key))
    await directory.remove(gone.key)
    const until = (what: string, work: () => Promise<boolean>) =>
      patiently(async () => {
        if (!(await work())) throw notYet(`not yet: ${what}`)
      })
    await until('the group is left', async () => {
      const answer = await refresh(replicas, left.refresh)
      if (answer.status === 503) return false
      left = tokensOf(answer)
      const groups = claimsOfJwt(left.id)['groups']
      expect([['dev'], ['dev', 'ops']]).to.deep.include(groups)
      return (groups as string[]).length === 1
    })
    await until('the person is gone', async () => {
      const answer = await refresh(replicas, removed.refresh)
      if (answer.status === 503) return false
      if (answer.status !== 200) expect(answer.json()['error']).to.equal('invalid_grant')
      else removed = tokensOf(answer)
      return answer.status !== 200
    })
    expect((await answered(replicas, gone.username, password)).location).to.equal(undefined)
  })

  it('L17 sign out while the directory is away, for longer than it is remembered', async () => {
    const replicas = await start({ maxAge: '1s' })
    const { username } = await addThere()
    const { browser } = await fetchCode(replicas, { username })
    await directory.slapd.kill()
    await retryUntilDone({ signal: AbortSignal.timeout(30_000), log: quiet, everyMs: 200 }, async () => {
      const { status } = await browser.follow('/account')
      if (status !== 503) throw new CodedError('STORE_UNAVAILABLE', { message: String(status) })
    })
    const asked = await browser.follow(`${replicas.issuer}/logout`)
    expect(asked.body).to.contain(username)
    const left = await browser.submit(asked, '/logout/confirm', { logout: 'yes' })
    expect(left.body).to.contain('You are signed out')
    await directory.slapd.again()
    expect((await browser.follow('/account')).body).to.contain('id="password"')
  })

  it('F8 with Valkey, are known to every replica that has never met them, for the stated age', async () => {
    const replicas = await start({}, { url: valkey.url, timeout: '10s' })
    const { username } = await addThere()
    const first = await tokensFor(replicas, { username, parameters: { scope } })
    await directory.slapd.kill()
    const answer = await refresh(replicas, first.refresh, { replica: 1 })
    expect(answer.status, answer.body).to.equal(200)
    expect(claimsOfJwt(tokensOf(answer).id)['groups']).to.deep.equal(['dev', 'ops'])
    await directory.slapd.again()
  })
})
