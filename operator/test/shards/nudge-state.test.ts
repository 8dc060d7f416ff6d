import { expect } from 'chai'
import { NudgeState } from '../../src/shards/nudge-state.ts'

const times = { repeatMs: 3_000, repeatCapMs: 10_000, forbiddenMs: 600_000 }

describe('NudgeState', () => {
  let state: NudgeState

  beforeEach(() => {
    state = new NudgeState(times)
    state.setPods(['a', 'b'])
  })

  describe('setPods', () => {
    for (const [sentence, names, hasJoined] of [
      ['the same pods', ['b', 'a'], false],
      ['a pod that joined', ['a', 'b', 'c'], true],
      ['a pod that left', ['a'], false],
      ['another pod in the place of one', ['a', 'c'], true],
    ] as const) {
      it(`says whether one has joined: ${sentence}`, () => {
        expect(state.setPods(names)).to.equal(hasJoined)
        expect(state.pods).to.deep.equal(names)
      })
    }
  })

  describe('written', () => {
    it('makes the annotation another one, and the wait short again', () => {
      state.repeated()
      const { count } = state
      state.written()
      expect(state.count).to.equal(count + 1)
      expect(state.waitMs).to.equal(3_000)
    })
  })

  describe('repeated', () => {
    it('makes the annotation another one each time, and the wait longer up to its limit', () => {
      const waits = [state.waitMs]
      for (let turn = 1; turn <= 3; turn++) {
        state.repeated()
        expect(state.count).to.equal(turn)
        waits.push(state.waitMs)
      }
      expect(waits).to.deep.equal([3_000, 6_000, 10_000, 10_000])
    })
  })

  describe('takeTurn', () => {
    it('annotates a pod once for each begin, and never twice at the same time', () => {
      expect(state.start('a')).to.equal(true)
      expect(state.isTurn('a', 0)).to.equal(true)
      expect(state.isTurn('a', 0)).to.equal(false)
      state.end('a')
      expect(state.start('a')).to.equal(true)
    })

    it('annotates it once more when something was written meanwhile, however often', () => {
      state.start('a')
      expect(state.isTurn('a', 0)).to.equal(true)
      expect([state.start('a'), state.start('a')]).to.deep.equal([false, false])
      expect(state.isTurn('a', 0)).to.equal(true)
      expect(state.isTurn('a', 0)).to.equal(false)
    })

    it('no pod waits for another', () => {
      state.start('a')
      expect(state.start('b')).to.equal(true)
    })
  })

  describe('forbidden', () => {
    it('is told once, and tries nothing for a while', () => {
      expect(state.forbidden(1_000)).to.equal(true)
      state.start('a')
      expect(state.isTurn('a', 600_999)).to.equal(false)
      expect(state.isTurn('a', 601_000)).to.equal(true)
      expect(state.forbidden(601_000)).to.equal(false)
    })
  })
})
