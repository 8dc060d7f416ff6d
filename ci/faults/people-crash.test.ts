import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { Browser, password } from '@nauthera/harness/browser'
import { startProcess } from '@nauthera/local/processes/process'
import { mintLinkToken } from '@nauthera/server/store/people/link-token'
import { standing } from '@nauthera/server/store/people/standing'
import { codeAt } from '@nauthera/server/users/factors/totp'
import { mintRecoveryCodes, parseRecoveryCode } from '@nauthera/server/users/factors/recovery-codes'
import { createPasswords } from '@nauthera/server/users/passwords/passwords'
import { passkeyChallengeIn, seedIn } from '../../server/test/login/second-factor-flows.ts'
import { chosen } from '../../server/test/mail/with-mail.ts'
import { softwarePasskey } from '../../server/test/users/factors/software-passkey.ts'
import { startPeopleSite } from './support/people-site.ts'
import type { PeopleSite } from './support/people-site.ts'
import { tell } from './support/tell.ts'

// Server and PostgreSQL are killed while people enrol factors, set a new password by mail and accept an invitation: at each statement
// that writes, before the database has it and when it is done but nobody was told. All flows stand at their step when the kill comes.

/** One person in the middle of something. */
interface Doing {
  readonly email: string
  /** What the kill cuts short, and what the person does again afterwards, unless `actAgain` says it. */
  act(): Promise<unknown>
  actAgain?(): Promise<unknown>
  /** What the database has of it. */
  state(): Promise<Record<string, unknown>>
  /** Subject of the mails that come of it, each once, when it is done. */
  readonly mails: readonly RegExp[]
  /** Where the person can sign in with what was set up. @returns the path at which they end */
  signInAgain?(): Promise<string>
}

interface Flow {
  readonly begin: (site: PeopleSite) => Promise<Doing>
  /** What `state` is in the end. */
  readonly done: Record<string, unknown>
  /** What it is before the last step, where that is not what it was before. */
  readonly between?: Record<string, unknown>
}

const passwordHash = createPasswords().hash(password)
const securityChanged = /security of your account/i

async function addPerson(site: PeopleSite, group?: string) {
  const id = randomUUID()
  const username = `person-${id.slice(0, 8)}`
  const email = `${username}@example.com`
  await site.rows(
    `INSERT INTO users (id, username, canonical_username, email, canonical_email, email_verified) VALUES ($1, $2, $2, $3, $3, true)`,
    [id, username, email],
  )
  await site.rows('INSERT INTO credentials (user_id, password_hash) VALUES ($1, $2)', [id, await passwordHash])
  if (group !== undefined)
    await site.rows(
      `WITH made AS (INSERT INTO groups (id, name) VALUES (gen_random_uuid(), $2) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id)
       INSERT INTO group_members (user_id, group_id) SELECT $1, id FROM made`,
      [id, group],
    )
  return { id, username, email }
}

/** A person with a passkey and recovery codes, as they are after an enrolment. */
async function addPersonWithPasskey(site: PeopleSite) {
  const person = await addPerson(site)
  const { origin, hostname: rpId } = new URL(site.issuer)
  const passkey = softwarePasskey({ origin, rpId, userId: person.id })
  await site.rows(
    `INSERT INTO factors (id, user_id, kind, name, credential_id, public_key, sign_count, synced, transports)
     VALUES ($1, $2, 'passkey', 'key', $3, $4, 0, true, '{}')`,
    [randomUUID(), person.id, passkey.id, passkey.publicKey],
  )
  const codes = mintRecoveryCodes()
  await site.rows(
    `INSERT INTO recovery_codes (user_id, code_hash) SELECT $1, sha256(code::bytea) FROM unnest($2::text[]) AS code`,
    [person.id, codes.map((code) => parseRecoveryCode(code)!)],
  )
  return { ...person, passkey, codes }
}

async function signIn(site: PeopleSite, username: string, to = '/account', secret = password) {
  const browser = new Browser(site)
  const page = await browser.submit(await browser.follow(to), '/sign-in', { username, password: secret })
  return { browser, page }
}

const factorState = (site: PeopleSite, userId: string) => async () => {
  const [row] = await site.rows<Record<string, unknown>>(
    `SELECT ARRAY(SELECT kind FROM factors WHERE user_id = $1 ORDER BY kind) AS factors,
       (SELECT count(*)::integer FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL) AS codes,
       (SELECT count(*)::integer FROM audit WHERE user_id = $1::text AND event = 'factor.enrolled') AS told`,
    [userId],
  )
  return row!
}

type Shown = Awaited<ReturnType<Browser['follow']>>

/** The end of the address of a form -> what the person says there. */
type Sayings = Readonly<Record<string, (page: Shown) => Record<string, string>>>

/** Goes on from page to page, as long as one has a form of these. */
async function goOn(browser: Browser, from: Shown, sayings: Sayings) {
  let page = from
  for (let pages = 0; pages < 6; pages++) {
    const next = Object.keys(sayings).find((action) => page.body.includes(`${action}"`))
    if (next === undefined) break
    page = await browser.submit(page, next, sayings[next]!(page))
  }
  return page
}

interface MustEnrol {
  readonly id: string
  readonly browser: Browser
  /** After the password. */
  readonly page: Shown
}

/** A sign-in that must set up a second factor on its way.
 *  @param enrol the page at which the factor is there to be proved, and what the person says there and at every page after it */
const inSignIn = (
  kind: string,
  enrol: (site: PeopleSite, person: MustEnrol) => Promise<{ page: Shown; sayings: Sayings }>,
): Flow => ({
  done: { factors: [kind], codes: 10, told: 1, signedIn: 1 },
  between: { factors: [kind], codes: 10, told: 1, signedIn: 0 },
  begin: async (site) => {
    const { id, username, email } = await addPerson(site, 'careful')
    const { browser, page } = await signIn(site, username)
    const enrolled = await enrol(site, { id, browser, page })
    const sayings = { ...enrolled.sayings, '/codes-saved': () => ({}) }
    const signedIn = `SELECT count(*)::integer AS "signedIn" FROM devices WHERE user_id = $1 AND client_uid = ''`
    const pathOf = ({ url }: Shown) => new URL(url, site.issuer).pathname
    const signInAgain = async () => {
      // the present code counts as not used yet, so that nobody waits for the next one
      await site.rows('UPDATE factors SET last_step = 0 WHERE user_id = $1', [id])
      const again = await signIn(site, username)
      return pathOf(await goOn(again.browser, again.page, sayings))
    }
    const act = () => goOn(browser, enrolled.page, sayings)
    return {
      email,
      act,
      async actAgain() {
        const last = await act()
        // a factor that was stored while nobody was told ends the sign-in: it had no second factor
        if (pathOf(last) !== '/account') await signInAgain()
      },
      state: async () => ({
        ...(await factorState(site, id)()),
        ...(await site.rows<Record<string, unknown>>(signedIn, [id]))[0],
      }),
      mails: [securityChanged],
      signInAgain,
    }
  },
})

const flows: Readonly<Record<string, Flow>> = {
  'an authenticator app': {
    done: { factors: ['totp'], codes: 10, told: 1 },
    begin: async (site) => {
      const { id, username, email } = await addPerson(site)
      const { browser, page } = await signIn(site, username, '/account/security/app')
      const code = codeAt(seedIn(page.body), Date.now())
      return {
        email,
        act: () => browser.submit(page, '/account/security/app', { code }),
        state: factorState(site, id),
        mails: [securityChanged],
      }
    },
  },
  'a passkey': {
    done: { factors: ['passkey'], codes: 10, told: 1 },
    begin: async (site) => {
      const { id, username, email } = await addPerson(site)
      const { origin, hostname: rpId } = new URL(site.issuer)
      const { browser, page } = await signIn(site, username, '/account/security/passkey')
      const credential = softwarePasskey({ origin, rpId, userId: id }).register(passkeyChallengeIn(page.body))
      return {
        email,
        act: () => browser.submit(page, '/account/security/passkey', { credential, name: 'key' }),
        state: factorState(site, id),
        mails: [securityChanged],
      }
    },
  },
  'an authenticator app in the middle of a sign-in': inSignIn('totp', async (_site, { browser, page }) => {
    const shown = await browser.submit(page, '/set-up')
    const seed = seedIn(shown.body)
    const code = () => ({ code: codeAt(seed, Date.now()) })
    return { page: shown, sayings: { '/set-up-app': code, '/second-factor': code } }
  }),
  'a passkey in the middle of a sign-in': inSignIn('passkey', async (site, { id, page }) => {
    const { origin, hostname: rpId } = new URL(site.issuer)
    const passkey = softwarePasskey({ origin, rpId, userId: id })
    const credential = passkey.register(passkeyChallengeIn(page.body))
    const answer = ({ body }: Shown) => ({ credential: passkey.answer({ challenge: passkeyChallengeIn(body) }) })
    return { page, sayings: { '/set-up-passkey': () => ({ credential, name: 'key' }), '/second-passkey': answer } }
  }),
  'new recovery codes': {
    done: { old: 0, codes: 10, told: 1 },
    begin: async (site) => {
      const { id, email, passkey, codes } = await addPersonWithPasskey(site)
      const browser = new Browser(site)
      const asked = await browser.follow('/account/security/recovery-codes')
      const credential = passkey.answer({ challenge: passkeyChallengeIn(asked.body) })
      const page = await browser.submit(asked, '/passkey', { credential })
      return {
        email,
        act: () => browser.submit(page, '/recovery-codes'),
        state: async () => {
          const { codes: left, told } = await factorState(site, id)()
          const [row] = await site.rows<{ old: number }>(
            `SELECT count(*)::integer AS old FROM recovery_codes
             WHERE user_id = $1 AND code_hash IN (SELECT sha256(code::bytea) FROM unnest($2::text[]) AS code)`,
            [id, codes.map((code) => parseRecoveryCode(code)!)],
          )
          return { old: row!.old, codes: left, told }
        },
        mails: [securityChanged],
      }
    },
  },
  'a new password with a link': {
    done: { linkUsed: true, isNew: true, told: 1 },
    begin: async (site) => {
      const { id, email } = await addPerson(site)
      const token = mintLinkToken()
      await site.rows(
        `INSERT INTO mail_links (token_hash, kind, user_id, email, standing, expires_at)
         SELECT $1, 'reset', u.id, u.canonical_email, ${standing}, now() + interval '10 minutes' FROM users u WHERE u.id = $2`,
        [token.hash, id],
      )
      const browser = new Browser(site)
      const page = await browser.follow(`/reset/${token.plain}`)
      return {
        email,
        act: () => browser.submit(page, page.url, chosen),
        state: async () => {
          const [row] = await site.rows<Record<string, unknown>>(
            `SELECT (SELECT used_at IS NOT NULL FROM mail_links WHERE token_hash = $1) AS "linkUsed",
               (SELECT password_hash <> $3 FROM credentials WHERE user_id = $2) AS "isNew",
               (SELECT count(*)::integer FROM audit WHERE user_id = $2::text AND event = 'password.reset') AS told`,
            [token.hash, id, await passwordHash],
          )
          return row!
        },
        mails: [/password .* was changed/i],
      }
    },
  },
  'an invitation': {
    done: { linkUsed: true, people: 1, passwords: 1, told: 1 },
    begin: async (site) => {
      const email = `guest-${randomUUID().slice(0, 8)}@example.com`
      const token = mintLinkToken()
      await site.rows(
        `INSERT INTO mail_links (token_hash, kind, email, payload, expires_at)
         VALUES ($1, 'invitation', $2, '{"groups":["guests"]}', now() + interval '10 minutes')`,
        [token.hash, email],
      )
      const browser = new Browser(site)
      const page = await browser.follow(`/invitation/${token.plain}`)
      return {
        email,
        act: () => browser.submit(page, page.url, { name: 'Guest', ...chosen }),
        state: async () => {
          const [row] = await site.rows<Record<string, unknown>>(
            `SELECT (SELECT used_at IS NOT NULL FROM mail_links WHERE token_hash = $1) AS "linkUsed",
               (SELECT count(*)::integer FROM users WHERE canonical_email = $2) AS people,
               (SELECT count(*)::integer FROM credentials c JOIN users u ON u.id = c.user_id WHERE u.canonical_email = $2) AS passwords,
               (SELECT count(*)::integer FROM audit a JOIN users u ON u.id::text = a.user_id
                WHERE u.canonical_email = $2 AND a.event = 'account.created') AS told`,
            [token.hash, email],
          )
          return row!
        },
        mails: [],
      }
    },
  },
  'a request for a link': {
    done: { asked: 1 },
    begin: async (site) => {
      const { email, username } = await addPerson(site)
      const browser = new Browser(site)
      const page = await browser.follow('/forgot')
      const isAsked = `SELECT count(*)::integer AS asked FROM outbox WHERE kind = 'reset-request' AND NOT id = ANY($1::uuid[])`
      const known = (await site.rows<{ id: string }>('SELECT id FROM outbox')).map(({ id }) => id)
      return {
        email,
        act: () => browser.submit(page, '/forgot', { login: username }),
        state: async () => (await site.rows<Record<string, unknown>>(isAsked, [known]))[0]!,
        mails: [/set a new password/i],
      }
    },
  },
}

/** Work of the server that no request waits for: it stands at its steps by itself. */
const ownWork = /^(outbox|audit|key|epoch|reaper)-/

describe('I1 people in the middle of something when a process is killed', function () {
  this.timeout(300_000)
  let site: PeopleSite
  /** The statements of each flow that write, in their order. */
  const steps = new Map<string, string[]>()

  before(async () => {
    site = await startPeopleSite()
  })
  after(() => site?.stop())

  const mailsTo = (email: string, subject: RegExp) =>
    site.mailbox.mails.filter((mail) => mail.to.includes(email) && subject.test(mail.subject))
  const beginAll = async (names: readonly string[]) => {
    await site.rows('DELETE FROM attempts')
    return Promise.all(names.map(async (name) => ({ name, flow: flows[name]!, doing: await flows[name]!.begin(site) })))
  }
  /** In the end all is done, once, and each mail has come once. */
  const checkEnd = async (begun: Awaited<ReturnType<typeof beginAll>>, where: string) => {
    await site.outboxSettled()
    for (const { name, flow, doing } of begun) {
      expect(await doing.state(), `${name}, ${where}`).to.deep.equal(flow.done)
      // one that was sent and not marked comes twice, as the same mail
      for (const subject of doing.mails)
        expect(
          new Set(mailsTo(doing.email, subject).map(({ messageId }) => messageId)).size,
          `${name}, ${where}`,
        ).to.equal(1)
      if (doing.signInAgain) expect(await doing.signInAgain(), `${name}, ${where}`).to.equal('/account')
    }
  }

  it('each flow writes, and tells each change by one mail', async () => {
    const begun = []
    for (const name of Object.keys(flows)) {
      const [one] = await beginAll([name])
      const recorder = site.proxy.record()
      await one!.doing.act()
      const writes = recorder.stop().filter((step) => step.writes && !ownWork.test(step.name))
      steps.set(
        name,
        writes.map((step) => step.name),
      )
      begun.push(one!)
    }
    await checkEnd(begun, 'undisturbed')
    for (const [name, writes] of steps) {
      tell(name, { writes: writes.join(' ') })
      expect(writes, name).to.not.deep.equal([])
    }
  })

  /** A statement is held by its name. Two flows are not killed together when one of them comes past the statement at which the other is to
   *  be held. */
  const batchesAt = (at: number): readonly (readonly string[])[] => {
    const batches: string[][] = []
    const passes = (name: string, other: string) => steps.get(name)!.slice(0, at).includes(steps.get(other)![at]!)
    for (const [name, writes] of steps) {
      if (at >= writes.length) continue
      const fits = batches.find((batch) => batch.every((other) => !passes(name, other) && !passes(other, name)))
      if (fits) fits.push(name)
      else batches.push([name])
    }
    return batches
  }

  const killed = {
    server: () => site.killServer(),
    PostgreSQL: () => site.killDatabase(),
  }

  for (const [victim, kill] of Object.entries(killed)) {
    for (const when of ['before', 'after'] as const) {
      it(`I1 ${victim} killed ${when === 'before' ? 'before the database has a statement' : 'when a statement is done and nobody was told'}: all or nothing, and done once in the end`, async () => {
        const most = Math.max(...[...steps.values()].map((writes) => writes.length))
        for (let at = 0; at < most; at++) {
          for (const names of batchesAt(at)) {
            const begun = await beginAll(names)
            const before = new Map<string, Record<string, unknown>>()
            for (const { name, doing } of begun) before.set(name, await doing.state())
            const held = begun.map(({ name }) => site.proxy.hold({ name: steps.get(name)![at]!, when }).reached)
            const cut = begun.map(({ doing }) => doing.act().catch(() => undefined))
            await Promise.all(held)
            await kill()
            await Promise.all(cut)
            for (const { name, flow, doing } of begun) {
              const where = `${name}, ${when} ${steps.get(name)![at]}`
              const isLast = at === steps.get(name)!.length - 1
              const found = await doing.state()
              const possible =
                when === 'after' && isLast
                  ? [flow.done]
                  : isLast
                    ? [flow.between ?? before.get(name)]
                    : [before.get(name), flow.between, flow.done]
              expect(possible, where).to.deep.include(found)
              // the person does it again, where nothing was done
              if (!isSame(found, flow.done)) await (doing.actAgain ?? doing.act)()
            }
            await checkEnd(begun, `${when} step ${at}`)
          }
        }
      })
    }
  }

  /** What the server does by itself for one request for a link: it looks at the request, makes link and mail, and sends the mail. */
  const ofOneRequest = [
    { name: 'outbox-claim', when: 'after', withRows: true },
    { name: 'mail-link-for-person', when: 'before' },
    { name: 'mail-link-for-person', when: 'after' },
    { name: 'outbox-finish', when: 'before' },
    { name: 'outbox-finish', when: 'after' },
  ] as const
  const resetLink = /set a new password/i
  const linksWork = async (email: string) => {
    for (const { text } of mailsTo(email, resetLink)) {
      const { pathname } = new URL(/^http:\S+$/m.exec(text)![0])
      expect((await new Browser(site).open(pathname)).status, email).to.equal(200)
    }
  }

  it('I1 a request for a link that was taken is answered by one mail, wherever the server is killed on the way to it', async () => {
    for (const step of ofOneRequest) {
      const [one] = await beginAll(['a request for a link'])
      const held = site.proxy.hold(step).reached
      await one!.doing.act()
      const where = `${step.when} ${step.name}`
      expect(await one!.doing.state(), `asked, ${where}`).to.deep.equal(one!.flow.done)
      await held
      await site.killServer()
      await site.outboxSettled()
      expect(mailsTo(one!.doing.email, resetLink), where).to.have.length(1)
      await linksWork(one!.doing.email)
    }
  })

  it('I1 a mail that was sent and not marked is sent once more, as the same mail', async () => {
    const [one] = await beginAll(['a request for a link'])
    const { email, act } = one!.doing
    site.mailbox.behave('hold')
    await act()
    await site.mailbox.held()
    await site.killServer()
    site.mailbox.release()
    await site.outboxSettled()
    const mails = mailsTo(email, resetLink)
    expect(mails.map(({ messageId }) => messageId)).to.deep.equal([mails[0]!.messageId, mails[0]!.messageId])
    await linksWork(email)
  })

  it('I1 I5 a recovery code whose answer was lost is used, once; the next one signs the person in', async () => {
    for (const when of ['before', 'after'] as const) {
      const { id, username, email, codes } = await addPersonWithPasskey(site)
      const left = async () => (await factorState(site, id)())['codes']
      const { browser, page } = await signIn(site, username)
      const use = (code: string) => browser.submit(page, '/recovery-code', { 'recovery-code': code })
      const held = site.proxy.hold({ name: 'factor-use-recovery-code', when }).reached
      const cut = use(codes[0]!).catch(() => undefined)
      await held
      await site.killServer()
      await cut
      expect(await left(), when).to.equal(when === 'before' ? 10 : 9)
      const again = await use(codes[0]!)
      expect(new URL(again.url).pathname, when).to.match(when === 'before' ? /^\/account/ : /^\/interaction\//)
      if (when === 'after') expect(new URL((await use(codes[1]!)).url).pathname).to.match(/^\/account/)
      expect(await left(), when).to.equal(when === 'before' ? 9 : 8)
      await site.outboxSettled()
      expect(mailsTo(email, securityChanged), when).to.have.length(when === 'before' ? 1 : 2)
    }
  })

  it('I8 failed passwords and wrong codes are counted over a killed server and a killed database: the limit is what it was', async () => {
    await site.rows('DELETE FROM attempts')
    const { id, username } = await addPersonWithPasskey(site)
    const guess = async (secret: string) => (await signIn(site, username, '/account', secret)).page
    for (let n = 0; n < 4; n++) await guess('a wrong password')
    await site.killServer()
    for (let n = 0; n < 3; n++) await guess('a wrong password')
    await site.killDatabase()
    for (let n = 0; n < 3; n++) await guess('a wrong password')
    expect((await guess(password)).body, 'locked, so the right one is refused too').to.contain('id="password"')
    await site.rows('DELETE FROM attempts')
    const { browser, page } = await signIn(site, username)
    const tryCode = () => browser.submit(page, '/recovery-code', { 'recovery-code': 'BCDF-GHJK-MNPQ' })
    for (let n = 0; n < 4; n++) await tryCode()
    await site.killServer()
    const [row] = await site.rows<{ count: number }>(`SELECT count FROM attempts WHERE key = 'f:' || $1`, [id])
    expect(row).to.deep.equal({ count: 4 })
  })

  it('I1 an invitation by the command line is there with its mail or not at all, when the command is killed', async () => {
    const emails = { before: 'never@example.com', after: 'invited@example.com' }
    for (const [when, email] of Object.entries(emails) as ['before' | 'after', string][]) {
      const name = when === 'before' ? 'mail-link-for-email' : 'COMMIT'
      const held = site.proxy.hold({ name, when }).reached
      const script = 'server/src/cli/main.ts'
      const args = ['users', 'invite', email, '--settings', site.settings]
      const command = startProcess({ name: 'nauthera users invite', script, args })
      await held
      command.kill('SIGKILL')
      await command.ended
      await site.outboxSettled()
      const [row] = await site.rows<{ links: number; told: number }>(
        `SELECT (SELECT count(*)::integer FROM mail_links WHERE email = $1) AS links,
           (SELECT count(*)::integer FROM audit WHERE detail->>'email' = $1) AS told`,
        [email],
      )
      const count = when === 'before' ? 0 : 1
      expect({ ...row, mails: mailsTo(email, /invitation/i).length }).to.deep.equal({
        links: count,
        told: count,
        mails: count,
      })
    }
  })
})

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)
