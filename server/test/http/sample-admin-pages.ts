import type { Page, Views } from '../../src/reply.ts'
import type { ClientRow } from '../../src/reply/admin-pages.ts'

// The pages of the help desk, each in the states that look different.

const id = '6f1d7c7a-3c1e-4b5e-9a5e-0d5a8c3b2a10'
const here = `/admin/people/${id}`
const at = (time: string) => new Date(`2026-01-31T${time}:00.000Z`)

const area = (current: string, said?: string): Views['admin-people']['area'] => ({
  person: { username: 'grace@example.com', name: 'Grace Hopper' },
  links: ['people', 'clients', 'keys', 'account'].map((link) => ({
    id: link,
    href: link === 'people' ? '/admin' : `/admin/${link}`,
    current: link === current,
  })),
  signOutHref: '/session/end',
  said,
})

const served = (more: Partial<NonNullable<ClientRow['served']>>): ClientRow['served'] => ({
  type: 'Web',
  isSuspended: false,
  generation: 3,
  scopes: ['openid', 'profile', 'email'],
  api: undefined,
  contacts: ['team-a@example.com'],
  secrets: 1,
  oldSecretUntil: undefined,
  ...more,
})

const found = (username: string, more: Partial<Views['admin-people']['people'][number]> = {}) => ({
  href: here,
  username,
  name: undefined,
  email: undefined,
  source: undefined,
  disabled: false,
  ...more,
})

const people = (model: Partial<Views['admin-people']>): Page => ({
  kind: 'page',
  view: 'admin-people',
  model: {
    area: area('people'),
    action: '/admin',
    inviteHref: '/admin/invite',
    text: '',
    people: [],
    firstHref: undefined,
    nextHref: undefined,
    ...model,
  },
})

const person = (model: Partial<Views['admin-person']>): Page => ({
  kind: 'page',
  view: 'admin-person',
  model: {
    area: area('people'),
    person: { username: 'ada', name: 'Ada Lovelace' },
    id,
    email: 'ada@example.com',
    emailVerified: true,
    source: undefined,
    sourceSays: 'known',
    groups: [
      { name: 'engineers', isOwn: false, sources: ['company-directory'] },
      { name: 'release-managers', isOwn: true, sources: ['company-directory', 'corp'] },
      { name: 'on-call', isOwn: true, sources: [] },
    ],
    disabled: false,
    mustChangePassword: false,
    created: at('08:15'),
    failures: undefined,
    wrongCodes: undefined,
    factors: [
      { kind: 'totp', name: 'Authenticator app', created: at('08:30'), lastUsed: at('12:40') },
      { kind: 'passkey', name: 'Key on the desk', created: at('08:31'), lastUsed: undefined },
    ],
    links: [
      { upstream: 'corp', subject: 'a-1', isOrigin: true, linked: at('08:15'), lastUsed: at('12:40') },
      { upstream: 'github', subject: '583231', isOrigin: false, linked: at('09:00'), lastUsed: at('09:00') },
    ],
    sessions: [
      {
        browser: 'Chrome',
        system: 'Linux',
        address: '192.0.2.7',
        lastSeen: at('12:40'),
        clients: 3,
      },
      { browser: undefined, system: undefined, address: undefined, lastSeen: at('09:05'), clients: 0 },
    ],
    consents: [
      { clientId: 'team-a.web', scopes: ['openid', 'profile', 'email', 'offline_access'], granted: at('08:20') },
    ],
    signIns: [
      { at: at('12:40'), outcome: 'success', reason: undefined, address: '192.0.2.7', clientId: 'team-a.web' },
      { at: at('12:39'), outcome: 'failure', reason: 'wrong-password', address: '2001:db8::7', clientId: undefined },
    ],
    isOwn: false,
    acts: ['sign-out', 'reset-factors', 'unlink', 'disable'].map((act) => ({
      id: act,
      isSevere: true,
      href: `${here}/${act}`,
    })),
    ...model,
  },
})

const act = (name: string, isSevere: boolean): Page => ({
  kind: 'page',
  view: 'admin-act',
  model: {
    area: area('people'),
    act: name,
    values: { minutes: 30 },
    isSevere,
    person: { username: 'ada', name: 'Ada Lovelace' },
    action: `${here}/${name}`,
    backHref: here,
  },
})

const invite = (model: Partial<Views['admin-invite']>): Page => ({
  kind: 'page',
  view: 'admin-invite',
  model: {
    area: area('people'),
    action: '/admin/invite',
    backHref: '/admin',
    email: '',
    name: '',
    locale: '',
    languages: [
      { tag: 'de', name: 'Deutsch' },
      { tag: 'en', name: 'English' },
    ],
    mistakes: [],
    ...model,
  },
})

export const sampleAdminPages: Readonly<Record<string, Page>> = {
  'admin-invite': invite({}),
  'admin-invite for somebody who has an account': invite({
    email: 'ada@example.com',
    name: 'Ada Lovelace',
    locale: 'de',
    mistakes: [{ key: 'email-has-account', control: 'email' }],
  }),
  'admin-invite for somebody who is invited': invite({
    email: 'ada@example.com',
    mistakes: [{ key: 'invited-with-groups', control: 'email' }],
  }),
  'admin-people': people({
    people: [
      found('ada', { name: 'Ada Lovelace', email: 'ada@example.com' }),
      found('alan', { name: 'Alan Turing', source: 'company-directory' }),
      found('annie', { disabled: true }),
    ],
    nextHref: '/admin?after=abc',
  }),
  'admin-people after a search': people({
    text: 'lovel',
    people: [found('ada', { name: 'Ada Lovelace', email: 'ada@example.com' })],
    firstHref: '/admin?q=lovel',
  }),
  'admin-people with nobody found': people({ text: 'nobody at all' }),
  'admin-person': person({}),
  'admin-person who is locked out': person({
    area: area('people', 'desk-sign-out'),
    failures: { count: 10, isLocked: true, until: at('13:00') },
    wrongCodes: { count: 3, isLocked: false, until: at('14:00') },
    mustChangePassword: true,
    factors: [],
    links: [],
    sessions: [],
    consents: [],
    acts: ['unlock', 'send-reset', 'sign-out', 'disable'].map((one) => ({
      id: one,
      isSevere: one === 'sign-out' || one === 'disable',
      href: here,
    })),
  }),
  'admin-person of a directory that is away': person({
    source: 'company-directory',
    sourceSays: 'away',
    disabled: true,
    email: undefined,
    groups: [],
    signIns: [],
    acts: [{ id: 'enable', isSevere: false, href: `${here}/enable` }],
  }),
  'admin-person who is oneself': person({ isOwn: true, acts: [] }),
  'admin-act that ends something': act('disable', true),
  'admin-act that gives something back': act('unlock', false),
  'admin-act that sends a mail': act('send-reset', false),
  'admin-clients': {
    kind: 'page',
    view: 'admin-clients',
    model: {
      area: area('clients'),
      action: '/admin/clients',
      text: '',
      clients: [
        {
          clientId: 'team-a.web',
          namespace: 'team-a',
          name: 'web',
          state: 'served',
          says: undefined,
          served: served({}),
        },
        {
          clientId: 'team-b.portal-of-a-team-with-a-long-name',
          namespace: 'team-b',
          name: 'portal-of-a-team-with-a-long-name',
          state: 'older',
          says: 'redirectUris: must not have a fragment',
          served: served({ secrets: 2, oldSecretUntil: at('13:00'), api: 'https://api.example.com/reports' }),
        },
        {
          clientId: 'team-b.machine',
          namespace: 'team-b',
          name: 'machine',
          state: 'served',
          says: undefined,
          served: served({ type: 'M2M', isSuspended: true, secrets: 0, scopes: ['reports.read'] }),
        },
        {
          clientId: 'team-c.new',
          namespace: 'team-c',
          name: 'new',
          state: 'refused',
          says: 'jwks: has no key',
          served: undefined,
        },
        {
          clientId: 'shared',
          namespace: 'team-d',
          name: 'shared',
          state: 'blocked',
          says: undefined,
          served: undefined,
        },
      ],
      firstHref: undefined,
      nextHref: '/admin/clients?after=x',
    },
  },
  'admin-clients with none found': {
    kind: 'page',
    view: 'admin-clients',
    model: {
      area: area('clients'),
      action: '/admin/clients',
      text: 'none',
      clients: [],
      firstHref: undefined,
      nextHref: undefined,
    },
  },
  'admin-keys': {
    kind: 'page',
    view: 'admin-keys',
    model: {
      area: area('keys'),
      keys: [
        { id: 'es256-3f2a91c0', use: 'sig', alg: 'ES256', state: 'active', created: at('08:00'), active: at('08:15') },
        { id: 'es256-9c11d2aa', use: 'sig', alg: 'ES256', state: 'next', created: at('12:00'), active: at('12:15') },
        { id: '5d0c77e1', use: 'cookie', alg: 'A256GCM', state: 'retiring', created: at('07:00'), active: at('07:00') },
      ],
    },
  },
  'admin-keys without one': { kind: 'page', view: 'admin-keys', model: { area: area('keys'), keys: [] } },
}
