// The pages of the help desk, each in the states that look different.
import type { Page, Views } from '../../src/reply.ts'
import type { ClientRow } from '../../src/reply/admin-pages.ts'
import { variantsOf } from './sample-variants.ts'

const id = '6f1d7c7a-3c1e-4b5e-9a5e-0d5a8c3b2a10'
const here = `/admin/people/${id}`
const at = (time: string) => new Date(`2026-01-31T${time}:00.000Z`)

const area = (current: string, said?: string): Views['admin-people']['area'] => ({
  person: { username: 'grace@example.com', name: 'Grace Hopper' },
  label: 'admin.people.title',
  links: ['people', 'clients', 'keys', 'account'].map((link) => ({
    id: link,
    href: link === 'people' ? '/admin' : `/admin/${link}`,
    current: link === current,
  })),
  signOutHref: '/logout',
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
  isLookAlike: false,
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
    requests: [],
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
    isLookAlike: false,
    source: undefined,
    sourceSays: 'known',
    groups: [
      { name: 'engineers', isOwn: false, sources: ['company-directory'], removeHref: undefined },
      { name: 'release-managers', isOwn: true, sources: ['company-directory', 'corp'], removeHref: undefined },
      { name: 'on-call', isOwn: true, sources: [], removeHref: `${here}/remove-group?about=on-call` },
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
        endHref: `${here}/end-session?about=abc`,
      },
      {
        browser: undefined,
        system: undefined,
        address: undefined,
        lastSeen: at('09:05'),
        clients: 0,
        endHref: undefined,
      },
    ],
    consents: [
      { clientId: 'team-a.web', scopes: ['openid', 'profile', 'email', 'offline_access'], granted: at('08:20') },
    ],
    signIns: [
      {
        at: at('12:40'),
        outcome: 'success',
        reason: undefined,
        address: '192.0.2.7',
        clientId: 'team-a.web',
        isAtAccount: false,
      },
      {
        at: at('12:35'),
        outcome: 'success',
        reason: undefined,
        address: '192.0.2.7',
        clientId: undefined,
        isAtAccount: true,
      },
      {
        at: at('12:39'),
        outcome: 'failure',
        reason: 'wrong-password',
        address: '2001:db8::7',
        clientId: undefined,
        isAtAccount: false,
      },
    ],
    isOwn: false,
    isProtected: false,
    requests: [],
    addGroup: { action: `${here}/add-group`, groups: ['release-managers', 'staff'] },
    auditHref: `${here}/audit`,
    acts: ['sign-out', 'reset-factors', 'unlink', 'disable'].map((act) => ({
      id: act,
      isSevere: true,
      href: `${here}/${act}`,
    })),
    ...model,
  },
})

const waits = { act: 'disable', about: undefined, askedBy: 'grace@example.com', until: at('13:40') }

const act = (name: string, isSevere: boolean, model: Partial<Views['admin-act']> = {}): Page => ({
  kind: 'page',
  view: 'admin-act',
  model: {
    area: area('people'),
    act: name,
    about: '',
    values: { minutes: 30 },
    isSevere,
    isLookAlike: false,
    person: { username: 'ada', name: 'Ada Lovelace' },
    action: `${here}/${name}`,
    backHref: here,
    ...model,
  },
})

const audit = (model: Partial<Views['admin-audit']>): Page => ({
  kind: 'page',
  view: 'admin-audit',
  model: {
    area: area('people'),
    person: { username: 'ada', name: 'Ada Lovelace' },
    backHref: here,
    rows: [
      auditRow({ event: 'account.disabled', actor: 'grace@example.com', target: 'ada' }),
      auditRow({ event: 'signin.failure', outcome: 'failure', reason: 'wrong-password', target: 'ada' }),
      auditRow({ event: 'signin.success', actor: 'ada', clientId: 'team-a.web' }),
      auditRow({ event: 'signin.success', actor: 'ada', isAtAccount: true }),
      auditRow({ event: 'admin.desk.ask.reset-factors', actor: 'ada', target: 'alan', address: undefined }),
    ],
    firstHref: undefined,
    nextHref: `${here}/audit?before=x`,
    ...model,
  },
})

const auditRow = (more: Partial<Views['admin-audit']['rows'][number]>): Views['admin-audit']['rows'][number] => ({
  at: at('12:39'),
  event: '',
  outcome: 'success',
  reason: undefined,
  actor: undefined,
  target: undefined,
  address: '2001:db8::7',
  clientId: undefined,
  isAtAccount: false,
  ...more,
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

const sampleAdminClients = variantsOf('admin-clients', {
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
      found('\u0430nnie', { disabled: true, isLookAlike: true }),
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
    isLookAlike: true,
    disabled: true,
    email: undefined,
    groups: [],
    signIns: [],
    acts: [{ id: 'enable', isSevere: true, href: `${here}/enable` }],
  }),
  'admin-person in a protected group with many groups': person({
    isProtected: true,
    requests: [
      { ...waits, href: `${here}/requests/1` },
      { ...waits, act: 'add-group', about: 'admins', href: undefined },
    ],
    groups: Array.from({ length: 60 }, (_, n) => ({
      name: `team-${n}-of-the-company`,
      isOwn: n % 2 === 0,
      sources: n % 2 === 0 ? [] : ['company-directory'],
      removeHref: undefined,
    })),
    addGroup: undefined,
  }),
  'admin-people with what waits': people({
    people: [found('ada')],
    requests: [
      { ...waits, person: 'ada', href: here },
      { ...waits, act: 'add-group', about: 'admins', person: 'alan', href: here },
    ],
  }),
  'admin-audit': audit({}),
  'admin-audit that is empty': audit({ rows: [], firstHref: `${here}/audit`, nextHref: undefined }),
  'admin-person who is oneself': person({ isOwn: true, acts: [] }),
  'admin-act that ends something': act('disable', true),
  'admin-act that gives something back': act('unlock', false),
  'admin-act that sends a mail': act('send-reset', false),
  'admin-act that takes two': act('disable', true, { second: { minutes: 60 } }),
  'admin-act that a second member confirms': act('disable', true, { askedBy: 'grace@example.com' }),
  'admin-act on a session': act('end-session', true, { about: 'abc', values: { session: 'Chrome, Linux, 192.0.2.7' } }),
  'admin-act that gives a group': act('add-group', true, { about: 'staff', values: { group: 'staff' } }),
  'admin-act that takes a group': act('remove-group', true, { about: 'staff', values: { group: 'staff' } }),
  'admin-clients': sampleAdminClients(),
  'admin-clients with none found': sampleAdminClients({
    text: 'none',
    clients: [],
    nextHref: undefined,
  }),
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
