import { expect } from 'chai'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import {
  allowedOf,
  askedOf,
  grantPayload,
  isNothing,
  mayRefresh,
  missingOf,
  needsConsent,
} from '../../../src/oidc/artefacts/grants.ts'
import type { AgreedNow, Asked } from '../../../src/oidc/artefacts/grants.ts'

const asked: Asked = { scopes: ['openid', 'email'], resources: { 'https://api.test': ['read', 'write'] } }
const consent = (scopes: string[], resources: Record<string, string[]> = {}) => ({
  userId: 'u',
  clientUid: 'c',
  clientId: 'c',
  scopes,
  payload: { resources },
  grantedAt: new Date(0),
})
const now: AgreedNow = { scopes: ['email'], resources: { 'https://api.test': ['read'] }, remember: false }

describe('askedOf', () => {
  it('takes scopes of the Provider, of each API what it has, and a claim as its scope', () => {
    const result = askedOf({
      scopes: ['openid', 'read', 'nonsense'],
      oidcScopes: ['openid'],
      claims: ['email', 'auth_time', 'unheard-of'],
      apis: { 'https://api.test': ['read', 'write'], 'https://other.test': ['x'] },
    })
    expect(result).to.deep.equal({ scopes: ['openid', 'email'], resources: { 'https://api.test': ['read'] } })
  })
})

describe('allowedOf', () => {
  for (const [sentence, mode, before, agreed, wanted] of [
    ['Skip allows what is asked', ConsentMode.SKIP, undefined, undefined, asked],
    [
      'nothing but openid without an agreement',
      ConsentMode.REMEMBER,
      undefined,
      undefined,
      { scopes: ['openid'], resources: {} },
    ],
    [
      'what is remembered',
      ConsentMode.REMEMBER,
      consent(['email'], { 'https://api.test': ['read', 'write'] }),
      undefined,
      asked,
    ],
    [
      'never more than is asked',
      ConsentMode.REMEMBER,
      consent(['email', 'phone'], { 'https://other.test': ['x'] }),
      undefined,
      { scopes: ['openid', 'email'], resources: {} },
    ],
    [
      'Explicit forgets what was remembered',
      ConsentMode.EXPLICIT,
      consent(['email']),
      undefined,
      { scopes: ['openid'], resources: {} },
    ],
    [
      'what is agreed to now',
      ConsentMode.EXPLICIT,
      undefined,
      now,
      { scopes: ['openid', 'email'], resources: { 'https://api.test': ['read'] } },
    ],
  ] as const) {
    it(sentence, () => expect(allowedOf(asked, { consent: mode }, before, agreed)).to.deep.equal(wanted))
  }
})

describe('missingOf and needsConsent', () => {
  const remember = { consent: ConsentMode.REMEMBER }
  it('name what is left to ask', () => {
    const missing = missingOf(asked, allowedOf(asked, remember, consent(['email']), undefined))
    expect(missing).to.deep.equal({ scopes: [], resources: { 'https://api.test': ['read', 'write'] } })
    expect(needsConsent(remember, missing, undefined)).to.equal(true)
  })
  it('Explicit asks each time, even for nothing new', () => {
    const nothing = { scopes: [], resources: {} }
    expect(isNothing(nothing)).to.equal(true)
    expect(needsConsent({ consent: ConsentMode.EXPLICIT }, nothing, undefined)).to.equal(true)
    expect(needsConsent({ consent: ConsentMode.EXPLICIT }, nothing, now)).to.equal(false)
    expect(needsConsent(remember, nothing, undefined)).to.equal(false)
  })
})

describe('grantPayload', () => {
  it('gives a claim only with its scope', () => {
    const allowed = { scopes: ['openid', 'email'], resources: { 'https://api.test': ['read'] } }
    expect(grantPayload(allowed, ['email', 'phone_number', 'auth_time'])).to.deep.equal({
      openid: { scope: 'openid email', claims: ['email', 'auth_time'] },
      resources: { 'https://api.test': 'read' },
    })
  })
})

describe('mayRefresh', () => {
  const grantTypes = ['authorization_code', 'refresh_token']
  for (const [sentence, config, scopes, wanted] of [
    ['a Web client while its session lives', { type: 'Web', grantTypes }, ['openid'], true],
    ['a SPA while its session lives', { type: 'SPA', grantTypes }, ['openid'], true],
    ['a Native client with offline_access', { type: 'Native', grantTypes }, ['openid', 'offline_access'], true],
    ['no Native client without', { type: 'Native', grantTypes }, ['openid'], false],
    ['nobody without the grant', { type: 'Web', grantTypes: ['authorization_code'] }, ['offline_access'], false],
  ] as const) {
    it(sentence, () =>
      expect(mayRefresh({ type: config.type, grantTypes: [...config.grantTypes] }, new Set(scopes))).to.equal(wanted),
    )
  }
})
