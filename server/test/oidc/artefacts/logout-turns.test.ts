import { expect } from 'chai'
import { createLogoutTurns, pauseAfter } from '../../../src/oidc/artefacts/logout-turns.ts'
import type { Turn } from '../../../src/oidc/artefacts/logout-turns.ts'

const client = (uid: string, namespace = 'a') => ({ uid, namespace })

function turnsAt(share = 4) {
  const clock = { now: 0 }
  const turns = createLogoutTurns({ share, now: () => clock.now })
  const begin = (uid: string, namespace?: string) => {
    const turn = turns.next(client(uid, namespace))
    if (turn.kind === 'put-off') throw new Error(turn.reason)
    return turn.end
  }
  return { clock, begin, take: (uid: string, namespace?: string): Turn => turns.next(client(uid, namespace)) }
}
const delayOf = (turn: Turn) => (turn.kind === 'put-off' ? turn.delayMs : undefined)

describe(pauseAfter.name, () => {
  for (const [sentence, failures, expected] of [
    ['is 10 s after the first failure', 1, 10_000],
    ['is twice as long after each in a row', 4, 80_000],
    ['is ten minutes at most', 7, 600_000],
    ['is ten minutes after very many', 5000, 600_000],
  ] as const)
    it(sentence, () => expect(pauseAfter(failures)).to.equal(expected))
})

describe(createLogoutTurns.name, () => {
  it('lets so many of a namespace be told at once, whichever application they are of, and those of others too', () => {
    const { begin, take } = turnsAt(2)
    begin('one')
    const end = begin('two')
    expect(take('three')).to.include({ kind: 'put-off', reason: 'others of its namespace are being told' })
    expect(take('four', 'b').kind).to.equal('now')
    end('answered')
    expect(take('three').kind).to.equal('now')
  })

  it('sends those that are too many to the end of a queue of their namespace, half a minute away at most', () => {
    const { clock, begin, take } = turnsAt(1)
    begin('one')
    begin('one', 'b')
    const delays = Array.from({ length: 2000 }, () => delayOf(take('two'))!)
    expect(delays.slice(0, 3)).to.deep.equal([250, 275, 300])
    expect(delays.at(-1)).to.equal(30_000)
    expect(delayOf(take('two', 'b')), 'of another namespace').to.equal(250)
    clock.now = 60_000
    expect(delayOf(take('two')), 'when all of them have come back').to.equal(250)
  })

  it('leaves an application alone from the beginning of the try that failed, longer each time, until it answers', () => {
    const { clock, begin, take } = turnsAt()
    for (const pauseMs of [10_000, 20_000, 40_000]) {
      const end = begin('one')
      const begun = clock.now
      clock.now += 3000
      end('failed')
      expect(delayOf(take('one'))).to.equal(pauseMs - 3000)
      clock.now = begun + pauseMs
    }
    begin('one')('answered')
    begin('one')('failed')
    expect(delayOf(take('one'))).to.equal(10_000)
  })

  it('counts failures at the same time as one', () => {
    const { begin, take } = turnsAt()
    const ends = [begin('one'), begin('one'), begin('one')]
    for (const end of ends) end('failed')
    expect(delayOf(take('one'))).to.equal(10_000)
  })

  it('tries an application that failed once at a time, and the others wait only for that', () => {
    const { clock, begin, take } = turnsAt()
    begin('one')('failed')
    clock.now = 10_000
    const end = begin('one')
    expect(take('one')).to.deep.equal({ kind: 'put-off', reason: 'the application is being tried', delayMs: 250 })
    end('unknown')
    begin('one')('answered')
    expect([take('one').kind, take('one').kind]).to.deep.equal(['now', 'now'])
  })
})
