import { expect } from 'chai'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import {
  agreedOf,
  requestedOf,
  detailId,
  isPrompted,
  judgeConsent,
  usesStoredConsent,
  remembered,
} from '../../../src/oidc/interaction/consent.ts'
import type { AgreedNow, Asked, ConsentQuestion } from '../../../src/oidc/interaction/consent.ts'

const api = 'https://api.test'
const asked = { scopes: ['openid', 'email'], resources: { [api]: ['read', 'write'] } } satisfies Asked
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

describe('requestedOf', () => {
  it('finds scopes of OpenID Connect, the scopes that each API has, and the scope of a single claim', () => {
    const claims = JSON.stringify({ userinfo: { email: null }, id_token: { auth_time: null, 'unheard-of': null } })
    const result = requestedOf(
      { scope: 'openid read nonsense', claims },
      { [api]: ['read', 'write'], 'https://other.test': ['x'] },
      ['openid', 'email'],
    )
    expect(result).to.deep.equal({ scopes: ['openid', 'email'], resources: { [api]: ['read'] } })
  })
  it('ignores claims that are requested in a wrong form, as the library does', () => {
    const claims = JSON.stringify({ userinfo: { email: true, phone_number: [], address: { essential: true } } })
    const listed = ['openid', 'email', 'phone', 'address']
    expect(requestedOf({ scope: 'openid', claims }, {}, listed).scopes).to.deep.equal(['openid', 'address'])
  })
  it('leaves out a scope about the person that the client does not list', () => {
    const result = requestedOf({ scope: 'openid email offline_access' }, {}, ['email'])
    expect(result).to.deep.equal({ scopes: ['email'], resources: {} })
  })
  it('leaves out a claim of a scope that the client does not list', () => {
    const claims = JSON.stringify({ id_token: { email: { essential: true }, name: null } })
    expect(requestedOf({ scope: 'openid', claims }, {}, ['openid', 'profile']).scopes).to.deep.equal([
      'openid',
      'profile',
    ])
  })
})

describe('judgeConsent', () => {
  describe('allows', () => {
    for (const [sentence, mode, stored, agreed, wanted] of [
      ['everything that is asked for, with mode Skip', ConsentMode.SKIP, undefined, undefined, asked],
      [
        'only openid when the person has agreed to nothing',
        ConsentMode.REMEMBER,
        undefined,
        undefined,
        { scopes: ['openid'], resources: {} },
      ],
      [
        'what the stored consent covers',
        ConsentMode.REMEMBER,
        consent(['email'], { [api]: ['read', 'write'] }),
        undefined,
        asked,
      ],
      [
        'never more than the request asks for',
        ConsentMode.REMEMBER,
        consent(['email', 'phone'], { 'https://other.test': ['x'] }),
        undefined,
        { scopes: ['openid', 'email'], resources: {} },
      ],
      [
        'nothing from the stored consent, with mode Explicit',
        ConsentMode.EXPLICIT,
        consent(['email']),
        undefined,
        { scopes: ['openid'], resources: {} },
      ],
      [
        'what the person agrees to now',
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
      [
        'for what the stored consent does not cover',
        { stored: consent(['email']) },
        { scopes: [], resources: { [api]: ['read', 'write'] } },
      ],
      ['nothing when the stored consent covers everything', { stored: all }, undefined],
      ['nothing for openid alone', { asked: nothing }, undefined],
      ['nothing with mode Skip', { mode: ConsentMode.SKIP }, undefined],
      [
        'each time with mode Explicit, even when nothing is new',
        { mode: ConsentMode.EXPLICIT, asked: nothing },
        nothing,
      ],
      [
        'nothing when the request asks for nothing',
        { mode: ConsentMode.EXPLICIT, asked: { scopes: [], resources: {} } },
        undefined,
      ],
      ['only once in an interaction, with mode Explicit', { mode: ConsentMode.EXPLICIT, agreed: allNow }, undefined],
      ['for everything again with prompt=consent', { stored: all, prompted: true }, asked],
      ['with prompt=consent also in mode Skip', { mode: ConsentMode.SKIP, prompted: true }, asked],
      ['only once in an interaction, with prompt=consent', { prompted: true, agreed: allNow }, undefined],
      ['again for what the page did not show', { agreed: now }, { scopes: [], resources: { [api]: ['write'] } }],
    ] as const satisfies readonly (readonly [string, Partial<ConsentQuestion>, Asked | undefined])[]) {
      it(sentence, () => expect(judgeConsent(question(more)).open).to.deep.equal(wanted))
    }
  })
})

describe('usesStoredConsent', () => {
  for (const [sentence, mode, prompted, wanted] of [
    ['is true with mode Remember', ConsentMode.REMEMBER, false, true],
    ['is false with prompt=consent', ConsentMode.REMEMBER, true, false],
    ['is false with mode Explicit', ConsentMode.EXPLICIT, false, false],
    ['is false with mode Skip', ConsentMode.SKIP, false, false],
  ] as const) {
    it(sentence, () => {
      expect(usesStoredConsent({ mode, prompted })).to.equal(wanted)
      if (wanted) return
      const verdict = (stored: ConsentQuestion['stored']) => judgeConsent(question({ mode, prompted, stored })).open
      expect(verdict(consent(['email']))).to.deep.equal(verdict(undefined))
    })
  }
})

describe('isPrompted', () => {
  it('finds `consent` among the values of prompt', () => {
    expect(isPrompted({ prompt: 'login consent' })).to.equal(true)
    expect(isPrompted({ prompt: 'login' })).to.equal(false)
    expect(isPrompted({})).to.equal(false)
  })
})

describe('agreedOf', () => {
  it('keeps only the scopes that the request asks for', () => {
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

describe('authorization details', () => {
  const payment = { api, detail: { type: 'payment', actions: ['a'] }, canRemember: false }
  const accounts = { api, detail: { type: 'accounts', actions: ['a', 'b'] }, canRemember: true }
  const details = [payment, accounts]
  const before = {
    ...consent([]),
    payload: { resources: {}, authorizationDetails: { [api]: details.map(({ detail }) => detail) } },
  }
  const judge = (more: Partial<ConsentQuestion> = {}) =>
    judgeConsent(question({ asked: { scopes: [], resources: {}, details }, ...more }))

  it('are asked for, and what was remembered is not, unless it is for each time', () => {
    expect(judge().open?.details).to.deep.equal(details)
    expect(judge({ stored: before }).open?.details).to.deep.equal([payment])
    expect(judge({ stored: before, mode: ConsentMode.EXPLICIT }).open?.details).to.deep.equal(details)
  })

  it('are skipped with mode Skip, but for those that are for each time', () => {
    const skipped = judge({ mode: ConsentMode.SKIP, stored: before })
    expect([skipped.allowed.details, skipped.open?.details]).to.deep.equal([[accounts], [payment]])
    const agreed = { scopes: [], resources: {}, details: [detailId(payment)], remember: false }
    const verdict = judge({ mode: ConsentMode.SKIP, agreed })
    expect([verdict.allowed.details, verdict.open]).to.deep.equal([details, undefined])
  })

  it('are agreed to by their names, and by nothing that the request does not ask for', () => {
    const seen = { scopes: [], details: [{ id: detailId(payment) }, { id: 'forged' }], remember: true }
    const agreed = agreedOf(seen, { scopes: [], resources: {}, details })
    expect(agreed.details).to.deep.equal([detailId(payment)])
    const verdict = judge({ agreed })
    expect([verdict.allowed.details, verdict.open?.details]).to.deep.equal([[payment], [accounts]])
  })

  it('have names of their own for each API, type and field', () => {
    const others = [
      { ...payment, api: 'https://other.test' },
      { ...payment, detail: { ...payment.detail, actions: ['b'] } },
      { ...payment, detail: { ...payment.detail, type: 'payments' } },
    ]
    expect(new Set([payment, ...others].map(detailId)).size).to.equal(4)
  })

  it('are remembered with the larger in the place of the smaller', () => {
    const small = { ...accounts, detail: { ...accounts.detail, actions: ['a'] } }
    const first = remembered(now, undefined, [small])
    expect([first.payload['authorizationDetails'], first.outdated]).to.deep.equal([{ [api]: [small.detail] }, {}])
    const larger = remembered(now, { ...consent([]), ...first }, [accounts])
    expect(larger.payload['authorizationDetails']).to.deep.equal({ [api]: [accounts.detail] })
    expect(larger.outdated).to.deep.equal({ [api]: [small.detail] })
    expect(remembered(now, undefined).payload).to.deep.equal({ resources: now.resources })
  })
})

describe('remembered', () => {
  it('is what is agreed to now, and nothing of what is stored', () => {
    const before = consent(['profile'], { [api]: ['write'], 'https://other.test': ['x'] })
    expect(remembered(now, before)).to.deep.equal({
      scopes: ['email'],
      payload: { resources: { [api]: ['read'] } },
      outdated: {},
    })
  })
})
