import { expect } from 'chai'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import type { ManualClock } from '@nauthera/harness/operator/clocks'
import { HubState } from '../../src/spoke/hub-state.ts'

describe('HubState', () => {
  let clock: ManualClock
  let state: HubState
  /** An answer of a hub whose clock is ahead by this much. */
  const hear = (aheadMs = 0) => state.recordAnswer({ status: 200, date: clock.now() + aheadMs })
  beforeEach(() => {
    clock = createManualClock()
    state = new HubState(clock)
  })

  it('may be written to once it has answered and the namespace there is ours', () => {
    expect(state.mayWrite).to.equal(false)
    hear()
    expect([state.fault, state.mayWrite]).to.deep.equal([undefined, false])
    state.recordHolder({ kind: 'ours' })
    expect(state.mayWrite).to.equal(true)
  })

  it('is silent 15 seconds after the last answer; errors of a server are none', () => {
    state.recordHolder({ kind: 'ours' })
    hear()
    clock.advance(15_001)
    state.recordAnswer({ status: 503, date: undefined })
    expect(state.fault?.reason).to.equal('HubUnreachable')
    expect(state.fault?.message).to.contain('2026-01-01T00:00:00Z')
    expect(state.mayWrite).to.equal(false)
    hear()
    expect(state.mayWrite).to.equal(true)
  })

  it('takes the time of the hub for its own up to a minute, and refuses more', () => {
    state.recordHolder({ kind: 'ours' })
    hear(1_000)
    expect(state.clock.now()).to.equal(clock.now())
    hear(50_000)
    expect(state.clock.now() - clock.now()).to.equal(50_500)
    expect(state.mayWrite).to.equal(true)
    hear(-61_000)
    expect(state.fault?.reason).to.equal('ClockSkew')
    expect(state.mayWrite).to.equal(false)
    hear()
    expect(state.clock.now()).to.equal(clock.now())
  })

  it('tells a place that is taken from one that is not there', () => {
    hear()
    state.recordHolder({ kind: 'other', uid: 'a-clone' })
    expect(state.fault?.message).to.contain('a-clone').and.to.contain('--take-over')
    state.recordHolder({ kind: 'other-release', release: 'auth/second' })
    expect(state.fault?.reason).to.equal('ClusterTaken')
    expect(state.fault?.message).to.contain('auth/second').and.to.contain('--take-over')
    expect(state.mayWrite).to.equal(false)
    state.recordHolder({ kind: 'none' })
    expect(state.fault?.reason).to.equal('NotJoined')
  })

  describe('a hub that answers 200 and 401 in turns', () => {
    let tellings: (string | undefined)[]
    const flip = () => state.recordAnswer({ status: state.fault ? 200 : 401, date: clock.now() })
    beforeEach(() => {
      tellings = []
      state.recordHolder({ kind: 'ours' })
      state.listen(() => tellings.push(state.fault?.reason))
      hear()
    })

    it('is told at once while it seldom changes', () => {
      clock.advance(10_000)
      flip()
      clock.advance(5_000)
      flip()
      expect(tellings).to.deep.equal([undefined, 'CredentialRefused', undefined])
    })

    it('wakes the clients twice a minute, not at each turn', () => {
      for (let second = 0; second < 600; second++) {
        clock.advance(1_000)
        flip()
      }
      expect(tellings.length).to.be.within(19, 24)
      expect(state.mayWrite, 'each answer counts at once').to.equal(state.fault === undefined)
    })

    for (const [usable, away] of [
      [5, 5],
      [7, 3],
      [10, 5],
      [4, 2],
      [20, 10],
    ] as const)
      it(`wakes the clients while it is usable: ${usable} s, and ${away} s not`, () => {
        for (let second = 0; second < 600; second++) {
          if (second === 120) tellings = []
          const isAway = second % (usable + away) >= usable
          state.recordAnswer({ status: isAway ? 401 : 200, date: clock.now() })
          clock.advance(1_000)
        }
        expect(new Set(tellings)).to.deep.equal(new Set([undefined]))
        expect(tellings.length).to.be.within(480 / 60, 480 / 30)
      })

    it('tells within a minute that it is away for good', () => {
      for (let turn = 0; turn < 13; turn++) flip()
      tellings = []
      for (let second = 0; second < 60; second++) {
        clock.advance(1_000)
        state.recordAnswer({ status: 401, date: clock.now() })
      }
      expect(tellings).to.deep.equal(['CredentialRefused'])
    })

    it('tells the last change half a minute later at most, though the hub is as it was told before', () => {
      for (let turn = 0; turn < 13; turn++) flip()
      const before = tellings.length
      flip()
      expect(state.fault).to.equal(undefined)
      for (let turn = 0; turn < 3; turn++) {
        clock.advance(10_000)
        hear()
      }
      expect(tellings.slice(before)).to.deep.equal([undefined])
      clock.advance(600_000)
      expect(tellings.length, 'there is no more to tell').to.equal(before + 1)
    })
  })

  it('may not be written to, though it answers, while it gives us no rights', () => {
    state.recordHolder({ kind: 'ours' })
    state.recordHolder({ kind: 'refused' })
    hear()
    expect([state.fault?.reason, state.mayWrite]).to.deep.equal(['NotJoined', false])
    expect(state.fault?.message).to.contain('no rights')
  })

  it('tells a token that is refused from silence', () => {
    hear()
    state.recordAnswer({ status: 401, date: clock.now() })
    expect(state.fault?.reason).to.equal('CredentialRefused')
    hear()
    expect(state.fault).to.equal(undefined)
  })
})
