// The pages of a person's own account.
import type { Page } from '../../src/reply.ts'
import type { ApplicationOnPage, SessionOnPage, TileOnPage } from '../../src/reply/account-pages.ts'
import type { Mistake, PersonOnPage } from '../../src/reply/on-page.ts'
import { qrCode } from '../../src/users/factors/qr-code.ts'
import { appUri } from '../../src/users/factors/totp.ts'
import { sampleClient, plainClient, person, endings, sampleDetails, passkey } from './sample-subjects.ts'
import { variantsOf } from './sample-variants.ts'

const accountArea = (current: string, said?: string, reader: PersonOnPage = person) => ({
  person: reader,
  label: 'nav.label',
  links: ['overview', 'profile', 'security', 'sessions', 'applications', 'preferences'].map((id) => ({
    id,
    href: id === 'overview' ? '/account' : `/account/${id}`,
    current: id === current,
  })),
  signOutHref: '/logout',
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

const sampleAccountApplications = variantsOf('account-applications', {
  area: accountArea('applications'),
  applications: [
    sampleApplication({ details: sampleDetails }),
    sampleApplication({ client: plainClient, offline: false, scopes: [{ scope: 'openid' }] }),
  ],
  firstHref: '/account/applications',
  nextHref: '/account/applications?page=3',
})

const sampleAccountPreferences = variantsOf('account-preferences', {
  area: accountArea('preferences'),
  action: '/account/preferences',
  languages: sampleLanguages,
  language: undefined,
  colourScheme: undefined,
  mistakes: [],
})

const sampleAccountSecurity = variantsOf('account-security', {
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
})

export const sampleAccountPages: Readonly<Record<string, Page>> = {
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
        sampleSession({ isThis: true, href: '/logout' }),
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
  'account-applications': sampleAccountApplications(),
  'account-applications without any': sampleAccountApplications({
    area: accountArea('applications', 'access-removed'),
    applications: [],
    firstHref: undefined,
    nextHref: undefined,
  }),
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
  'account-preferences': sampleAccountPreferences(),
  'account-preferences in dark colours, with a mistake': sampleAccountPreferences({
    area: accountArea('preferences', 'preferences-saved', { ...person, colourScheme: 'dark' }),
    language: 'de',
    colourScheme: 'dark',
    mistakes: [{ key: 'choice-unknown' }],
  }),
  'account-security': sampleAccountSecurity(),
  'account-security with linked sign-ins': sampleAccountSecurity({
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
  }),
  'account-link': accountLink({}),
  'account-link with somebody found': accountLink({ found: { label: 'ada@example.com', sealed: 'sealed' } }),
  'account-link of somebody else': accountLink({
    mistakes: [{ key: 'link-linked-elsewhere', values: { label: 'ada@example.com', name: 'Example Corporation' } }],
  }),
  'account-confirm of an unlinking': confirmOf('unlink'),
  'account-security of a directory': sampleAccountSecurity({
    area: accountArea('security'),
    sections: [
      {
        id: 'password',
        text: { key: 'security.password.elsewhere', values: { source: 'company-directory' } },
        items: [],
        actions: [],
      },
    ],
  }),
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
      weakLinks: ['GitHub', 'Example Corporation'],
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

function accountRename(name: string, mistakes: readonly Mistake[]): Page {
  return {
    kind: 'page',
    view: 'account-rename',
    model: {
      area: accountArea('security'),
      action: '/account/security/rename',
      backHref: '/account/security',
      id: 'one',
      what: name === '' ? 'totp' : 'passkey',
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
      weakLinks: mistakes.length > 0 ? ['GitHub'] : [],
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
