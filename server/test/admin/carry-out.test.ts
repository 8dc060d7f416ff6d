import { expect } from 'chai'
import { acts } from '../../src/admin/acts.ts'
import { carryOutAct } from '../../src/admin/carry-out.ts'
import type { AskedOfDesk, CarryOutNeeds } from '../../src/admin/carry-out.ts'
import type { PersonState } from '../../src/admin/person-state.ts'
import type { PageRequest } from '../../src/reply.ts'
import type { AuditEvent } from '../../src/store/audit/audit-event.ts'
import type { DeskRequest, DeskWork, LockedPerson } from '../../src/store/desk.ts'
import type { User } from '../../src/store/people/user.ts'
import { ada } from '../login/browser.ts'
import { deskRules } from './desk-rules.ts'

const personOf = (id: string, more: Partial<User> = {}): User => ({
  ...ada,
  id,
  username: id,
  disabled: false,
  ...more,
})
const request = { raw: { request: {} }, peer: {} } as unknown as PageRequest

interface About {
  /** As the gate has loaded the member, and as the database has them in the transaction. */
  readonly member?: Partial<User>
  readonly lockedMember?: Partial<User> | undefined
  readonly person?: Partial<User>
  readonly lockedPerson?: Partial<LockedPerson>
  readonly sourceSays?: PersonState['sourceSays']
  readonly limits?: Partial<CarryOutNeeds['limits']>
  readonly notify?: string
  /** What another member has asked for. */
  readonly confirms?: boolean
}

/** Disables somebody. @returns what came of it, and what was done */
async function disable(about: About) {
  const done: string[] = []
  const member = personOf('agent', { groups: ['desk'], groupOrigins: { postgres: ['desk'] }, ...about.member })
  const person = personOf('someone', { groups: [], groupOrigins: {}, ...about.person })
  const known = new Map<string, LockedPerson>()
  if (!('lockedMember' in about) || about.lockedMember !== undefined)
    known.set('agent', { user: { ...member, ...about.lockedMember }, saidGroups: [] })
  known.set('someone', { user: person, saidGroups: [], ...about.lockedPerson })
  const on: Partial<DeskWork> = {
    people: known,
    users: { setDisabled: async () => done.push('disabled') > 0, revokeSessions: async () => true },
    countAct: async (_, kind, most) => done.push(`${kind} of ${most}`) > 0 && most > 0,
    request: async () => done.push('asked') > 0,
    consume: async () => done.push('used the request up') > 0,
    membersWithMail: async () => [],
    queue: async (mails) => {
      done.push(...mails.map(({ data }) => JSON.stringify(data)))
    },
  }
  const refusals: AuditEvent[] = []
  const needs = {
    rules: deskRules({ groupFrom: ['postgres', 'corp'], protectedGroups: ['admins'] }),
    directories: ['corp'],
    limits: { actsPerHour: 50, severeActsPerHour: 5, ...about.limits },
    notify: about.notify ?? 'members',
    now: Date.now,
    store: {
      desk: { withPeople: async (_: unknown, work: (on: Partial<DeskWork>) => unknown) => work(on) },
      audit: { record: (event: AuditEvent) => void refusals.push(event) },
    },
  } as unknown as CarryOutNeeds
  const state = { user: person, sourceSays: about.sourceSays ?? 'known' } as PersonState
  const colleague = personOf('colleague', { groups: ['desk'], groupOrigins: { postgres: ['desk'] } })
  known.set('colleague', { user: colleague, saidGroups: [] })
  const confirms = about.confirms ? { request: { id: 'r1' } as DeskRequest, askedBy: colleague } : undefined
  const act = acts.find(({ id }) => id === 'disable')!
  const asked: AskedOfDesk = { act, about: '', member, state, request, confirms }
  const outcome = await carryOutAct(needs, asked)
  return { outcome: outcome.kind === 'refused' ? outcome.reason : outcome.kind, done }
}

const ofCorp = { source: 'corp', groupOrigins: { corp: ['desk'] } }

describe(carryOutAct.name, () => {
  const table: [string, About, string[]][] = [
    ['an ordinary person', {}, ['done', 'disabled']],
    [
      'an administrator, as the database says',
      { lockedPerson: { user: personOf('someone', { groups: ['admins'] }) } },
      ['asked', 'asked'],
    ],
    [
      'an administrator, as their directory says',
      { person: { source: 'corp', groups: ['admins'] } },
      ['asked', 'asked'],
    ],
    ['an administrator, as a provider has said', { lockedPerson: { saidGroups: ['admins'] } }, ['asked', 'asked']],
    ['somebody whose directory is away', { sourceSays: 'away' }, ['asked', 'asked']],
    [
      'somebody who is disabled by now',
      { lockedPerson: { user: personOf('someone', { disabled: true }) } },
      ['nothing'],
    ],
    ['a person, by a member who has left the group by now', { lockedMember: { groupOrigins: {} } }, ['no-member']],
    ['a person, by a member who is disabled by now', { lockedMember: { disabled: true } }, ['no-member']],
    ['a person, by a member who is gone by now', { lockedMember: undefined }, ['no-member']],
    [
      'a person, by a member whom a directory names',
      { member: ofCorp, lockedMember: { groupOrigins: {} } },
      ['done', 'disabled'],
    ],
    [
      'a person, by a member whom a directory names, and who is disabled there',
      { member: { ...ofCorp, disabled: true }, lockedMember: { disabled: false } },
      ['no-member'],
    ],
    [
      'a person, by somebody of a directory with a group that only the database has',
      {
        member: { source: 'corp', groupOrigins: { corp: [] } },
        lockedMember: { groupOrigins: { postgres: ['desk'] } },
      },
      ['no-member'],
    ],
  ]
  for (const [sentence, about, outcome] of table)
    it(`L44 disabling ${sentence}: ${outcome[0]}`, async () => {
      const { outcome: came, done } = await disable(about)
      const acts = done.filter((one) => !one.includes(' of '))
      expect([came, ...acts]).to.deep.equal(outcome)
    })

  it('L45 each act counts for the member, and a severe one twice: nothing is done past a limit', async () => {
    expect((await disable({})).done).to.deep.equal(['any of 50', 'severe of 5', 'disabled'])
    expect(await disable({ limits: { actsPerHour: 0 } })).to.deep.equal({ outcome: 'too-often', done: ['any of 0'] })
    const severe = await disable({ limits: { severeActsPerHour: 0 } })
    expect(severe).to.deep.equal({ outcome: 'too-often', done: ['any of 50', 'severe of 0'] })
  })

  it('L45 a member past a limit leaves the request of another one, which somebody else can confirm', async () => {
    const person = { groups: ['admins'] }
    const confirmed = await disable({ person, confirms: true })
    expect(confirmed).to.deep.equal({
      outcome: 'done',
      done: ['any of 50', 'severe of 5', 'used the request up', 'disabled'],
    })
    for (const limits of [{ actsPerHour: 0 }, { severeActsPerHour: 0 }]) {
      const { outcome, done } = await disable({ person, confirms: true, limits })
      expect(outcome).to.equal('too-often')
      expect(done).not.to.include('used the request up')
    }
  })

  it('L12 the mail to the team has a user name that our own source would take, or else the id', async () => {
    for (const [username, named] of [
      ['mallory', 'mallory'],
      ['mallory@example.com', 'mallory@example.com'],
      ['\u0430dmin', 'someone'],
      ['Your account is locked, call 0900', 'someone'],
      ['a'.repeat(200), 'someone'],
    ] as const) {
      const { done } = await disable({ person: { username }, notify: 'team@example.com' })
      expect((JSON.parse(done.at(-1)!) as { person: string }).person, username).to.equal(named)
    }
  })
})
