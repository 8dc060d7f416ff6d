import { expect } from 'chai'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import {
  agreedOf,
  askedOf,
  isPrompted,
  judgeConsent,
  looksBack,
  remembered,
} from '../../../src/oidc/interaction/consent.ts'
import type { AgreedNow, Asked, ConsentQuestion } from '../../../src/oidc/interaction/consent.ts'

const api = 'https://api.test'
const asked: Asked = { scopes: ['openid', 'email'], resources: { [api]: ['read', 'write'] } }
const consent = (scopes: string[], resources: Record<string, string[]> = {}) => ({
  userId: 'u',
  clientUid: 'c',
  clientId: 'c',
  scopes,
  payload: { resources },
  grantedAt: new Date(0),
})
const now: AgreedNow = { scopes: ['email'], resources: { [api]: ['read'] }, remember: false }
const question = (more: Partial<ConsentQuestion> = {}): ConsentQuestion => ({
  asked,
  mode: ConsentMode.REMEMBER,
  prompted: false,
  stored: undefined,
  agreed: undefined,
  ...more,
})

describe('askedOf', () => {
  it('takes scopes of the Provider, of each API what it has, and a claim as its scope', () => {
    const claims = JSON.stringify({ userinfo: { email: null }, id_token: { auth_time: null, 'unheard-of': null } })
    const result = askedOf(
      { scope: 'openid read nonsense', claims },
      { [api]: ['read', 'write'], 'https://other.test': ['x'] },
    )
    expect(result).to.deep.equal({ scopes: ['openid', 'email'], resources: { [api]: ['read'] } })
  })
  it('takes no claim that is asked for in a wrong form, as the library does not', () => {
    const claims = JSON.stringify({ userinfo: { email: true, phone_number: [], address: { essential: true } } })
    expect(askedOf({ scope: 'openid', claims }, {}).scopes).to.deep.equal(['openid', 'address'])
  })
})

describe('judgeConsent', () => {
  describe('allows', () => {
    for (const [sentence, mode, stored, agreed, wanted] of [
      ['Skip allows what is asked', ConsentMode.SKIP, undefined, undefined, asked],
      [
        'nothing but openid without an agreement',
        ConsentMode.REMEMBER,
        undefined,
        undefined,
        { scopes: ['openid'], resources: {} },
      ],
      ['what is remembered', ConsentMode.REMEMBER, consent(['email'], { [api]: ['read', 'write'] }), undefined, asked],
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
        { scopes: ['openid', 'email'], resources: { [api]: ['read'] } },
      ],
    ] as const) {
      it(sentence, () => expect(judgeConsent(question({ mode, stored, agreed })).allowed).to.deep.equal(wanted))
    }
  })

  describe('asks', () => {
    const nothing = { scopes: ['openid'], resources: {} }
    const all = consent(['email'], { [api]: ['read', 'write'] })
    const allNow = { ...asked, remember: false }
    for (const [sentence, more, wanted] of [
      ['for what is left', { stored: consent(['email']) }, { scopes: [], resources: { [api]: ['read', 'write'] } }],
      ['nothing when all is allowed', { stored: all }, undefined],
      ['nothing for openid alone', { asked: nothing }, undefined],
      ['nothing of a Skip client', { mode: ConsentMode.SKIP }, undefined],
      ['by Explicit each time, even for nothing new', { mode: ConsentMode.EXPLICIT, asked: nothing }, nothing],
      [
        'nothing when nothing is asked for',
        { mode: ConsentMode.EXPLICIT, asked: { scopes: [], resources: {} } },
        undefined,
      ],
      ['by Explicit no second time', { mode: ConsentMode.EXPLICIT, agreed: allNow }, undefined],
      ['by prompt=consent for all of it again', { stored: all, prompted: true }, asked],
      ['by prompt=consent of a Skip client too', { mode: ConsentMode.SKIP, prompted: true }, asked],
      ['by prompt=consent no second time', { prompted: true, agreed: allNow }, undefined],
      ['again for what the page did not show', { agreed: now }, { scopes: [], resources: { [api]: ['write'] } }],
    ] as const satisfies readonly (readonly [string, Partial<ConsentQuestion>, Asked | undefined])[]) {
      it(sentence, () => expect(judgeConsent(question(more)).open).to.deep.equal(wanted))
    }
  })
})

describe('looksBack', () => {
  for (const [sentence, mode, prompted, wanted] of [
    ['Remember does', ConsentMode.REMEMBER, false, true],
    ['prompt=consent does not', ConsentMode.REMEMBER, true, false],
    ['Explicit does not', ConsentMode.EXPLICIT, false, false],
    ['Skip does not', ConsentMode.SKIP, false, false],
  ] as const) {
    it(sentence, () => {
      expect(looksBack({ mode, prompted })).to.equal(wanted)
      if (wanted) return
      const verdict = (stored: ConsentQuestion['stored']) => judgeConsent(question({ mode, prompted, stored })).open
      expect(verdict(consent(['email']))).to.deep.equal(verdict(undefined))
    })
  }
})

describe('isPrompted', () => {
  it('finds `consent` among what a request asks for', () => {
    expect(isPrompted({ prompt: 'login consent' })).to.equal(true)
    expect(isPrompted({ prompt: 'login' })).to.equal(false)
    expect(isPrompted({})).to.equal(false)
  })
})

describe('agreedOf', () => {
  it('limits what a page showed to what the request asks', () => {
    const seen = {
      scopes: [
        { scope: 'email' },
        { scope: 'phone' },
        { scope: 'read', api: 'An API' },
        { scope: 'admin', api: 'An API' },
      ],
      remember: true,
    }
    expect(agreedOf(seen, asked)).to.deep.equal({ scopes: ['email'], resources: { [api]: ['read'] }, remember: true })
  })
})

describe('remembered', () => {
  it('adds to what was allowed before', () => {
    const before = consent(['profile'], { [api]: ['write'], 'https://other.test': ['x'] })
    expect(remembered(now, before)).to.deep.equal({
      scopes: ['profile', 'email'],
      payload: { resources: { [api]: ['write', 'read'], 'https://other.test': ['x'] } },
    })
  })
})
