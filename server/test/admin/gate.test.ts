import { expect } from 'chai'
import { createDeskGate, notFound } from '../../src/admin/gate.ts'
import { personalRoutes } from '../../src/account/frame/gate.ts'
import type { AccountGate, SignedInPerson } from '../../src/account/frame/gate.ts'
import type { PageRequest } from '../../src/reply.ts'
import { ada } from '../login/browser.ts'
import { deskRules } from './desk-rules.ts'

const now = Date.UTC(2030, 0, 1)
const request = { raw: { request: { url: '/admin' } } } as unknown as PageRequest
const redirect = { kind: 'redirect', location: '/authorize' } as const

interface About {
  /** Seconds since the sign-in; undefined: nobody is signed in. */
  readonly age?: number
  readonly acr?: string
  readonly groups?: readonly string[]
  /** Which source says so. */
  readonly from?: string
}

/** An account gate with somebody in front of it. @param asked gets what `requireFresh` was asked for */
function deskFor(
  { age, acr = 'urn:nauthera:mfa', groups = ['desk'], from = 'postgres' }: About,
  asked: unknown[] = [],
) {
  const person: SignedInPerson | undefined =
    age === undefined
      ? undefined
      : {
          user: { ...ada, groups, groupOrigins: { [from]: groups } },
          standing: 'one',
          factors: ['totp'],
          session: { uid: 's1', version: 1, authTime: now / 1000 - age, amr: ['pwd'], acr },
        }
  const gate: AccountGate = {
    requirePerson: async () => (person ? { kind: 'admitted', person } : redirect),
    requireFresh: async (_, wanted) => {
      asked.push(wanted)
      const isFresh = person !== undefined && now / 1000 - person.session.authTime <= 300
      return isFresh && wanted?.acr?.includes(person.session.acr ?? '') ? { kind: 'admitted', person } : redirect
    },
  }
  return createDeskGate({ gate, rules: deskRules({ groupFrom: ['postgres', 'staff'] }), now: () => now })
}

describe(createDeskGate.name, () => {
  const hour = 3600
  const cases: [string, About, 'admitted' | 'redirect' | 'page', 'admitted' | 'redirect' | 'page'][] = [
    ['admits a member who has just signed in with a second factor', { age: 0 }, 'admitted', 'admitted'],
    ['lets a member look, not act, with a sign-in of an hour', { age: hour }, 'admitted', 'redirect'],
    ['asks a member to sign in again after more than an hour', { age: hour + 1 }, 'redirect', 'redirect'],
    ['wants a second factor', { age: 0, acr: 'urn:nauthera:password' }, 'redirect', 'redirect'],
    ['asks a stranger to sign in', {}, 'redirect', 'redirect'],
    ['knows nobody who is in another group', { age: 0, groups: ['desks', 'Desk', ''] }, 'page', 'page'],
    ['knows a member whom a listed source names', { age: 0, from: 'staff' }, 'admitted', 'admitted'],
    ['knows nobody whom another source put into that group', { age: 0, from: 'corp' }, 'page', 'page'],
    ['asks no second factor of who is no member', { age: 9 * hour, acr: 'x', groups: [] }, 'page', 'page'],
  ]
  for (const [sentence, about, look, act] of cases)
    it(`L40 ${sentence}`, async () => {
      const desk = deskFor(about)
      expect([(await desk.toLook(request)).kind, (await desk.toAct(request)).kind]).to.deep.equal([look, act])
    })

  it('asks for a sign-in with two factors', async () => {
    const asked: unknown[] = []
    await deskFor({ age: 0, acr: 'urn:nauthera:password' }, asked).toLook(request)
    expect(asked).to.deep.equal([{ acr: ['urn:nauthera:mfa'] }])
  })
})

describe('pages behind the gate of the help desk', () => {
  it('are called only for a member, and are bound to the session', async () => {
    const called: string[] = []
    const handle = (_: object, person: SignedInPerson) => {
      called.push(person.user.username)
      return notFound
    }
    for (const kind of ['page', 'form'] as const) {
      const admitting = personalRoutes({}, deskFor({ age: 0 }).toAct)[kind]('/admin', handle)
      const refusing = personalRoutes({}, deskFor({ age: 0, groups: [] }).toAct)[kind]('/admin', handle)
      expect(admitting.boundTo).to.equal('session')
      await admitting.handle(request)
      expect(await refusing.handle(request)).to.equal(notFound)
      expect(await admitting.turnAway?.(request)).to.equal(undefined)
      expect(await refusing.turnAway?.(request)).to.equal(notFound)
    }
    expect(called).to.deep.equal([ada.username, ada.username])
  })
})
