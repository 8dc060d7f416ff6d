import { expect } from 'chai'
import {
  awaitsDisuse,
  isRetired,
  lifeOfPrevious,
  roomAt,
  stillUsed,
  timesOfPrevious,
} from '../../src/decide/secret/previous-secrets.ts'
import type { RotationInput, StoredVerifier } from '../../src/decide/secret/rotation-terms.ts'

const minute = 60_000
const hour = 60 * minute
const published = Date.UTC(2026, 5, 1)
const old: StoredVerifier = { id: 'aaaaaaaa', sha256: 'a'.repeat(64), notAfter: published + 100 * hour }

function input(
  at: number,
  change: Partial<RotationInput['rotation']> = {},
  usage: Partial<RotationInput['usage']> = {},
) {
  return {
    source: { kind: 'minted' },
    serving: true,
    secret: { kind: 'absent' },
    verifiers: [],
    pending: undefined,
    replicas: { total: 1, serving: true, unreachable: 0, goingUntil: undefined },
    status: { lastRotated: published, observed: {} },
    rotation: { retire: 'WhenUnused', overlapMs: 24 * hour, maxOverlapMs: 168 * hour, quietPeriodMs: hour, ...change },
    usage: { knownSince: 0, lastUsed: {}, ...usage },
    now: published + at,
  } as const satisfies RotationInput
}
const usedAt = (at: number) => ({ lastUsed: { [old.id]: published + at } })

describe('lifeOfPrevious', () => {
  const table: readonly [string, Partial<RotationInput['rotation']>, number][] = [
    ['the overlap, with AfterOverlap', { retire: 'AfterOverlap' }, 24 * hour],
    ['what the policy lets it, with WhenUnused', {}, 168 * hour],
    ['no longer than until the next one is due', { intervalMs: 48 * hour }, 48 * hour],
    ['never less than the overlap', { maxOverlapMs: hour, overlapMs: hour, intervalMs: hour }, hour],
  ]
  for (const [sentence, rotation, life] of table)
    it(sentence, () => expect(lifeOfPrevious(input(0, rotation))).to.equal(life))
})

describe('isRetired, with WhenUnused', () => {
  it('when the overlap is over and nobody has used it for the quiet period', () => {
    expect(isRetired(input(24 * hour - 1), old), 'within the overlap').to.equal(false)
    expect(isRetired(input(24 * hour), old)).to.equal(true)
    expect(isRetired(input(24 * hour, {}, usedAt(23.5 * hour)), old), 'used half an hour ago').to.equal(false)
    expect(isRetired(input(24.5 * hour, {}, usedAt(23.5 * hour)), old)).to.equal(true)
  })

  it('P9 not while a use may have been missed: what is not known counts as used', () => {
    expect(isRetired(input(30 * hour, {}, { knownSince: undefined }), old), 'a replica is silent').to.equal(false)
    const heardFrom = { knownSince: published + 29.5 * hour }
    expect(isRetired(input(30 * hour, {}, heardFrom), old), 'heard for half an hour').to.equal(false)
    expect(isRetired(input(30.5 * hour, {}, heardFrom), old), 'heard for an hour').to.equal(true)
  })

  it('at its end in any case', () => {
    expect(isRetired(input(100 * hour, {}, { knownSince: undefined }), old)).to.equal(true)
  })
})

describe('stillUsed', () => {
  const told = (...given: Parameters<typeof input>) => stillUsed(input(...given), [old])

  it('tells of a secret that is used a day before its end', () => {
    expect(told(76 * hour - 1, {}, usedAt(75.9 * hour)), 'not earlier').to.equal(undefined)
    expect(told(76 * hour, {}, usedAt(75.9 * hour))).to.match(/aaaaaaaa is still used, and ends at 2026-06-05T04:00/)
  })

  it('half of its life before, when it lives shorter', () => {
    const short = { ...old, notAfter: published + 2 * hour }
    const at = (time: number) => stillUsed(input(time, { retire: 'AfterOverlap' }, usedAt(time - minute)), [short])
    expect(at(hour - 1)).to.equal(undefined)
    expect(at(hour)).to.match(/still used/)
  })

  it('says nothing of one that nobody uses any more', () => {
    expect(told(90 * hour, {}, usedAt(80 * hour))).to.equal(undefined)
  })

  it('tells with WhenUnused that nobody knows, when that lasts; who chose a fixed end is not told', () => {
    expect(told(76 * hour, {}, { knownSince: undefined })).to.equal(undefined)
    expect(told(88 * hour, {}, { knownSince: undefined })).to.match(/too often to know/)
    expect(told(88 * hour, { retire: 'AfterOverlap' }, { knownSince: undefined })).to.equal(undefined)
  })
})

describe('timesOfPrevious', () => {
  const next = (at: number) => Math.min(...timesOfPrevious(input(at), [old]).filter((time) => time > published + at))

  it('looks at the use a minute after the publication, then each five minutes, and each minute while only the use keeps it', () => {
    expect(next(0)).to.equal(published + minute)
    expect(next(hour)).to.equal(published + hour + 5 * minute)
    expect(awaitsDisuse(input(24 * hour), [old])).to.equal(true)
    expect(next(25 * hour)).to.equal(published + 25 * hour + minute)
  })

  it('nothing is looked at without a previous one', () => {
    expect(timesOfPrevious(input(0), [])).to.deep.equal([])
    expect(awaitsDisuse(input(25 * hour), [])).to.equal(false)
  })
})

describe('roomAt', () => {
  it('is a minute after the loss', () => {
    expect(roomAt({ ...input(0), lostSince: published - 10 })).to.equal(published - 10 + minute)
  })
})
