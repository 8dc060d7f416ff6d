import { expect } from 'chai'
import fc from 'fast-check'
import { activeKeyAt, keyStates, planFile, planKeys } from '../../../src/oidc/keys/states.ts'
import type { KeyPolicy, KeyTimes } from '../../../src/oidc/keys/states.ts'
import { cookieLine } from '../../../src/oidc/keys/states.ts'
import { clockTolerance } from '../../../src/clock-age.ts'
import { keyPolicy, lifetimes } from '../../../src/oidc/lifetimes.ts'
import { cachesHold } from '../../../src/jwks-age.ts'
import { tokenLife } from '@nauthera/rules/limits'

const minute = 60_000
const day = 24 * 60 * minute
const policy: KeyPolicy = { publishBefore: 15 * minute, rotateEvery: 30 * day, retireFor: () => day }
const key = (id: string, activeAt: number, line = 'sig:ES256'): KeyTimes => ({
  id,
  line,
  createdAt: activeAt,
  activeAt,
})
const stateOf = (keys: readonly KeyTimes[], now: number) => Object.fromEntries(keyStates(keys, now, policy))

describe('keyStates', () => {
  const keys = [key('a', 0), key('b', 30 * day)]
  for (const [sentence, now, states] of [
    ['a key is next until its time comes', 30 * day - 1, { a: 'active', b: 'next' }],
    ['from then on it is active, and the key before it only verifies', 30 * day, { a: 'retiring', b: 'active' }],
    ['the key before it verifies until the longest token has expired', 31 * day - 1, { a: 'retiring', b: 'active' }],
    ['then the key before it is removed', 31 * day, { a: 'removed', b: 'active' }],
  ] as const) {
    it(sentence, () => expect(stateOf(keys, now)).to.deep.equal(states))
  }

  it('has exactly one active key in a line at any instant, whatever the times', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1000, max: 3000 }),
        (times, now) => {
          const keys = times.map((activeAt, index) => key(`k${index}`, activeAt))
          const active = [...keyStates(keys, now, policy)].filter(([, state]) => state === 'active')
          expect(active).to.have.length(1)
          expect(active[0]![0]).to.equal(activeKeyAt(keys, 'sig:ES256', now)!.id)
        },
      ),
    )
  })

  describe('of keys in a file', () => {
    const inFile = (id: string, activeAt: number, place: number | undefined, until = 90 * day): KeyTimes => ({
      ...key(id, activeAt),
      file: { place, until },
    })
    for (const [sentence, keys, states] of [
      ['the first that may sign is active', [inFile('a', 0, 1), inFile('b', 0, 0)], { a: 'retiring', b: 'active' }],
      ['one that is too new waits', [inFile('a', 0, 1), inFile('b', 50 * day, 0)], { a: 'active', b: 'next' }],
      [
        'it comes before a key that is made here',
        [key('a', 0), inFile('b', 39.5 * day, 0)],
        { a: 'retiring', b: 'active' },
      ],
      [
        'a key that is made here goes on while it is too new',
        [key('a', 0), inFile('b', 50 * day, 0)],
        { a: 'active', b: 'next' },
      ],
      [
        'one that another replica has is published',
        [key('a', 0), inFile('b', 50 * day, undefined)],
        { a: 'active', b: 'next' },
      ],
      [
        'one that nobody has is published for its time',
        [key('a', 0), inFile('b', 0, undefined, 41 * day)],
        { a: 'active', b: 'retiring' },
      ],
      ['and then removed', [key('a', 0), inFile('b', 0, undefined, 40 * day)], { a: 'active', b: 'removed' }],
      ['one that is too new signs when there is nothing else', [inFile('a', 50 * day, 0)], { a: 'active' }],
    ] as const) {
      it(sentence, () => expect(stateOf(keys, 40 * day)).to.deep.equal(states))
    }

    it('a key that joins a line is published before it signs, and the first of a line signs at once', () => {
      const listed = [{ id: 'b', line: 'sig:ES256' }]
      expect(planFile(listed, [], day, policy).add).to.deep.equal([{ id: 'b', activeAt: day }])
      const add = [{ id: 'b', activeAt: day + policy.publishBefore }]
      expect(planFile(listed, [key('a', 0)], day, policy).add).to.deep.equal(add)
    })

    it('that a key is still there is written down once an hour', () => {
      const listed = [{ id: 'a', line: 'sig:ES256' }]
      const known = [inFile('a', 0, 0, day)]
      expect(planFile(listed, known, 60 * minute - 1, policy).keep).to.deep.equal([])
      expect(planFile(listed, known, 60 * minute, policy).keep).to.deep.equal([
        { id: 'a', activeAt: 0, until: day + 60 * minute },
      ])
    })
  })

  describe('T10 with the policy of the server', () => {
    const ofServer = keyPolicy({ algorithms: ['ES256'], publishBefore: 15 * minute, rotateEvery: 30 * day })
    for (const [what, line, seconds] of [
      ['the longest access token that a client can have', 'sig:ES256', tokenLife.access.most],
      ['the longest ID token that a client can have', 'sig:ES256', tokenLife.id.most],
      ['the longest session', cookieLine, lifetimes.sessionRemembered],
      ['the longest refresh token', cookieLine, lifetimes.refreshAbsolute],
    ] as const)
      it(`a key goes only after ${what} has expired, on every clock`, () => {
        const keys = [key('a', 0, line), key('b', 30 * day, line)]
        const stateAt = (at: number) => keyStates(keys, at, ofServer).get('a')
        // made in the last moment in which the key was active
        const expired = 30 * day + seconds * 1000
        expect(stateAt(30 * day - 1)).to.equal('active')
        for (const at of [30 * day, expired - 1, expired, expired + clockTolerance * 1000])
          expect(stateAt(at), String(at)).to.equal('retiring')
        expect(planKeys(keys, [line], expired, ofServer).remove).to.deep.equal([])
      })

    for (const [line, end] of [
      ['sig:ES256', day + 5 * minute],
      [cookieLine, 90 * day + 5 * minute],
    ] as const)
      it(`a key of the line ${line} goes in the moment in which nothing needs it any more`, () => {
        const keys = [key('a', 0, line), key('b', 100 * day, line)]
        const removedAt = (at: number) => planKeys(keys, [line], at, ofServer).remove
        expect(removedAt(100 * day + end - 1)).to.deep.equal([])
        expect(removedAt(100 * day + end)).to.deep.equal(['a'])
      })
  })

  it('treats each line separately', () => {
    expect(stateOf([key('a', 0), key('b', 1, 'cookie')], 2)).to.deep.equal({ a: 'active', b: 'active' })
  })
})

describe('planKeys', () => {
  it('gives a line without keys one that is active at once', () => {
    expect(planKeys([], ['cookie'], 5, policy).create).to.deep.equal([{ line: 'cookie', activeAt: 5 }])
  })

  it('makes the next key early enough to publish it before it is active', () => {
    const due = 30 * day - policy.publishBefore
    expect(planKeys([key('a', 0)], ['sig:ES256'], due - 1, policy).create).to.deep.equal([])
    expect(planKeys([key('a', 0)], ['sig:ES256'], due, policy).create).to.deep.equal([
      { line: 'sig:ES256', activeAt: 30 * day },
    ])
  })

  it('a key of an algorithm that is taken out goes a day after the last replica said that it signs', () => {
    const leftOut = { ...policy, isLeftOut: () => true }
    const told = (removeAt: number) => [{ ...key('a', 0), removeAt }]
    const later = { id: 'a', activeAt: 0, until: day + 60 * minute }
    expect(planKeys([key('a', 0)], [], 0, leftOut).leave).to.deep.equal([later])
    expect(planKeys(told(later.until), [], minute, leftOut).leave).to.deep.equal([])
    expect(planKeys(told(day), ['sig:ES256'], 0, policy).leave).to.deep.equal([])
    expect(planKeys(told(day - 1), ['sig:ES256'], 0, policy).leave).to.deep.equal([later])
    expect(planKeys([key('a', 0)], ['sig:ES256'], 0, policy).leave).to.deep.equal([])
    for (const [now, state] of [
      [day - 1, 'retiring'],
      [day, 'removed'],
    ] as const)
      expect(Object.fromEntries(keyStates(told(day), now, leftOut))).to.deep.equal({ a: state })
  })

  it('makes no key while the next one already waits, even when forced', () => {
    const keys = [key('a', 0), key('b', 35 * day + policy.publishBefore)]
    expect(planKeys(keys, ['sig:ES256'], 35 * day, policy, new Set(['sig:ES256'])).create).to.deep.equal([])
  })

  it('waits for no key that a wrong clock made too far ahead: the next one comes when it is due, and once', () => {
    const due = 30 * day - policy.publishBefore
    const ahead = [key('a', 0), key('b', 200 * day)]
    const plan = (keys: readonly KeyTimes[], now: number) => planKeys(keys, ['sig:ES256'], now, policy)
    expect(plan(ahead, due - 1).create).to.deep.equal([])
    expect(plan(ahead, due).create).to.deep.equal([{ line: 'sig:ES256', activeAt: 30 * day }])
    expect(plan(ahead, 31 * day).dueAt).to.equal(due)
    expect(plan([...ahead, key('c', 30 * day)], due).create).to.deep.equal([])
    // nothing signs but keys of the future: one is made, and it is late since the first of them was
    const early = { ...key('b', 200 * day), createdAt: 0 }
    expect(plan([early], day)).to.deep.include({
      create: [{ line: 'sig:ES256', activeAt: day + policy.publishBefore }],
      dueAt: 0,
    })
    expect(plan([early, key('c', day + policy.publishBefore)], day).create).to.deep.equal([])
  })

  describe('of a line with a key that does not open', () => {
    const lost = (id: string, activeAt: number, line?: string): KeyTimes => ({
      ...key(id, activeAt, line),
      unreadable: 'lost',
    })
    const held = (id: string, activeAt: number): KeyTimes => ({ ...key(id, activeAt), unreadable: 'held' })
    const plan = (keys: readonly KeyTimes[], now: number) => planKeys(keys, [keys[0]!.line], now, policy)

    it('the newest one that opens goes on, is kept, and has a successor when it is due', () => {
      const keys = [key('a', 0), lost('b', day)]
      expect(stateOf(keys, 20 * day)).to.deep.equal({ a: 'active', b: 'retiring' })
      expect(plan(keys, 20 * day)).to.deep.include({ create: [], remove: [] })
      expect(plan(keys, 30 * day).create).to.deep.equal([
        { line: 'sig:ES256', activeAt: 30 * day + policy.publishBefore },
      ])
    })

    it('it is never deleted', () => {
      const keys = [lost('a', 0), key('b', day)]
      expect(stateOf(keys, 20 * day)).to.deep.equal({ a: 'removed', b: 'active' })
      expect(plan(keys, 20 * day).remove).to.deep.equal([])
    })

    it('where none opens, one that is in memory signs until caches have the new one', () => {
      const made = day + cachesHold
      expect(plan([lost('a', 0)], day).create).to.deep.equal([{ line: 'sig:ES256', activeAt: made }])
      const keys = [held('a', 0), key('b', made)]
      expect(stateOf(keys, made - 1)).to.deep.equal({ a: 'active', b: 'next' })
      expect(stateOf(keys, made)).to.deep.equal({ a: 'retiring', b: 'active' })
      expect(stateOf([lost('a', 0), key('b', made)], day)).to.deep.equal({ a: 'retiring', b: 'active' })
    })

    it('where none opens, a new one for cookies is used at once, and none is ever made for pairwise subjects', () => {
      expect(plan([lost('a', 0, cookieLine)], day).create).to.deep.equal([{ line: cookieLine, activeAt: day }])
      expect(plan([lost('a', 0, 'pairwise')], day).create).to.deep.equal([])
    })
  })

  it('publishes a forced key before it is active, too', () => {
    const plan = planKeys([key('a', 0)], ['sig:ES256'], day, policy, new Set(['sig:ES256']))
    expect(plan.create).to.deep.equal([{ line: 'sig:ES256', activeAt: day + policy.publishBefore }])
  })

  it('never makes another key for pairwise subjects, forced or due', () => {
    const keys = [key('a', 0, 'pairwise')]
    const plan = planKeys(keys, ['pairwise'], 4000 * day, policy, new Set(['pairwise']))
    expect(plan).to.deep.include({ create: [], remove: [] })
    expect(keyStates(keys, 4000 * day, policy).get('a')).to.equal('active')
  })

  it('removes keys that no valid token needs any more, and wakes for the next change', () => {
    expect(planKeys([key('a', 0), key('b', 30 * day)], ['sig:ES256'], 32 * day, policy).remove).to.deep.equal(['a'])
    const waiting = 30 * day - policy.publishBefore
    expect(planKeys([key('a', 0), key('b', 30 * day)], ['sig:ES256'], waiting, policy).wakeAt).to.equal(30 * day)
  })

  it('says since when a key is due that nobody has created, and looks forward again once it is there', () => {
    const due = 30 * day - policy.publishBefore
    const about = (keys: readonly KeyTimes[], now: number) => planKeys(keys, ['sig:ES256'], now, policy)
    expect(about([key('a', 0)], 10 * day)).to.include({ wakeAt: due, dueAt: due })
    const late = about([key('a', 0)], 31 * day)
    expect(late.dueAt).to.equal(due)
    expect(late.wakeAt).to.be.above(31 * day)
    expect(about([key('a', 0), key('b', 31 * day + policy.publishBefore)], 31 * day).dueAt).to.be.above(31 * day)
  })

  it('leaves nothing to do once its plan is carried out, and every line always has an active key', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 40 }), (steps) => {
        let now = 0
        let keys: KeyTimes[] = []
        for (const [index, step] of steps.entries()) {
          const plan = planKeys(keys, ['sig:ES256'], now, policy)
          keys = keys.filter(({ id }) => !plan.remove.includes(id))
          keys.push(...plan.create.map(({ line, activeAt }, n) => key(`k${index}-${n}`, activeAt, line)))
          const again = planKeys(keys, ['sig:ES256'], now, policy)
          expect(again.create).to.deep.equal([])
          expect(again.remove).to.deep.equal([])
          expect(activeKeyAt(keys, 'sig:ES256', now)).to.not.equal(undefined)
          now += step * day
        }
      }),
    )
  })
})
