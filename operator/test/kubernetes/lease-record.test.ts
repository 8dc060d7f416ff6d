import { annotations } from '@nauthera/proto/names'
import { expect } from 'chai'
import {
  afterDoubt,
  afterRead,
  afterWrite,
  givenBack,
  lossOf,
  mustRead,
  nextMove,
  nothingKnown,
  waitAfterLoss,
} from '../../src/kubernetes/lease-record.ts'
import type { LeaseObject, LeaseView } from '../../src/kubernetes/lease-record.ts'

const now = Date.UTC(2026, 0, 1)
const record = (holder: string, resourceVersion = '1', spec: Partial<LeaseObject['spec']> = {}): LeaseObject => ({
  metadata: { name: 'nauthera-operator', namespace: 'auth', resourceVersion },
  spec: { holderIdentity: holder, leaseDurationSeconds: 15, leaseTransitions: 3, ...spec },
})
const lossesIn = (made: ReturnType<typeof nextMove>): string | undefined =>
  made.kind === 'replace' ? made.record.metadata.annotations?.[annotations.losses] : undefined
const move = (view: LeaseView, monotonic = 0) => nextMove(view, 'me', 15_000, { now, monotonic })

describe('nextMove', () => {
  it('creates the record where there is none', () => {
    expect(move(afterRead(nothingKnown, undefined, 0))).to.deep.equal({
      kind: 'create',
      spec: {
        holderIdentity: 'me',
        leaseDurationSeconds: 15,
        acquireTime: '2026-01-01T00:00:00.000000Z',
        renewTime: '2026-01-01T00:00:00.000000Z',
        leaseTransitions: 0,
      },
    })
  })

  it('renews its own at any time, and keeps when it began', () => {
    const mine = record('me', '1', { acquireTime: '2025-12-31T00:00:00.000000Z' })
    const made = move({ ...afterRead(nothingKnown, mine, 0), isLeading: true })
    expect(made).to.have.nested.property('record.spec.acquireTime', '2025-12-31T00:00:00.000000Z')
    expect(made).to.have.nested.property('record.spec.leaseTransitions', 3)
    expect(made).to.have.nested.property('record.metadata.resourceVersion', '1')
  })

  it('takes a Lease that was given back, at once', () => {
    const made = move(afterRead(nothingKnown, givenBack(record('other')), 0))
    expect(made).to.have.nested.property('record.spec.holderIdentity', 'me')
    expect(made).to.have.nested.property('record.spec.leaseTransitions', 4)
  })

  it('takes at once what an earlier process under its name has not given back, and begins anew', () => {
    const made = move(afterRead(nothingKnown, record('me', '1', { acquireTime: '2025-12-31T00:00:00.000000Z' }), 0))
    expect(made).to.have.nested.property('record.spec.acquireTime', '2026-01-01T00:00:00.000000Z')
    expect(lossesIn(made)).to.equal('1')
  })

  it('counts how often in a row it was not given back, and anew after a leader that had it for ten minutes', () => {
    const found = (holder: string, heldMs: number) => ({
      ...record(holder, '1', {
        acquireTime: new Date(now - heldMs).toISOString(),
        renewTime: new Date(now).toISOString(),
      }),
      metadata: { name: 'nauthera-operator', annotations: { [annotations.losses]: '4' } },
    })
    const lossesOf = (before: LeaseObject) => lossesIn(move(afterRead(nothingKnown, before, 0), 60_000))
    expect(lossesOf(found('other', 60_000))).to.equal('5')
    expect(lossesOf(found('other', 600_000))).to.equal('1')
    expect(lossesOf(found('', 60_000))).to.equal('0')
    const wait = (before: LeaseObject, random: number) => waitAfterLoss(before, now, () => random)
    expect(wait(found('me', 60_000), 0)).to.equal(15_000)
    expect(wait(found('me', 600_000), 0)).to.equal(1_000)
    expect(wait(found('me', 600_000), 1)).to.equal(1_250)
  })

  for (const [monotonic, kind] of [
    [1_000, 'wait'],
    [15_999, 'wait'],
    [16_000, 'replace'],
  ] as const) {
    it(`F12 ${kind === 'wait' ? 'waits' : 'takes it'} ${monotonic - 1_000} ms after another's record was seen to change`, () => {
      const seen = afterRead(nothingKnown, record('other'), 1_000)
      expect(move(afterRead(seen, record('other'), monotonic), monotonic).kind).to.equal(kind)
    })
  }

  it('F12 counts anew when the record has changed', () => {
    const seen = afterRead(nothingKnown, record('other', '1'), 0)
    expect(move(afterRead(seen, record('other', '2'), 15_000), 15_000).kind).to.equal('wait')
  })

  it('F12 counts on over reads and writes that have failed, as long as the record is the same', () => {
    const seen = afterDoubt(afterRead(nothingKnown, record('other'), 1_000))
    expect(mustRead(seen)).to.equal(true)
    expect(move(afterRead(seen, record('other'), 15_999), 15_999).kind).to.equal('wait')
    expect(move(afterRead(seen, record('other'), 16_000), 16_000).kind).to.equal('replace')
    expect(move(afterRead(seen, record('other', '2'), 16_000), 16_000).kind).to.equal('wait')
  })

  it('believes the duration that the holder has written, not its own', () => {
    const seen = afterRead(nothingKnown, record('other', '1', { leaseDurationSeconds: 60 }), 0)
    expect(move(seen, 59_999).kind).to.equal('wait')
    expect(move(seen, 60_000).kind).to.equal('replace')
  })
})

describe('mustRead', () => {
  const led = { ...afterWrite(nothingKnown, record('me'), 0, 1), isLeading: true }
  it('is true for everybody but a leader that knows its record', () => {
    expect(mustRead(nothingKnown)).to.equal(true)
    expect(mustRead({ ...led, isLeading: false })).to.equal(true)
    expect(mustRead(led)).to.equal(false)
  })
  it('is true for a leader after a call whose outcome is not known', () => {
    expect(mustRead(afterDoubt(led))).to.equal(true)
  })
})

describe('afterWrite', () => {
  it('counts the renewal from when it was sent, not from when the answer came', () => {
    expect(afterWrite(nothingKnown, record('me'), 1_000, 4_000)).to.include({ renewedAt: 1_000, changedAt: 4_000 })
  })
})

describe('lossOf', () => {
  const led = { ...afterWrite(nothingKnown, record('me'), 0, 0), isLeading: true }
  it('is none while there is time to try again', () => {
    expect(lossOf(afterDoubt(led), 'me', 10_000, 9_999)).to.equal(undefined)
  })
  it('tells how long there was no renewal', () => {
    expect(lossOf(afterDoubt(led), 'me', 10_000, 10_000)).to.equal('not renewed for 10000 ms')
  })
  it('F12 names who has it now, however short the time', () => {
    expect(lossOf(afterRead(led, record('other', '2'), 1), 'me', 10_000, 1)).to.equal('held by other')
  })
})
