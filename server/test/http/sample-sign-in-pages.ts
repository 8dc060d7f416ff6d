// The pages of a sign-in, and of mails that lead to one.
import type { Page } from '../../src/reply.ts'
import type { Mistake, PasskeyOnPage } from '../../src/reply/on-page.ts'
import { qrCode } from '../../src/users/factors/qr-code.ts'
import { appUri } from '../../src/users/factors/totp.ts'
import { sampleClient, plainClient, person, at, sampleDetails, passkey } from './sample-subjects.ts'
import { variantsOf } from './sample-variants.ts'

const agentId = 'https://agents.example.com/client.json'

const sampleLinkAccount = variantsOf('link-account', {
  client: sampleClient,
  action: `${at}/link`,
  cancelAction: `${at}/cancel`,
  person,
  upstream: 'GitHub',
  label: 'ada-codes',
  factorFirst: false,
  mistakes: [],
})

const sampleChooseAccount = variantsOf('choose-account', {
  client: sampleClient,
  action: `${at}/account`,
  cancelAction: `${at}/cancel`,
  person,
  others: [
    { username: 'grace@example.com', name: 'Grace Hopper' },
    { username: 'administrator-of-the-build-machines' },
  ],
})

const sampleChangePassword = variantsOf('change-password', {
  action: `${at}/password`,
  person,
  minLength: 12,
  maxLength: 128,
  mistakes: [],
})

const sampleSetUpFactor = variantsOf('set-up-factor', {
  action: `${at}/set-up`,
  cancelAction: `${at}/cancel`,
  person,
  signInFirst: false,
  passkey: undefined,
  mistakes: [],
})

export const sampleSignInPages: Readonly<Record<string, Page>> = {
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
      { id: 'corp', name: 'Example Corporation', preset: 'entra', action: `${at}/upstream/corp` },
      { id: 'google', name: 'Google', preset: 'google', action: `${at}/upstream/google` },
      { id: 'github', name: 'GitHub', preset: 'github', action: `${at}/upstream/github` },
      { id: 'gitlab', name: 'GitLab', preset: 'gitlab', action: `${at}/upstream/gitlab` },
      { id: 'partner', name: 'Partner AG', preset: 'generic', action: `${at}/upstream/partner` },
      { id: 'own', name: 'Own logo', preset: 'generic', action: `${at}/upstream/own` },
    ],
  }),
  'sign-in when another service is away': signIn({
    upstreams: [{ id: 'corp', name: 'Example Corporation', preset: 'generic', action: `${at}/upstream/corp` }],
    mistakes: [{ key: 'upstream-away', values: { name: 'Example Corporation' } }],
  }),
  'sign-in to link an account': signIn({
    upstreams: [{ id: 'github', name: 'GitHub', preset: 'github', action: `${at}/upstream/github` }],
    linking: { reason: 'username', label: 'ada', name: 'GitHub', id: 'github' },
  }),
  'link-account': sampleLinkAccount(),
  'link-account before a second factor': sampleLinkAccount({ factorFirst: true }),
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
  'choose-account among several': sampleChooseAccount(),
  'choose-account when nobody is signed in': sampleChooseAccount({
    person: undefined,
    others: [{ username: 'grace@example.com', name: 'Grace Hopper' }],
  }),
  'change-password': sampleChangePassword({
    client: sampleClient,
    cancelAction: `${at}/cancel`,
  }),
  'change-password with a mistake': sampleChangePassword({
    mistakes: [{ key: 'password-too-short', control: 'new-password', values: { min: 12, max: 128 } }],
  }),
  'change-password with several mistakes': sampleChangePassword({
    mistakes: ['password-too-short', 'password-common', 'password-contains-name'].map((key) => ({
      key,
      control: 'new-password',
      values: { min: 12, max: 128 },
    })),
  }),
  'second-factor before a new password': {
    kind: 'page',
    view: 'second-factor',
    model: {
      person,
      action: '/reset/sample/second-factor',
      recoveryAction: '/reset/sample/recovery-code',
      isForPassword: true,
      hasApp: true,
      mistakes: [],
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
  'set-up-factor': sampleSetUpFactor({
    client: sampleClient,
    passkey: passkey('create'),
  }),
  'set-up-factor without passkeys': sampleSetUpFactor({ client: sampleClient }),
  'set-up-factor after an old sign-in': sampleSetUpFactor({
    client: sampleClient,
    signInFirst: true,
  }),
  'set-up-factor where a link is needed': sampleSetUpFactor({
    client: sampleClient,
    linkFirst: true,
  }),
  'set-up-factor with a mistake': sampleSetUpFactor({
    passkey: passkey('create'),
    mistakes: [{ key: 'passkey-not-added' }],
  }),
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
        {
          scope: 'reports.read',
          api: 'Reports API',
          title: { text: 'Read your reports', by: { de: 'Ihre Berichte lesen' } },
          description: {
            text: 'All reports that you may see yourself.',
            by: { de: 'Alle Berichte, die Sie selbst sehen dürfen.' },
          },
        },
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
      destination: 'com.example.build.console.of.a.team.with.long.names:',
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
      inSession: true,
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
      inSession: true,
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
