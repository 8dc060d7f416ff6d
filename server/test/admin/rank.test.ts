import { expect } from 'chai'
import { isProtected, judge, judgeConfirmation, mayOf } from '../../src/admin/rank.ts'
import type { Acting, AskedAct, Ranked, DeskVerdict } from '../../src/admin/rank.ts'
import { deskRules } from './desk-rules.ts'

const rules = deskRules({
  groupFrom: ['postgres', 'staff'],
  protectedGroups: ['admins'],
  assignableGroups: ['on-call', 'admins'],
  capabilities: [
    { group: 'readers', may: ['look'] },
    { group: 'lockers', may: ['unlock'] },
    { group: 'resetters', may: ['reset'] },
  ],
})

const member = (groups: readonly string[] = ['desk'], more: Partial<Acting> = {}): Acting => ({
  id: 'agent',
  isDisabled: false,
  origins: { postgres: groups },
  ...more,
})
const person = (groups: readonly string[] = [], more: Partial<Ranked> = {}): Ranked => ({
  id: 'ada',
  groups,
  isKnown: true,
  ...more,
})
const disable: AskedAct = { capability: 'disable' }
const give = (group: string): AskedAct => ({ capability: 'groups', group })

const wordOf = (verdict: DeskVerdict): string => (verdict.kind === 'refused' ? verdict.reason : verdict.kind)

describe(judge.name, () => {
  const table: [string, Acting, Ranked, AskedAct, string][] = [
    ['a member acts on an ordinary person', member(), person(['staff']), disable, 'allowed'],
    ['a member acts on another member', member(), person(['desk']), disable, 'needs-second'],
    ['a member acts on an administrator', member(), person(['admins']), disable, 'needs-second'],
    [
      'a member lifts the lock of an administrator',
      member(),
      person(['admins']),
      { capability: 'unlock' },
      'needs-second',
    ],
    ['a member sends an administrator a link', member(), person(['admins']), { capability: 'reset' }, 'needs-second'],
    ['a member acts on one of a group with few capabilities', member(), person(['readers']), disable, 'needs-second'],
    ['the groups of a person are not known now', member(), person([], { isKnown: false }), disable, 'needs-second'],
    ['a group of another name is no protected one', member(), person(['Admins', 'admins2']), disable, 'allowed'],
    ['a member acts on the own account', member(), person([], { id: 'agent' }), disable, 'own-account'],
    ['somebody who is no member', member(['staff']), person(), disable, 'no-member'],
    ['an administrator who is no member', member(['admins']), person(), disable, 'no-member'],
    ['a member who is disabled', member(['desk'], { isDisabled: true }), person(), disable, 'no-member'],
    [
      'a member of a source that does not count',
      member([], { origins: { corp: ['desk'] } }),
      person(),
      disable,
      'no-member',
    ],
    ['a member of a source that counts', member([], { origins: { staff: ['desk'] } }), person(), disable, 'allowed'],
    ['a member who may only look', member(['readers']), person(), disable, 'no-capability'],
    ['a member with another capability', member(['lockers']), person(), disable, 'no-capability'],
    ['a member with this capability', member(['lockers']), person(), { capability: 'unlock' }, 'allowed'],
    ['a member of two groups', member(['readers', 'lockers']), person(), { capability: 'unlock' }, 'allowed'],
    ['a member gives a group that may be given', member(), person(), give('on-call'), 'allowed'],
    ['a member gives the group of administrators', member(), person(), give('admins'), 'needs-second'],
    ['a member gives a group that may not be given', member(), person(), give('staff'), 'group-not-assignable'],
    ['a member gives the group of the help desk', member(), person(), give('desk'), 'group-not-assignable'],
    ['a member gives another group of the help desk', member(), person(), give('lockers'), 'group-not-assignable'],
    ['a member gives a group without a name', member(), person(), { capability: 'groups' }, 'group-not-assignable'],
    ['a member without the capability gives a group', member(['lockers']), person(), give('on-call'), 'no-capability'],
    ['a member gives an administrator a group', member(), person(['admins']), give('on-call'), 'needs-second'],
  ]
  for (const [sentence, who, whom, act, verdict] of table)
    it(`L44 ${sentence}: ${verdict}`, () => {
      expect(wordOf(judge(rules, who, whom, act))).to.equal(verdict)
    })

  it('L44 never lets a group of the help desk be given, whatever the rules list', () => {
    const forged = deskRules({ capabilities: [{ group: 'leads', may: ['look'] }] })
    for (const group of ['desk', 'leads'])
      expect(wordOf(judge(forged, member(), person(), give(group)))).to.equal('group-not-assignable')
  })
})

describe(judgeConfirmation.name, () => {
  const [asked, confirms] = [member(), member(['desk'], { id: 'colleague' })]
  const table: [string, Acting, Acting, Ranked, string][] = [
    ['two members', asked, confirms, person(['admins']), 'allowed'],
    ['the member who asked', asked, asked, person(['admins']), 'own-request'],
    ['the person whom it is done to', asked, member(['desk'], { id: 'ada' }), person(['admins']), 'own-account'],
    ['somebody who is no member', asked, member(['staff'], { id: 'x' }), person(['admins']), 'no-member'],
    ['a member who may not do it', asked, member(['lockers'], { id: 'x' }), person(['admins']), 'no-capability'],
    ['a member, of what a former member asked', member([]), confirms, person(['admins']), 'no-member'],
    ['a member, of what a disabled one asked', member(['desk'], { isDisabled: true }), confirms, person(), 'no-member'],
    ['a member, of what was asked without the capability', member(['readers']), confirms, person(), 'no-capability'],
  ]
  for (const [sentence, by, second, whom, verdict] of table)
    it(`L44 ${sentence} confirms: ${verdict}`, () => {
      expect(wordOf(judgeConfirmation(rules, { asked: by, confirms: second }, whom, disable) as DeskVerdict)).to.equal(
        verdict,
      )
    })
})

describe(mayOf.name, () => {
  it('is everything for the group of the desk, what is listed for others, and always with `look`', () => {
    expect([...mayOf(rules, { postgres: ['desk'] })]).to.have.members([
      'look',
      'unlock',
      'reset',
      'disable',
      'invite',
      'groups',
    ])
    expect([...mayOf(rules, { postgres: ['lockers', 'resetters'] })]).to.have.members(['look', 'unlock', 'reset'])
    expect(mayOf(rules, { postgres: ['constructor', '__proto__'] }).size).to.equal(0)
  })

  it('is what is listed for the group of the desk, too', () => {
    const few = deskRules({ capabilities: [{ group: 'desk', may: ['look'] }] })
    expect([...mayOf(few, { postgres: ['desk'] })]).to.deep.equal(['look'])
  })
})

describe(isProtected.name, () => {
  it('knows the groups of the desk without being told', () => {
    const plain = deskRules({ capabilities: [{ group: 'leads', may: ['look'] }] })
    for (const group of ['desk', 'leads']) expect(isProtected(plain, person([group]))).to.equal(true)
  })
})
