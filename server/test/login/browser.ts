import { createLog } from '@nauthera/runtime/log'
import { expect } from 'chai'
import type {
  FactorQuestion,
  Interaction,
  InteractionResult,
  Interactions,
  LoadedInteraction,
  MissingConsent,
  Progress,
  SessionAccount,
} from '../../src/oidc/interaction/interaction.ts'
import type { RememberedAccount } from '../../src/oidc/remembered-accounts.ts'
import type { Page, PageRequest, Reply, Views } from '../../src/reply.ts'
import type { AuditEvent } from '../../src/store/audit/audit-event.ts'
import type { User } from '../../src/store/people/user.ts'
import type { PasskeyFactors } from '../../src/users/factors/passkey-factors.ts'
import type { EnrolOutcome } from '../../src/users/factors/new-factor.ts'
import type { CodeOutcome, SecondFactors } from '../../src/users/factors/second-factors.ts'
import type { SignInOutcome } from '../../src/users/sources/try-password.ts'
import type { UserSources } from '../../src/users/sources/user-sources.ts'
import { createLoginRoutes } from '../../src/login/routes.ts'
import type { Federation } from '../../src/login/upstream/federation.ts'

export const now = Date.UTC(2030, 0, 1)
export const client = { clientId: 'team-a.web', name: 'Expense Reports', startUrl: 'https://expenses.example.com/' }
export const ada: User = {
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
  groupOrigins: {},
}
export const attempt = { account: 'a', address: 'b' } as unknown as Extract<
  SignInOutcome,
  { kind: 'passed' }
>['attempt']
export const session: SessionAccount = {
  uid: 'session-1',
  accountId: ada.id,
  authTime: now / 1000 - 60,
  amr: ['pwd'],
  person: { username: 'ada', name: 'Ada Lovelace' },
}

/** A browser with one interaction, on the real routes and steps. Its cookie is a variable; what people and protocol answer is in
 *  `says`, for the test to change. */
export function createBrowser(
  begin: {
    prompt?: string
    session?: SessionAccount
    stepUp?: boolean
    loginHint?: string
    progress?: Progress
    federation?: Partial<Federation>
    passkeys?: Partial<PasskeyFactors>
  } = {},
) {
  let progress: Progress = begin.progress ?? {}
  let loaded: LoadedInteraction['kind'] = 'live'
  const audited: AuditEvent[] = []
  const results: InteractionResult[] = []
  const says = {
    password: (password: string): SignInOutcome =>
      password === 'right' ? passed() : { kind: 'refused', reason: 'wrong-password', userId: ada.id },
    allowed: true,
    refusals: 0,
    person: undefined as Awaited<ReturnType<UserSources['load']>>,
    factors: { kinds: [], needed: false } as FactorQuestion,
    code: (code: string): CodeOutcome =>
      code === 'right' ? { kind: 'passed' } : { kind: 'wrong', reason: 'wrong-code' },
    enrol: {
      kind: 'enrolled',
      standing: 's3',
      since: new Date(now + 1000),
      recoveryCodes: ['AAAA', 'BBBB'],
      methods: ['otp'],
    } as EnrolOutcome,
    consent: { scopes: [], canRemember: false } as MissingConsent,
    change: { kind: 'changed', standing: 's2', since: new Date(now + 2500) } as Awaited<
      ReturnType<UserSources['changePassword']>
    >,
    remembered: [] as RememberedAccount[],
    finish: 'finished' as 'finished' | 'spent',
  }
  const passed = (): SignInOutcome => ({
    kind: 'passed',
    user: ada,
    amr: ['pwd'],
    attempt,
    standing: 's1',
    factors: [],
  })
  const interaction = (): Interaction => ({
    uid: 'u1',
    client,
    prompt: { name: begin.prompt ?? 'login', reasons: [] },
    session: begin.session,
    stepUp: begin.stepUp,
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
    startDevice: async () => undefined,
    save: async (_, __, next) => {
      progress = structuredClone(next)
    },
    record: () => undefined,
    missingConsent: async () => says.consent,
    isAllowed: async () => says.allowed,
    countRefusal: () => void says.refusals++,
    factorsFor: async () => says.factors,
    finish: async (_, __, result) => {
      if (says.finish === 'spent') return { kind: 'spent' }
      results.push(result)
      return { kind: 'finished', location: '/authorize/u1' }
    },
  }
  const users: Pick<UserSources, 'tryPassword' | 'changePassword' | 'load' | 'isReserved'> = {
    isReserved: async () => false,
    load: async () => says.person,
    tryPassword: async (_, password) => says.password(password),
    changePassword: async () => says.change,
  }
  const audit = { record: (event: AuditEvent) => void audited.push(event) }
  const links = { signIn: never, create: never, link: never, of: never, unlink: never, lastOf: never }
  const federation: Federation = {
    upstreams: [],
    links,
    log: createLog({ process: 'test', level: 'error', format: 'json' }),
    ...begin.federation,
  }
  const secondFactors: SecondFactors = {
    checkCode: async (_, code) => says.code(code),
    consumeRecoveryCode: async (_, code) => says.code(code),
    enrolApp: async () => says.enrol,
    renewRecoveryCodes: async () => undefined,
    removeFactor: async () => false,
  }
  const passkeys: PasskeyFactors = {
    arePossible: false,
    offer: async () => undefined,
    check: async () => ({ kind: 'refused', reason: 'unknown-passkey' }),
    offerNew: async () => undefined,
    enrol: async () => ({ kind: 'wrong' }),
    ...begin.passkeys,
  }
  const secondFactor = { policy: 'optional', requiredGroups: [], enrolment: 'password' } as const
  const offers = { reset: false, registration: false }
  const ways = { secondFactors, passkeys, secondFactor, federation, offers }
  const remembered = {
    read: () => says.remembered,
    add: (_: unknown, account: RememberedAccount) => void says.remembered.unshift(account),
    remove: async (_: unknown, username: string) => {
      says.remembered = says.remembered.filter((account) => account.username !== username)
    },
  }
  const loginLinks = { find: async () => undefined, consume: async () => undefined }
  const needs = { interactions, users, remembered, loginLinks, ...ways, title: 'Nauthera', audit, now: () => now }
  const routes = createLoginRoutes({ ...needs, basePath: '/sso', issuer: 'https://login.example.com/sso' })

  const send = (method: 'GET' | 'POST', path: string, fields: Record<string, string> = {}): Promise<Reply> => {
    const route = routes.find((one) => one.method === method && one.path === `/interaction/:uid${path}`)
    if (!route) throw new Error(`no route ${method} ${path}`)
    return route.handle({
      method,
      params: { uid: 'u1' },
      form: new URLSearchParams(fields),
      peer: { address: '203.0.113.9', userAgent: 'test' },
      languages: [],
      correlationId: 'c1',
      query: new URLSearchParams(),
      raw: { request: { headers: {} } } as PageRequest['raw'],
    })
  }
  return {
    says,
    audited,
    results,
    passed,
    get: (path = '') => send('GET', path),
    post: (path: string, fields?: Record<string, string>) => send('POST', path, fields),
    progress: () => progress,
    lose: (kind: 'over' | 'absent') => {
      loaded = kind
    },
  }
}

const never = () => Promise.reject(new Error('there is no other provider'))

/** Where forms lead: to the page that shows what is next, or to the client. */
export const toPage: Reply = { kind: 'redirect', location: '/sso/interaction/u1' }
export const toClient: Reply = { kind: 'redirect', location: '/authorize/u1' }

/** The reply as the page that it must be. */
export function pageOf<Name extends keyof Views>(reply: Reply, view: Name): Page & { model: Views[Name] } {
  expect(reply).to.deep.include({ kind: 'page', view })
  return reply as Page & { model: Views[Name] }
}
