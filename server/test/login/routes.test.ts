import { CodedError } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import type {
  Interaction,
  InteractionResult,
  Interactions,
  LoadedInteraction,
  MissingConsent,
  Progress,
  SessionAccount,
} from '../../src/oidc/interaction/interaction.ts'
import type { Page, PageRequest, Reply, Views } from '../../src/reply.ts'
import type { AuditEvent } from '../../src/store/audit.ts'
import type { User } from '../../src/store/users.ts'
import type { SignInOutcome, UserSources } from '../../src/users/user-sources.ts'
import { createLoginRoutes } from '../../src/login/routes.ts'

const now = Date.UTC(2030, 0, 1)
const client = { clientId: 'team-a.web', name: 'Expense Reports', startUrl: 'https://expenses.example.com/' }
const ada: User = {
  id: '7f1f0d8e-0000-4000-8000-000000000001',
  username: 'ada',
  email: 'ada@example.com',
  emailVerified: true,
  name: 'Ada Lovelace',
  locale: 'de',
  profile: {},
  source: 'postgres',
  sourceKey: undefined,
  passwordChangeRequired: false,
  disabled: false,
  createdAt: new Date(now),
  updatedAt: new Date(now),
  groups: [],
}
const attempt = { account: 'a', address: 'b' } as unknown as Extract<SignInOutcome, { kind: 'passed' }>['attempt']
const session: SessionAccount = {
  accountId: ada.id,
  authTime: now / 1000 - 60,
  amr: ['pwd'],
  person: { username: 'ada', name: 'Ada Lovelace' },
}

/** A browser with one interaction, whose cookie is a variable; people and protocol answer what the test says. */
function createBrowser(begin: { prompt?: string; session?: SessionAccount; loginHint?: string } = {}) {
  let progress: Progress = {}
  let loaded: LoadedInteraction['kind'] = 'live'
  const audited: AuditEvent[] = []
  const results: InteractionResult[] = []
  const says = {
    password: (password: string): SignInOutcome =>
      password === 'right' ? passed() : { kind: 'refused', reason: 'wrong-password', userId: ada.id },
    allowed: true,
    consent: { scopes: [], canRemember: false } as MissingConsent,
    change: { kind: 'changed', standing: 's2', since: new Date(now + 2500) } as Awaited<
      ReturnType<UserSources['changePassword']>
    >,
    finish: 'finished' as 'finished' | 'spent',
  }
  const passed = (): SignInOutcome => ({
    kind: 'passed',
    user: ada,
    amr: ['pwd'],
    attempt,
    standing: 's1',
  })
  const interaction = (): Interaction => ({
    uid: 'u1',
    client,
    prompt: { name: begin.prompt ?? 'login', reasons: [] },
    session: begin.session,
    loginHint: begin.loginHint,
    uiLocales: ['fr'],
    redirectUri: 'https://expenses.example.com/callback',
    progress,
  })
  const interactions: Interactions = {
    load: async () => {
      if (loaded === 'live') return { kind: 'live', interaction: interaction() }
      return loaded === 'over' ? { kind: 'over', reason: 'expired', client } : { kind: 'absent' }
    },
    save: async (_, __, next) => {
      progress = structuredClone(next)
    },
    missingConsent: async () => says.consent,
    isAllowed: async () => says.allowed,
    finish: async (_, __, result) => {
      if (says.finish === 'spent') return { kind: 'spent' }
      results.push(result)
      return { kind: 'finished', location: '/auth/u1' }
    },
  }
  const users: Pick<UserSources, 'tryPassword' | 'changePassword'> = {
    tryPassword: async (_, password) => says.password(password),
    changePassword: async () => says.change,
  }
  const audit = { record: (event: AuditEvent) => void audited.push(event) }
  const routes = createLoginRoutes({ interactions, users, audit, basePath: '/sso', now: () => now })

  const send = (method: 'GET' | 'POST', path: string, fields: Record<string, string> = {}): Promise<Reply> => {
    const route = routes.find((one) => one.method === method && one.path === `/interaction/:uid${path}`)
    if (!route) throw new Error(`no route ${method} ${path}`)
    return route.handle({
      method,
      params: { uid: 'u1' },
      query: new URLSearchParams(),
      form: new URLSearchParams(fields),
      peer: { address: '203.0.113.9', userAgent: 'test' },
      correlationId: 'c1',
      raw: {} as PageRequest['raw'],
    })
  }
  return {
    says,
    audited,
    results,
    passed,
    get: () => send('GET', ''),
    post: (path: string, fields?: Record<string, string>) => send('POST', path, fields),
    progress: () => progress,
    lose: (kind: 'over' | 'absent') => {
      loaded = kind
    },
  }
}

const toPage: Reply = { kind: 'redirect', location: '/sso/interaction/u1' }
const toClient: Reply = { kind: 'redirect', location: '/auth/u1' }

/** The reply as the page that it must be. */
function pageOf<Name extends keyof Views>(reply: Reply, view: Name): Page & { model: Views[Name] } {
  expect(reply).to.deep.include({ kind: 'page', view })
  return reply as Page & { model: Views[Name] }
}

describe('createLoginRoutes', () => {
  describe('a password', () => {
    it('is asked for in the language of the request, and may end at the client', async () => {
      const page = pageOf(await createBrowser({ loginHint: 'ada@example.com' }).get(), 'sign-in')
      expect(page.model).to.deep.include({
        action: '/sso/interaction/u1/sign-in',
        cancelAction: '/sso/interaction/u1/cancel',
        username: 'ada@example.com',
        mistakes: [],
      })
      expect(page.languages).to.deep.equal(['fr'])
      expect(page.formTargets).to.deep.equal(['https://expenses.example.com/callback'])
    })

    it('page comes in the person’s own language once they are known, after that of the request', async () => {
      const browser = createBrowser()
      browser.says.allowed = false
      await browser.post('/sign-in', { username: 'ada', password: 'right' })
      expect(pageOf(await browser.get(), 'refused').languages).to.deep.equal(['fr', 'de'])
    })

    it('that is right goes straight to the client when nothing else is missing', async () => {
      const browser = createBrowser()
      const fields = { username: ' ada ', password: 'right', remember: 'on' }
      expect(await browser.post('/sign-in', fields)).to.deep.equal(toClient)
      const proved = { accountId: ada.id, authTime: now / 1000, amr: ['pwd'], acr: undefined, remember: true }
      const login = { ...proved, attempt, standing: 's1' }
      expect(browser.results).to.deep.equal([{ kind: 'signed-in', login, consent: undefined }])
      expect(browser.audited).to.deep.equal([])
    })

    const refusals: [string, string, string][] = [
      ['unknown-user', 'an unknown user', 'signin.failure'],
      ['wrong-password', 'a wrong password', 'signin.failure'],
      ['locked', 'a locked account', 'signin.locked'],
      ['disabled', 'a disabled account', 'signin.refused'],
    ]
    it('L4 gets one and the same answer and page for an unknown user, a wrong password, a locked and a disabled account', async () => {
      const seen = []
      for (const [reason, , event] of refusals) {
        const browser = createBrowser()
        browser.says.password = () => ({ kind: 'refused', reason, userId: undefined }) as SignInOutcome
        const reply = await browser.post('/sign-in', { username: 'ada', password: 'canary-password' })
        seen.push(JSON.stringify([reply, await browser.get()]))
        expect(browser.audited).to.have.length(1)
        expect(browser.audited[0]).to.include({ event, outcome: 'failure', reason, address: '203.0.113.9' })
        expect(JSON.stringify([browser.audited, browser.progress(), seen])).not.to.contain('canary')
        expect(browser.results).to.deep.equal([])
      }
      expect(new Set(seen).size).to.equal(1)
      expect(seen[0]).to.contain('wrong-credentials')
    })

    it('that is wrong is said once: a reload shows the page without it', async () => {
      const browser = createBrowser()
      expect(await browser.post('/sign-in', { username: 'ada', password: 'wrong' })).to.deep.equal(toPage)
      const first = pageOf(await browser.get(), 'sign-in').model
      expect(first.mistakes).to.deep.equal([{ key: 'wrong-credentials', control: 'username' }])
      expect(first.username).to.equal('ada')
      expect(pageOf(await browser.get(), 'sign-in').model.mistakes).to.deep.equal([])
    })

    it('or a name that is missing is said for each field, and tries no account', async () => {
      const browser = createBrowser()
      browser.says.password = () => expect.fail('nothing to try')
      await browser.post('/sign-in', { username: ' ', password: '' })
      const { mistakes } = pageOf(await browser.get(), 'sign-in').model
      expect(mistakes.map(({ control }) => control)).to.deep.equal(['username', 'password'])
    })

    it('E10 gets 429 with Retry-After and the form when too many are checked', async () => {
      const browser = createBrowser()
      browser.says.password = () => ({ kind: 'busy', retryAfterSeconds: 3 })
      const page = pageOf(await browser.post('/sign-in', { username: 'ada', password: 'right' }), 'sign-in')
      expect(page).to.deep.include({ status: 429, retryAfter: 3 })
      expect(page.model.mistakes.map(({ key }) => key)).to.deep.equal(['busy'])
      expect(browser.audited.map(({ event, reason }) => ({ event, reason }))).to.deep.equal([
        { event: 'signin.refused', reason: 'busy' },
      ])
    })

    it('I2 is never called wrong when the database is away', async () => {
      const browser = createBrowser()
      browser.says.password = () => {
        throw new CodedError('STORE_UNAVAILABLE')
      }
      const outcome = await browser
        .post('/sign-in', { username: 'ada', password: 'right' })
        .catch((error: unknown) => error)
      expect(outcome).to.be.instanceOf(CodedError)
      expect(browser.audited).to.deep.equal([])
    })
  })

  describe('a session', () => {
    it('goes on without a question when only consent was missing and is not any more', async () => {
      const browser = createBrowser({ prompt: 'consent', session })
      expect(await browser.get()).to.deep.equal(toClient)
      expect(browser.results).to.deep.equal([{ kind: 'signed-in', login: undefined, consent: undefined }])
    })

    it('does not count when a fresh sign-in is wanted; its name is filled in', async () => {
      const { model } = pageOf(await createBrowser({ prompt: 'login', session }).get(), 'sign-in')
      expect(model).to.deep.include({ username: 'ada', reason: 'again' })
    })

    it('is offered when the client wants the person to choose, and taken when chosen', async () => {
      const browser = createBrowser({ prompt: 'select_account', session })
      expect(pageOf(await browser.get(), 'choose-account').model.person).to.deep.equal(session.person)
      expect(await browser.post('/account', { choice: 'continue' })).to.deep.equal(toClient)
      expect(browser.results).to.deep.equal([{ kind: 'signed-in', login: undefined, consent: undefined }])
    })

    it('is left when the person chooses another account', async () => {
      const browser = createBrowser({ prompt: 'select_account', session })
      expect(await browser.post('/account', { choice: 'other' })).to.deep.equal(toPage)
      expect(pageOf(await browser.get(), 'sign-in').model).to.deep.include({ username: '', reason: undefined })
    })
  })

  describe('consent', () => {
    const missing: MissingConsent = {
      scopes: [{ scope: 'openid' }, { scope: 'reports.read', api: 'Reports' }],
      canRemember: true,
    }

    it('is asked after the password, in the same interaction, and goes with the sign-in', async () => {
      const browser = createBrowser()
      browser.says.consent = missing
      expect(await browser.post('/sign-in', { username: 'ada', password: 'right' })).to.deep.equal(toPage)
      const { model } = pageOf(await browser.get(), 'consent')
      expect(model).to.deep.include({ scopes: missing.scopes, canRemember: true, destination: 'expenses.example.com' })
      expect(model.person).to.deep.equal({ username: 'ada', name: 'Ada Lovelace', locale: 'de' })
      expect(browser.results).to.deep.equal([])
      expect(await browser.post('/consent', { decision: 'allow', remember: 'on' })).to.deep.equal(toClient)
      expect(browser.results).to.have.length(1)
      expect(browser.results[0]).to.deep.include({ consent: { scopes: missing.scopes, remember: true } })
    })

    it('L10 is for what was asked, whatever the form says, and not remembered where the client may not', async () => {
      const browser = createBrowser({ prompt: 'consent', session })
      browser.says.consent = { scopes: [{ scope: 'openid' }], canRemember: false }
      await browser.post('/consent', { decision: 'allow', remember: 'on', scopes: 'admin', scope: 'admin' })
      expect(browser.results[0]).to.deep.include({ consent: { scopes: [{ scope: 'openid' }], remember: false } })
    })

    it('that is denied goes back to the client with access_denied and one audit event', async () => {
      const browser = createBrowser({ prompt: 'consent', session })
      browser.says.consent = missing
      expect(await browser.post('/consent', { decision: 'deny' })).to.deep.equal(toClient)
      expect(browser.results[0]).to.include({ kind: 'refused', error: 'access_denied' })
      expect(browser.audited.map(({ event, userId }) => ({ event, userId }))).to.deep.equal([
        { event: 'consent.denied', userId: ada.id },
      ])
    })

    it('L9 cannot be given before the password: the form alone leads to the sign-in page', async () => {
      const browser = createBrowser()
      browser.says.consent = missing
      expect(await browser.post('/consent', { decision: 'allow' })).to.deep.equal(toPage)
      expect(browser.results).to.deep.equal([])
      pageOf(await browser.get(), 'sign-in')
    })

    it('by "not you?" forgets who signed in', async () => {
      const browser = createBrowser()
      browser.says.consent = missing
      await browser.post('/sign-in', { username: 'ada', password: 'right' })
      expect(await browser.post('/switch')).to.deep.equal(toPage)
      pageOf(await browser.get(), 'sign-in')
      expect(browser.progress()).to.deep.equal({ switching: true })
    })
  })

  describe('a password that must be changed', () => {
    const begin = async () => {
      const browser = createBrowser()
      browser.says.password = () =>
        ({ ...browser.passed(), user: { ...ada, passwordChangeRequired: true } }) as SignInOutcome
      expect(await browser.post('/sign-in', { username: 'ada', password: 'right' })).to.deep.equal(toPage)
      return browser
    }

    it('stands before everything else, and the sign-in goes on after it', async () => {
      const browser = await begin()
      expect(pageOf(await browser.get(), 'change-password').model).to.include({ minLength: 12, maxLength: 128 })
      expect(browser.results).to.deep.equal([])
      const fields = { 'new-password': 'four words in a row', 'repeat-password': 'four words in a row' }
      expect(await browser.post('/password', fields)).to.deep.equal(toClient)
      expect(browser.results).to.have.length(1)
      expect(browser.results[0])
        .to.have.property('login')
        .that.includes({ authTime: now / 1000 + 2, standing: 's2' })
    })

    it('is not taken once the account’s sessions were ended: the page says so, and the sign-in starts over', async () => {
      const browser = await begin()
      browser.says.change = { kind: 'ended' }
      const fields = { 'new-password': 'four words in a row', 'repeat-password': 'four words in a row' }
      const page = pageOf(await browser.post('/password', fields), 'error')
      expect(page.status).to.equal(400)
      expect(page.model).to.deep.include({ code: 'SIGN_IN_ENDED', client })
      expect(browser.audited.map(({ event, reason, userId }) => [event, reason, userId])).to.deep.equal([
        ['signin.refused', 'ended-meanwhile', ada.id],
      ])
      pageOf(await browser.get(), 'sign-in')
      expect(browser.results).to.deep.equal([])
    })

    it('cannot be gone around by the consent form', async () => {
      const browser = await begin()
      expect(await browser.post('/consent', { decision: 'allow' })).to.deep.equal(toPage)
      expect(browser.results).to.deep.equal([])
    })

    const mistakes: [string, Record<string, string>, string, string][] = [
      ['is missing', {}, 'new-password-missing', 'new-password'],
      ['differs', { 'new-password': 'one', 'repeat-password': 'two' }, 'passwords-differ', 'repeat-password'],
      ['breaks a rule', { 'new-password': 'short', 'repeat-password': 'short' }, 'password-too-short', 'new-password'],
    ]
    for (const [what, fields, key, control] of mistakes) {
      it(`is asked again when it ${what}`, async () => {
        const browser = await begin()
        browser.says.change = { kind: 'refused', faults: [{ code: 'too-short', path: 'password', message: '' }] }
        expect(await browser.post('/password', fields)).to.deep.equal(toPage)
        expect(pageOf(await browser.get(), 'change-password').model.mistakes).to.deep.equal([{ key, control }])
        expect(browser.results).to.deep.equal([])
      })
    }

    it('cannot be changed by somebody who has not signed in', async () => {
      const browser = createBrowser({ session })
      browser.says.change = { kind: 'refused', faults: [] }
      expect(await browser.post('/password', { 'new-password': 'x', 'repeat-password': 'x' })).to.deep.equal(toPage)
      pageOf(await browser.get(), 'sign-in')
    })
  })

  it('tells a person who may not use the client, once in the audit, and offers another account', async () => {
    const browser = createBrowser()
    browser.says.allowed = false
    expect(await browser.post('/sign-in', { username: 'ada', password: 'right' })).to.deep.equal(toPage)
    expect(pageOf(await browser.get(), 'refused').status).to.equal(403)
    expect(browser.audited.map(({ event, reason }) => ({ event, reason }))).to.deep.equal([
      { event: 'authorization.refused', reason: 'account-not-allowed' },
    ])
    expect(await browser.post('/cancel')).to.deep.equal(toClient)
    expect(browser.results[0]).to.include({ kind: 'refused', error: 'access_denied' })
  })

  it('sends a reload of a form’s address back to the page', async () => {
    const browser = createBrowser()
    const route = createLoginRoutes({
      interactions: {} as Interactions,
      users: {} as UserSources,
      audit: { record: () => undefined },
      basePath: '/sso',
      now: () => now,
    }).find(({ path }) => path.endsWith('/:form'))
    expect(await route?.handle({ params: { uid: 'u1', form: 'sign-in' } } as unknown as PageRequest)).to.deep.equal(
      toPage,
    )
    expect(browser.results).to.deep.equal([])
  })

  describe('an interaction that is not live', () => {
    it('offers to start again at the client when its time is over', async () => {
      const browser = createBrowser()
      browser.lose('over')
      const page = pageOf(await browser.get(), 'error')
      expect(page.status).to.equal(400)
      expect(page.model).to.deep.include({ code: 'INTERACTION_EXPIRED', client })
    })

    it('L1 answers 403 to another browser, reveals no client and writes one audit event for a form', async () => {
      const browser = createBrowser()
      browser.lose('absent')
      for (const reply of [
        await browser.get(),
        await browser.post('/sign-in', { username: 'ada', password: 'right' }),
      ]) {
        const page = pageOf(reply, 'error')
        expect(page.status).to.equal(403)
        expect(page.model.client).to.equal(undefined)
      }
      expect(browser.audited.map(({ event, reason }) => ({ event, reason }))).to.deep.equal([
        { event: 'signin.refused', reason: 'interaction-absent' },
      ])
    })

    it('I5 ends once: what comes second is told so', async () => {
      const browser = createBrowser()
      browser.says.finish = 'spent'
      const page = pageOf(await browser.post('/sign-in', { username: 'ada', password: 'right' }), 'error')
      expect(page.model).to.deep.include({ code: 'INTERACTION_SPENT', client })
    })
  })
})
