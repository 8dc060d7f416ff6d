import type {
  ApplicationOnPage,
  ClientOnPage,
  DetailOnPage,
  EndingOnPage,
  Mistake,
  Page,
  PasskeyOnPage,
  PersonOnPage,
  SessionOnPage,
  TileOnPage,
} from '../../src/reply.ts'
import { qrCode } from '../../src/users/factors/qr-code.ts'
import { appUri } from '../../src/users/factors/totp.ts'
import { sampleAdminPages } from './sample-admin-pages.ts'

/** A small picture, for pages with the logo of a client. */
const logo =
  'data:image/svg+xml,' +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="48" rx="12" fill="#0f766e"/><path d="M14 30l8-14 6 9 4-5 4 10z" fill="#fff"/></svg>',
  )

const sampleClient: ClientOnPage = {
  clientId: 'team-a.web',
  name: 'Expense Reports',
  logo,
  startUrl: 'https://expenses.example.com/',
  policyUrl: 'https://expenses.example.com/privacy',
  termsUrl: 'https://expenses.example.com/terms',
}
const agentId = 'https://agents.example.com/client.json'
const plainClient: ClientOnPage = { clientId: 'team-a.cli', name: 'Build console' }
const person = { username: 'ada@example.com', name: 'Ada Lovelace' }
const at = '/interaction/u1'
const accountArea = (current: string, said?: string, reader: PersonOnPage = person) => ({
  person: reader,
  links: ['overview', 'profile', 'security', 'sessions', 'applications', 'preferences'].map((id) => ({
    id,
    href: id === 'overview' ? '/account' : `/account/${id}`,
    current: id === current,
  })),
  signOutHref: '/session/end',
  said,
})

function sampleSession(session: Partial<SessionOnPage>): SessionOnPage {
  return {
    browser: 'Firefox',
    system: 'Windows',
    address: '203.0.113.9',
    lastSeen: new Date('2030-01-02T08:30:00Z'),
    signedInAt: new Date('2030-01-02T07:15:00Z'),
    isThis: false,
    applications: ['Expense Reports', 'Build console'],
    href: '/account/sessions/s1',
    ...session,
  }
}
const sampleLanguages = [
  { tag: 'en', name: 'English' },
  { tag: 'de', name: 'Deutsch' },
]
const sampleTiles: readonly TileOnPage[] = [
  { client: plainClient, description: '', href: 'https://builds.example.com/' },
  {
    client: sampleClient,
    description: 'Send the receipts of a journey, and see what was paid.',
    href: 'https://expenses.example.com/login?iss=https%3A%2F%2Flogin.example.com',
  },
]
const unknownSession = sampleSession({ browser: undefined, system: undefined, address: undefined, applications: [] })
const endings: readonly EndingOnPage[] = [
  { name: 'Build console', minutes: 0, told: true },
  { name: 'Expense Reports', minutes: 5, told: false },
]
const sessionEndings: readonly EndingOnPage[] = [
  ...endings,
  { name: 'Mail archive', minutes: 5, told: true, stays: true },
]
/** One with words of the API in German too, and one without any. */
const sampleDetails: readonly DetailOnPage[] = [
  {
    api: 'Example Bank',
    title: {
      text: 'Make a payment from your account',
      by: { de: 'Eine Zahlung von Ihrem Konto ausführen' },
    },
    eachTime: true,
    rows: [
      {
        label: 'actions',
        values: [
          { text: 'start the payment', by: { de: 'die Zahlung anstoßen' } },
          { text: 'see how it stands', by: { de: 'sehen, wie es um sie steht' } },
        ],
      },
      { label: { text: 'Amount', by: { de: 'Betrag' } }, values: [{ text: '123.50' }] },
      { label: { text: 'To', by: { de: 'An' } }, values: [{ text: `Merchant ${'with a very long name '.repeat(8)}` }] },
      { label: { text: 'Urgent', by: { de: 'Eilig' } }, values: [false] },
    ],
  },
  {
    api: 'https://archive.example.com',
    title: { text: 'statements' },
    eachTime: false,
    rows: [
      { label: 'datatypes', values: [{ text: 'iban' }] },
      { label: 'privileges', values: [{ text: 'owner' }] },
      { label: 'locations', values: [{ text: 'https://archive.example.com/a/very/long/address/that/does/not/fit' }] },
      { label: 'identifier', values: [{ text: 'account-1' }] },
    ],
  },
]

function sampleApplication(application: Partial<ApplicationOnPage>): ApplicationOnPage {
  return {
    client: sampleClient,
    since: new Date('2030-01-02T08:30:00Z'),
    offline: true,
    scopes: [
      { scope: 'openid' },
      { scope: 'email' },
      { scope: 'offline_access' },
      { scope: 'reports.read', api: 'Reports API' },
    ],
    href: '/account/applications/a1',
    ...application,
  }
}

/** Every view, in each state that looks different. */
export const samplePages: Readonly<Record<string, Page>> = {
  'sign-in': signIn({}),
  'sign-in for the account': signIn({ client: { clientId: '@account', name: 'Nauthera', own: true } }),
  'sign-in with a mistake': signIn({
    username: 'ada',
    mistakes: [{ key: 'wrong-credentials', control: 'username', values: { attempts: 10, minutes: 15 } }],
  }),
  'sign-in with both fields empty': signIn({
    mistakes: [
      { key: 'username-missing', control: 'username' },
      { key: 'password-missing', control: 'password' },
    ],
  }),
  'sign-in again': signIn({ username: 'ada@example.com', reason: 'again' }),
  'sign-in after the session ended': signIn({ username: 'ada', reason: 'ended' }),
  'sign-in for another account than that of the session': signIn({ reason: 'other' }),
  'sign-in when busy': signIn({ username: 'ada', mistakes: [{ key: 'busy', values: { seconds: 2 } }] }),
  'sign-in from an address with too many failures': signIn({
    username: 'ada',
    mistakes: [{ key: 'locked-out', values: { minutes: 15 } }],
  }),
  'sign-in with other services': signIn({
    leadsByAddress: true,
    upstreams: [
      { id: 'corp', name: 'Example Corporation', action: `${at}/upstream/corp` },
      { id: 'github', name: 'GitHub', action: `${at}/upstream/github` },
    ],
  }),
  'sign-in when another service is away': signIn({
    upstreams: [{ id: 'corp', name: 'Example Corporation', action: `${at}/upstream/corp` }],
    mistakes: [{ key: 'upstream-away', values: { name: 'Example Corporation' } }],
  }),
  'sign-in to link an account': signIn({
    upstreams: [{ id: 'github', name: 'GitHub', action: `${at}/upstream/github` }],
    linking: { reason: 'username', label: 'ada', name: 'GitHub', id: 'github' },
  }),
  'link-account': {
    kind: 'page',
    view: 'link-account',
    model: {
      client: sampleClient,
      action: `${at}/link`,
      cancelAction: `${at}/cancel`,
      person,
      upstream: 'GitHub',
      label: 'ada-codes',
      mistakes: [],
    },
  },
  'moving-on': { kind: 'page', view: 'moving-on', model: { location: '#there', name: 'Example Corporation' } },
  'moving-on back': { kind: 'page', view: 'moving-on', model: { location: '#back' } },
  'sign-in with links for a new password and an account': signIn({ forgotUrl: '/forgot', registerUrl: '/register' }),
  forgot: forgot([]),
  'forgot with a mistake': forgot([{ key: 'username-missing', control: 'login' }]),
  'forgot after too many requests': forgot([{ key: 'too-many-requests', values: { minutes: 15 } }]),
  'new-password': newPassword([]),
  'new-password with a mistake': newPassword([
    { key: 'password-too-short', control: 'new-password', values: { min: 12, max: 128 } },
  ]),
  'confirm-email': {
    kind: 'page',
    view: 'confirm-email',
    model: { action: '/verify-email/t1', email: 'ada@example.com' },
  },
  join: join([]),
  'join with a mistake': join([{ key: 'passwords-differ', control: 'repeat-password' }]),
  register: register([], []),
  'register with domains and a mistake': register(
    ['example.com', 'example.org'],
    [{ key: 'email-domain', control: 'email', values: { domains: 'example.com, example.org' } }],
  ),
  ...notices(),
  'login-link': {
    kind: 'page',
    view: 'login-link',
    model: { action: `${at}/login-link`, switchAction: `${at}/switch`, person },
  },
  'choose-account': {
    kind: 'page',
    view: 'choose-account',
    model: { client: plainClient, action: `${at}/account`, cancelAction: `${at}/cancel`, person, others: [] },
  },
  'choose-account among several': {
    kind: 'page',
    view: 'choose-account',
    model: {
      client: sampleClient,
      action: `${at}/account`,
      cancelAction: `${at}/cancel`,
      person,
      others: [
        { username: 'grace@example.com', name: 'Grace Hopper' },
        { username: 'administrator-of-the-build-machines' },
      ],
    },
  },
  'choose-account when nobody is signed in': {
    kind: 'page',
    view: 'choose-account',
    model: {
      client: sampleClient,
      action: `${at}/account`,
      cancelAction: `${at}/cancel`,
      person: undefined,
      others: [{ username: 'grace@example.com', name: 'Grace Hopper' }],
    },
  },
  'change-password': {
    kind: 'page',
    view: 'change-password',
    model: {
      client: sampleClient,
      action: `${at}/password`,
      cancelAction: `${at}/cancel`,
      person,
      minLength: 12,
      maxLength: 128,
      mistakes: [],
    },
  },
  'change-password with a mistake': {
    kind: 'page',
    view: 'change-password',
    model: {
      action: `${at}/password`,
      person,
      minLength: 12,
      maxLength: 128,
      mistakes: [{ key: 'password-too-short', control: 'new-password', values: { min: 12, max: 128 } }],
    },
  },
  'change-password with several mistakes': {
    kind: 'page',
    view: 'change-password',
    model: {
      action: `${at}/password`,
      person,
      minLength: 12,
      maxLength: 128,
      mistakes: ['password-too-short', 'password-common', 'password-contains-name'].map((key) => ({
        key,
        control: 'new-password',
        values: { min: 12, max: 128 },
      })),
    },
  },
  'second-factor': secondFactor([]),
  'second-factor with a mistake': secondFactor([{ key: 'wrong-code', control: 'code', values: { left: 4 } }]),
  'second-factor with a wrong recovery code': secondFactor([
    { key: 'wrong-code', control: 'recovery-code', values: { left: 3 } },
  ]),
  'second-factor with a used code': secondFactor([{ key: 'used-code', control: 'code', values: { left: 4 } }]),
  'second-factor that is locked': secondFactor([{ key: 'codes-locked', control: 'code', values: { minutes: 60 } }]),
  'second-factor with app and passkey': secondFactor([], { hasApp: true, passkey: passkey('get') }),
  'second-factor with a passkey that was refused': secondFactor([{ key: 'passkey-refused' }], {
    hasApp: false,
    passkey: passkey('get'),
  }),
  'sign-in with passkeys': signIn({ passkey: passkey('suggest') }),
  'sign-in after too many wrong codes': signIn({ mistakes: [{ key: 'too-many-codes', values: { tries: 5 } }] }),
  'set-up-factor': {
    kind: 'page',
    view: 'set-up-factor',
    model: {
      client: sampleClient,
      action: `${at}/set-up`,
      cancelAction: `${at}/cancel`,
      person,
      signInFirst: false,
      passkey: passkey('create'),
      mistakes: [],
    },
  },
  'set-up-factor without passkeys': {
    kind: 'page',
    view: 'set-up-factor',
    model: {
      client: sampleClient,
      action: `${at}/set-up`,
      cancelAction: `${at}/cancel`,
      person,
      signInFirst: false,
      passkey: undefined,
      mistakes: [],
    },
  },
  'set-up-factor after an old sign-in': {
    kind: 'page',
    view: 'set-up-factor',
    model: {
      client: sampleClient,
      action: `${at}/set-up`,
      cancelAction: `${at}/cancel`,
      person,
      signInFirst: true,
      passkey: undefined,
      mistakes: [],
    },
  },
  'set-up-factor with a mistake': {
    kind: 'page',
    view: 'set-up-factor',
    model: {
      action: `${at}/set-up`,
      cancelAction: `${at}/cancel`,
      person,
      signInFirst: false,
      passkey: passkey('create'),
      mistakes: [{ key: 'passkey-not-added' }],
    },
  },
  'set-up-app': setUpApp([]),
  'set-up-app with a mistake': setUpApp([{ key: 'wrong-first-code', control: 'code' }]),
  'recovery-codes': {
    kind: 'page',
    view: 'recovery-codes',
    model: {
      client: sampleClient,
      action: `${at}/codes-saved`,
      codes: Array.from({ length: 10 }, (_, n) => `7KQ2-M9XV-4TR8-${n}WBC`),
    },
  },
  consent: {
    kind: 'page',
    view: 'consent',
    formTargets: ['https://expenses.example.com/callback'],
    model: {
      client: sampleClient,
      action: `${at}/consent`,
      switchAction: `${at}/switch`,
      person,
      scopes: [
        { scope: 'openid' },
        { scope: 'profile' },
        { scope: 'email' },
        { scope: 'offline_access' },
        { scope: 'reports.read', api: 'Reports API' },
        { scope: 'reports.write', api: 'Reports API' },
      ],
      canRemember: true,
      seen: 'a-digest',
      destination: 'expenses.example.com',
    },
  },
  'consent to authorization details': {
    kind: 'page',
    view: 'consent',
    formTargets: ['https://expenses.example.com/callback'],
    model: {
      client: sampleClient,
      action: `${at}/consent`,
      switchAction: `${at}/switch`,
      person,
      scopes: [{ scope: 'openid' }],
      details: sampleDetails,
      canRemember: true,
      seen: 'a-digest',
      destination: 'expenses.example.com',
    },
  },
  'consent of a plain client': {
    kind: 'page',
    view: 'consent',
    formTargets: ['com.example.console:/callback'],
    model: {
      client: plainClient,
      action: `${at}/consent`,
      switchAction: `${at}/switch`,
      person: { username: 'ada' },
      scopes: [{ scope: 'openid' }, { scope: 'builds' }],
      canRemember: false,
      seen: 'a-digest',
      destination: 'com.example.console:',
    },
  },
  'consent of a client by metadata document': {
    kind: 'page',
    view: 'consent',
    formTargets: ['https://agents.example.com/callback'],
    model: {
      client: { clientId: agentId, name: 'Research agent (agents.example.com)', host: 'agents.example.com' },
      action: `${at}/consent`,
      switchAction: `${at}/switch`,
      person,
      scopes: [{ scope: 'tools:use', api: 'Tools' }],
      canRemember: false,
      seen: 'a-digest',
      destination: 'agents.example.com',
    },
  },
  'consent of a client by metadata document, on the device': {
    kind: 'page',
    view: 'consent',
    formTargets: ['http://localhost:33418/'],
    model: {
      client: { clientId: agentId, name: 'Research agent (agents.example.com)', host: 'agents.example.com' },
      action: `${at}/consent`,
      switchAction: `${at}/switch`,
      person,
      scopes: [{ scope: 'tools:use', api: 'Tools' }],
      canRemember: false,
      seen: 'a-digest',
      destination: 'localhost:33418',
      loopback: true,
    },
  },
  'consent for a device': {
    kind: 'page',
    view: 'consent',
    model: {
      client: plainClient,
      action: `${at}/consent`,
      switchAction: `${at}/switch`,
      person,
      scopes: [{ scope: 'openid' }],
      canRemember: true,
      seen: 'a-digest',
      destination: '',
    },
  },
  'device-code': { kind: 'page', view: 'device-code', model: { action: '/device', userCode: '', mistakes: [] } },
  'device-code: wrong': {
    kind: 'page',
    view: 'device-code',
    model: {
      action: '/device',
      userCode: 'BCDF-GHJK',
      mistakes: [{ key: 'device-code-unknown', control: 'user-code' }],
    },
  },
  'confirm-device': {
    kind: 'page',
    view: 'confirm-device',
    model: {
      client: sampleClient,
      action: `${at}/device`,
      userCode: 'BCDF-GHJK',
      scopes: [{ scope: 'openid' }, { scope: 'email' }, { scope: 'reports.read', api: 'Reports API' }],
      details: sampleDetails,
      person,
    },
  },
  'confirm-device of nobody': {
    kind: 'page',
    view: 'confirm-device',
    model: { client: plainClient, action: `${at}/device`, userCode: 'BCDF-GHJK', scopes: [] },
  },
  refused: {
    kind: 'page',
    view: 'refused',
    status: 403,
    model: { client: sampleClient, person, switchAction: `${at}/switch`, cancelAction: `${at}/cancel` },
  },
  logout: {
    kind: 'page',
    view: 'logout',
    model: {
      client: sampleClient,
      action: '/session/end/confirm',
      fields: { xsrf: 'x1' },
      person,
      endings: sessionEndings,
    },
  },
  'logout of somebody from another service': {
    kind: 'page',
    view: 'logout',
    model: {
      client: sampleClient,
      action: '/session/end/confirm',
      fields: { xsrf: 'x1' },
      person,
      elsewhere: { name: 'Example Corporation', url: 'https://corp.example.com/logout' },
    },
  },
  'signed-out': {
    kind: 'page',
    view: 'signed-out',
    model: { client: sampleClient, stillSignedIn: false, endings: sessionEndings },
  },
  'signed-out of nothing': { kind: 'page', view: 'signed-out', model: { stillSignedIn: false } },
  'still signed in': {
    kind: 'page',
    view: 'signed-out',
    model: { client: sampleClient, stillSignedIn: true },
  },
  'error of the person': {
    kind: 'page',
    view: 'error',
    status: 400,
    model: { key: 'interaction-expired', code: 'INTERACTION_EXPIRED', client: sampleClient },
  },
  'error of the world': {
    kind: 'page',
    view: 'error',
    status: 503,
    model: { key: 'unavailable', code: 'STORE_UNAVAILABLE', retryUrl: at },
  },
  'error of the client': {
    kind: 'page',
    view: 'error',
    status: 400,
    model: {
      key: 'invalid_redirect_uri',
      code: 'invalid_redirect_uri',
      client: plainClient,
      detail:
        'redirect_uri\n  got        https://expenses.example.com/other\n  registered https://expenses.example.com/callback',
    },
  },
  'error without words of its own': {
    kind: 'page',
    view: 'error',
    status: 400,
    model: { key: 'unmet_authentication_requirements', code: 'unmet_authentication_requirements' },
  },
  'error with the reason of the protocol': {
    kind: 'page',
    view: 'error',
    status: 400,
    model: {
      key: 'invalid_request',
      code: 'invalid_request',
      client: plainClient,
      description: "missing required parameter(s) 'response_type'",
    },
  },
  home: {
    kind: 'page',
    view: 'home',
    model: {
      issuer: 'https://login.example.com',
      discovery: '/.well-known/openid-configuration',
      account: '/account',
    },
  },
  'account-overview': {
    kind: 'page',
    view: 'account-overview',
    model: {
      area: accountArea('overview'),
      tiles: sampleTiles,
      found: 72,
      search: { action: '/account', text: '' },
    },
  },
  'account-overview without applications': {
    kind: 'page',
    view: 'account-overview',
    model: { area: accountArea('overview'), tiles: [], found: 0 },
  },
  'account-profile': accountProfile({}),
  'account-profile with a mistake': accountProfile({
    mistakes: [{ key: 'zone-unknown', control: 'zoneinfo' }],
    form: { action: '/account/profile', name: 'Ada Lovelace', nickname: '', zoneinfo: 'Berlin' },
  }),
  'account-profile of a directory': accountProfile({ source: 'company-directory', form: undefined }),
  'account-sessions': {
    kind: 'page',
    view: 'account-sessions',
    model: {
      area: accountArea('sessions', 'session-ended'),
      sessions: [
        sampleSession({ isThis: true, href: '/session/end' }),
        sampleSession({ system: 'Android' }),
        unknownSession,
      ],
      everywhereHref: '/account/sign-out-everywhere',
    },
  },
  'account-session': {
    kind: 'page',
    view: 'account-session',
    model: {
      area: accountArea('sessions'),
      session: sampleSession({}),
      endings,
      action: '/account/sessions/s1',
      backHref: '/account/sessions',
    },
  },
  'account-everywhere': {
    kind: 'page',
    view: 'account-everywhere',
    model: {
      area: accountArea('sessions'),
      endings,
      action: '/account/sign-out-everywhere',
      backHref: '/account/sessions',
    },
  },
  'signed-out-everywhere': {
    kind: 'page',
    view: 'signed-out-everywhere',
    model: { endings, accountHref: '/account' },
  },
  'account-applications': {
    kind: 'page',
    view: 'account-applications',
    model: {
      area: accountArea('applications'),
      applications: [
        sampleApplication({ details: sampleDetails }),
        sampleApplication({ client: plainClient, offline: false, scopes: [{ scope: 'openid' }] }),
      ],
    },
  },
  'account-applications without any': {
    kind: 'page',
    view: 'account-applications',
    model: { area: accountArea('applications', 'access-removed'), applications: [] },
  },
  'account-application': {
    kind: 'page',
    view: 'account-application',
    model: {
      area: accountArea('applications'),
      application: sampleApplication({}),
      ending: { name: 'Expense Reports', minutes: 5, told: false },
      action: '/account/applications/a1',
      backHref: '/account/applications',
    },
  },
  'account-preferences': {
    kind: 'page',
    view: 'account-preferences',
    model: {
      area: accountArea('preferences'),
      action: '/account/preferences',
      languages: sampleLanguages,
      language: undefined,
      colourScheme: undefined,
      mistakes: [],
    },
  },
  'account-preferences in dark colours, with a mistake': {
    kind: 'page',
    view: 'account-preferences',
    model: {
      area: accountArea('preferences', 'preferences-saved', { ...person, colourScheme: 'dark' }),
      action: '/account/preferences',
      languages: sampleLanguages,
      language: 'de',
      colourScheme: 'dark',
      mistakes: [{ key: 'choice-unknown' }],
    },
  },
  'account-security': {
    kind: 'page',
    view: 'account-security',
    model: {
      area: accountArea('security', 'password-changed'),
      sections: [
        {
          id: 'password',
          text: { key: 'security.password.text' },
          items: [],
          actions: [{ id: 'change-password', href: '/account/security/password', key: 'security.password.change' }],
        },
        {
          id: 'passkeys',
          text: { key: 'security.passkeys.text' },
          items: [
            {
              name: 'Work laptop',
              note: { key: 'security.passkeys.used', at: new Date('2026-01-02T03:04:05Z') },
              actions: [
                { id: 'rename-one', href: '/account/security/rename?id=one', key: 'security.rename.link' },
                { id: 'remove-passkey-one', href: '/account/security/remove-passkey', key: 'security.passkeys.remove' },
              ],
            },
            { name: '', note: { key: 'security.passkeys.since', at: new Date('2026-01-02T03:04:05Z') }, actions: [] },
          ],
          actions: [{ id: 'add-passkey', href: '/account/security/passkey', key: 'security.passkeys.add' }],
        },
      ],
    },
  },
  'account-security with linked sign-ins': {
    kind: 'page',
    view: 'account-security',
    model: {
      area: accountArea('security', 'linked'),
      sections: [
        {
          id: 'linked',
          text: { key: 'security.linked.text' },
          items: [
            {
              name: 'Example Corporation',
              note: { key: 'security.linked.origin', at: new Date('2026-01-02T03:04:05Z') },
              actions: [],
            },
            {
              name: 'GitHub',
              note: { key: 'security.passkeys.used', at: new Date('2026-01-02T03:04:05Z') },
              actions: [{ id: 'unlink-1', href: '/account/security/unlink?id=1', key: 'security.linked.remove' }],
            },
          ],
          actions: ['Example Corporation', 'GitHub'].map((name, index) => ({
            id: `link-${index}`,
            href: '/account/security/upstream/github',
            key: 'security.linked.add',
            values: { name },
          })),
        },
      ],
    },
  },
  'account-link': accountLink({}),
  'account-link with somebody found': accountLink({ found: { label: 'ada@example.com', sealed: 'sealed' } }),
  'account-link of somebody else': accountLink({
    mistakes: [{ key: 'link-linked-elsewhere', values: { label: 'ada@example.com', name: 'Example Corporation' } }],
  }),
  'account-confirm of an unlinking': confirmOf('unlink'),
  'account-security of a directory': {
    kind: 'page',
    view: 'account-security',
    model: {
      area: accountArea('security'),
      sections: [
        {
          id: 'password',
          text: { key: 'security.password.elsewhere', values: { source: 'company-directory' } },
          items: [],
          actions: [],
        },
      ],
    },
  },
  'account-app': {
    kind: 'page',
    view: 'account-app',
    model: {
      area: accountArea('security'),
      action: '/account/security/app',
      backHref: '/account/security',
      qrCode: qrCode(appUri('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', { issuer: 'Nauthera', account: person.username })),
      secret: 'GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ',
      sealed: 'k1~AAAA',
      name: 'Phone',
      mistakes: [],
    },
  },
  'account-codes': {
    kind: 'page',
    view: 'account-codes',
    model: {
      area: accountArea('security'),
      codes: Array.from({ length: 10 }, (_, n) => `7KQ2-M9XV-4TR8-${n}WBC`),
      done: 'app-added',
      backHref: '/account/security',
    },
  },
  'account-passkey': accountPasskey([]),
  'account-passkey with a mistake': accountPasskey([{ key: 'passkey-not-added' }]),
  'account-rename': accountRename('Work laptop', []),
  'account-rename with a mistake': accountRename('', [{ key: 'factor-name-missing', control: 'factor-name' }]),
  'account-confirm of a passkey': confirmOf('remove-passkey'),
  'account-confirm of a removal': confirmOf('remove-app'),
  'account-confirm of new codes': confirmOf('new-codes'),
  'account-password': accountPassword({}),
  'account-password with a mistake': accountPassword({
    mistakes: [{ key: 'current-password-wrong', control: 'current-password', values: { attempts: 10, minutes: 15 } }],
  }),
  'account-password of a directory': accountPassword({
    elsewhere: { key: 'security.password.elsewhere', values: { source: 'company-directory' } },
  }),
  ...sampleAdminPages,
  'wrong host': {
    kind: 'page',
    view: 'error',
    status: 421,
    model: {
      key: 'wrong-host',
      code: 'HOST_UNKNOWN',
      values: { issuer: 'https://login.example.com' },
      goTo: 'https://login.example.com',
    },
  },
}

function accountProfile(model: Partial<Extract<Page, { view: 'account-profile' }>['model']>): Page {
  return {
    kind: 'page',
    view: 'account-profile',
    model: {
      area: accountArea('profile'),
      facts: [
        { claim: 'preferred_username', value: 'ada@example.com' },
        { claim: 'name', value: 'Ada Lovelace' },
        { claim: 'zoneinfo', value: 'Europe/London' },
      ],
      email: { address: 'ada@example.com', verified: true },
      groups: ['engineering', 'staff'],
      form: { action: '/account/profile', name: 'Ada Lovelace', nickname: '', zoneinfo: 'Europe/London' },
      mistakes: [],
      ...model,
    },
  }
}

function accountPassword(model: Partial<Extract<Page, { view: 'account-password' }>['model']>): Page {
  return {
    kind: 'page',
    view: 'account-password',
    model: {
      area: accountArea('security'),
      action: '/account/security/password',
      backHref: '/account/security',
      person,
      minLength: 12,
      maxLength: 128,
      mistakes: [],
      ...model,
    },
  }
}

/** No browser makes a passkey of it: the name is another one than that of the page. */
function passkey(mode: PasskeyOnPage['mode']): PasskeyOnPage {
  const options = { challenge: 'AAAA', rpId: 'login.example.com', userVerification: 'required' }
  return { action: `${at}/passkey`, mode, options: JSON.stringify(options), sealed: 'k1~AAAA' }
}

function accountRename(name: string, mistakes: readonly Mistake[]): Page {
  return {
    kind: 'page',
    view: 'account-rename',
    model: {
      area: accountArea('security'),
      action: '/account/security/rename',
      backHref: '/account/security',
      id: 'one',
      what: name === '' ? 'app' : 'passkey',
      name,
      mistakes,
    },
  }
}

function accountPasskey(mistakes: readonly Mistake[]): Page {
  return {
    kind: 'page',
    view: 'account-passkey',
    model: {
      area: accountArea('security'),
      backHref: '/account/security',
      passkey: passkey('create'),
      mistakes,
    },
  }
}

function confirmOf(what: 'remove-app' | 'remove-passkey' | 'new-codes' | 'unlink'): Page {
  const area = accountArea('security')
  return {
    kind: 'page',
    view: 'account-confirm',
    model: {
      area,
      action: `/account/security/${what}`,
      backHref: '/account/security',
      what,
      ...(what === 'remove-passkey' ? { id: 'an-id', name: 'Work laptop' } : {}),
      ...(what === 'unlink' ? { id: 'an-id', name: 'GitHub' } : {}),
    },
  }
}

function accountLink(
  model: Partial<Pick<Extract<Page, { view: 'account-link' }>['model'], 'found' | 'mistakes'>>,
): Page {
  return {
    kind: 'page',
    view: 'account-link',
    model: {
      area: accountArea('security'),
      action: '/account/security/upstream/corp',
      backHref: '/account/security',
      provider: 'Example Corporation',
      mistakes: [],
      ...model,
    },
  }
}

function secondFactor(
  mistakes: readonly Mistake[],
  has: { hasApp: boolean; passkey?: PasskeyOnPage } = { hasApp: true },
): Page {
  return {
    kind: 'page',
    view: 'second-factor',
    model: {
      client: sampleClient,
      person,
      action: `${at}/second-factor`,
      recoveryAction: `${at}/recovery-code`,
      switchAction: `${at}/switch`,
      cancelAction: `${at}/cancel`,
      mistakes,
      ...has,
    },
  }
}

function setUpApp(mistakes: readonly Mistake[]): Page {
  const seed = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
  return {
    kind: 'page',
    view: 'set-up-app',
    model: {
      client: sampleClient,
      action: `${at}/set-up-app`,
      cancelAction: `${at}/cancel`,
      qrCode: qrCode(appUri(seed, { issuer: 'Nauthera', account: person.username })),
      secret: seed.replace(/.{4}(?=.)/g, '$& '),
      name: '',
      mistakes,
    },
  }
}

function signIn(model: Partial<Extract<Page, { view: 'sign-in' }>['model']>): Page {
  return {
    kind: 'page',
    view: 'sign-in',
    formTargets: ['https://expenses.example.com/callback'],
    model: {
      client: sampleClient,
      action: `${at}/sign-in`,
      cancelAction: `${at}/cancel`,
      username: '',
      mistakes: [],
      ...model,
    },
  }
}

type Mistakes = Page['model'] extends infer Model ? (Model extends { mistakes: infer Found } ? Found : never) : never

function forgot(mistakes: Mistakes): Page {
  const model = {
    client: sampleClient,
    action: '/forgot',
    fields: { client: 'team-a.web', 'sign-in': 'u1' },
    login: '',
  }
  return { kind: 'page', view: 'forgot', model: { ...model, mistakes } }
}

function newPassword(mistakes: Mistakes): Page {
  const model = { action: '/reset/t1', person, minLength: 12, maxLength: 128, mistakes }
  return { kind: 'page', view: 'new-password', model }
}

function join(mistakes: Mistakes): Page {
  const model = {
    action: '/invitation/t1',
    email: 'ada@example.com',
    name: 'Ada',
    minLength: 12,
    maxLength: 128,
    mistakes,
  }
  return { kind: 'page', view: 'join', model }
}

function register(domains: readonly string[], mistakes: Mistakes): Page {
  return {
    kind: 'page',
    view: 'register',
    model: { action: '/register', email: 'ada@elsewhere.test', domains, mistakes },
  }
}

function notices(): Readonly<Record<string, Page>> {
  const notice = (key: string, more: object = {}): [string, Page] => [
    `notice: ${key}`,
    { kind: 'page', view: 'notice', model: { key, values: { minutes: 30 }, ...more } },
  ]
  return Object.fromEntries([
    notice('no-mail', { client: sampleClient }),
    notice('reset-sent', { client: sampleClient }),
    notice('reset-done', { link: { href: '/interaction/u1', key: 'notice.reset-done.sign-in' } }),
    notice('email-verified'),
    notice('joined', { link: { href: '/account', key: 'notice.joined.go-on' } }),
    notice('registration-sent'),
    notice('device-allowed', { values: { client: sampleClient.name } }),
    notice('device-refused'),
    notice('device-over', { link: { href: '/device', key: 'notice.device-over.again' } }),
    notice('link-gone', { link: { href: '/forgot', key: 'notice.link-gone.again' } }),
    notice('join-link-gone'),
  ])
}
