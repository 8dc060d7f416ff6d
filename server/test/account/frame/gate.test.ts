import { expect } from 'chai'
import { createCallback, createGate, personalRoutes } from '../../../src/account/frame/gate.ts'
import type { PageLimits } from '../../../src/account/frame/page-limits.ts'
import type { BrowserSessions, LiveSession } from '../../../src/oidc/browser-session.ts'
import type { PageRequest } from '../../../src/reply.ts'
import { ada } from '../../login/browser.ts'

const now = Date.UTC(2030, 0, 1)

const requestOf = (url: string, method: 'GET' | 'POST' = 'GET') =>
  ({
    method,
    params: {},
    query: new URLSearchParams(url.split('?')[1]),
    form: new URLSearchParams(),
    raw: { request: { url } },
  }) as unknown as PageRequest

/** @param age of the sign-in, in seconds; undefined: nobody is signed in */
function browserWith(age: number | undefined, acr = 'urn:nauthera:password'): BrowserSessions {
  const live =
    age === undefined ? undefined : ({ uid: 's1', version: 1, authTime: now / 1000 - age, amr: ['pwd'], acr } as const)
  const account = { user: ada, standing: 'one' } as unknown as LiveSession['account']
  return {
    shown: () => (live ? ({ uid: 's1', accountId: ada.id } as ReturnType<BrowserSessions['shown']>) : undefined),
    load: async () => live && { ...live, account },
    renew: () => undefined,
  }
}

const secondFactor = { policy: 'optional', requiredGroups: ['finance'], enrolment: 'password' } as const
const gateOf = (
  browserSessions: BrowserSessions,
  limits: Pick<PageLimits, 'ofPerson'> = { ofPerson: () => undefined },
) =>
  createGate({
    limits,
    browserSessions,
    basePath: '/sso',
    issuer: 'https://login.example.com/sso',
    secondFactor,
    now: () => now,
  })

const queryOf = ({ location }: { location: string }) =>
  Object.fromEntries(new URL(location, 'https://login.example.com').searchParams)

describe('createGate', () => {
  it('sends a stranger through a sign-in that comes back to the page', async () => {
    const admission = await gateOf(browserWith(undefined)).requirePerson(requestOf('/sso/account/sessions?x=1'))
    if (admission.kind !== 'redirect') throw new Error('nobody is signed in')
    expect(admission.location).to.match(/^\/sso\/authorize\?/)
    expect(queryOf(admission)).to.deep.equal({
      client_id: '@account',
      response_type: 'code',
      scope: 'openid',
      redirect_uri: 'https://login.example.com/sso/account/callback',
      state: '/account/sessions?x=1',
    })
  })

  it('comes back without a query that is not plain', async () => {
    const admission = await gateOf(browserWith(undefined)).requirePerson(requestOf('/sso/account/sessions?x=<b>'))
    expect(admission.kind === 'redirect' && queryOf(admission)['state']).to.equal('/account/sessions')
  })

  const ages: [string, number | undefined, 'admitted' | 'redirect'][] = [
    ['admits a person who has just signed in', 0, 'admitted'],
    ['admits a person who signed in five minutes ago', 300, 'admitted'],
    ['asks again after more than five minutes', 301, 'redirect'],
    ['asks a stranger', undefined, 'redirect'],
  ]
  for (const [sentence, age, kind] of ages) {
    it(`L30 ${sentence}, where something is changed that protects the account`, async () => {
      const admission = await gateOf(browserWith(age)).requireFresh(requestOf('/sso/account/security/password', 'POST'))
      expect(admission.kind).to.equal(kind)
      if (admission.kind === 'redirect') {
        expect(queryOf(admission)).to.include({ prompt: 'login', max_age: '300', state: '/account/security/password' })
      }
    })
  }

  it('asks for another proof where the sign-in was not the one that is wanted', async () => {
    const wanted = { acr: ['urn:nauthera:second-factor'] }
    const admission = await gateOf(browserWith(0)).requireFresh(requestOf('/sso/admin'), wanted)
    expect(admission.kind === 'redirect' && JSON.parse(queryOf(admission)['claims'] ?? '')).to.deep.equal({
      id_token: { acr: { essential: true, values: wanted.acr } },
    })
    const enough = await gateOf(browserWith(0, wanted.acr[0])).requireFresh(requestOf('/sso/admin'), wanted)
    expect(enough.kind).to.equal('admitted')
  })
})

describe('the limit of pages', () => {
  const tooMany = { kind: 'page', view: 'error', status: 429, model: { key: 'too-many-pages', code: 'X' } } as const

  it('counts a request once, however often its page asks who it is', async () => {
    const counted: string[] = []
    const gate = gateOf(browserWith(0), { ofPerson: (id) => void counted.push(id) })
    const request = requestOf('/sso/admin')
    await gate.requirePerson(request)
    await gate.requireFresh(request)
    await gate.requirePerson(requestOf('/sso/admin'))
    expect(counted).to.deep.equal([ada.id, ada.id])
  })

  it('answers who has asked for too many with its page, and counts nobody who is not signed in', async () => {
    const limits = { ofPerson: () => tooMany }
    for (const require of ['requirePerson', 'requireFresh'] as const) {
      expect(await gateOf(browserWith(0), limits)[require](requestOf('/sso/account'))).to.equal(tooMany)
      expect(await gateOf(browserWith(undefined), limits)[require](requestOf('/sso/account'))).to.include({
        kind: 'redirect',
      })
    }
  })
})

describe('personalRoutes', () => {
  it('call the handler only for a person who was admitted', async () => {
    const seen: string[] = []
    for (const age of [undefined, 10]) {
      const gate = gateOf(browserWith(age))
      const { page, form } = personalRoutes({}, gate.requirePerson)
      for (const build of [page, form]) {
        const route = build('/account', (_, { user }) => {
          seen.push(user.username)
          return { kind: 'redirect', location: '/done' }
        })
        expect(route.boundTo).to.equal('session')
        const reply = await route.handle(requestOf('/sso/account'))
        expect(reply.kind === 'redirect' && reply.location === '/done').to.equal(age !== undefined)
      }
    }
    expect(seen).to.deep.equal(['ada', 'ada'])
  })
})

describe('createCallback', () => {
  const back = async (query: string, age?: number) => {
    const route = createCallback({ browserSessions: browserWith(age), basePath: '/sso' })
    return route.handle(requestOf(`/sso/account/callback?${query}`))
  }

  it('goes on to the page of ours that the state names', async () => {
    expect(await back('code=c&state=%2Faccount%2Fsessions', 1)).to.deep.equal({
      kind: 'redirect',
      location: '/sso/account/sessions',
    })
  })

  it('L31 goes to the account when the state names anything else', async () => {
    for (const state of ['', '&state=https%3A%2F%2Fevil.test', '&state=%2F%2Fevil.test']) {
      expect(await back(`code=c${state}`, 1)).to.deep.equal({ kind: 'redirect', location: '/sso/account' })
    }
  })

  it('after a refusal goes home, or to the account of a person who is still signed in', async () => {
    expect(await back('error=access_denied&state=%2Faccount%2Fsecurity')).to.deep.equal({
      kind: 'redirect',
      location: '/sso/',
    })
    expect(await back('error=access_denied&state=%2Faccount%2Fsecurity', 400)).to.deep.equal({
      kind: 'redirect',
      location: '/sso/account',
    })
  })
})
