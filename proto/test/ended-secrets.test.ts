import { expect } from 'chai'
import { knownEnded, withEnded } from '../src/ended-secrets.ts'

const day = 86_400_000
const now = 20_000 * day

describe('secrets that have ended', () => {
  it('are known for 30 days', () => {
    const ended = withEnded({}, [{ id: 'aaaaaaaa' }], new Set(['bbbbbbbb']), now)
    expect(ended).to.deep.equal({ aaaaaaaa: 20_000 })
    expect(knownEnded(ended, now + 30 * day)).to.deep.equal(['aaaaaaaa'])
    expect(knownEnded(ended, now + 31 * day)).to.deep.equal([])
  })

  it('are the newest eight, and none that is valid again', () => {
    const ids = Array.from({ length: 10 }, (_, index) => `0000000${index}`)
    const all = ids.reduce<Record<string, number>>(
      (before, id, index) => ({ ...withEnded(before, [{ id }], new Set(), now + index * day) }),
      {},
    )
    expect(knownEnded(all, now + 9 * day)).to.deep.equal(ids.slice(2))
    expect(Object.keys(withEnded(all, [], new Set(['00000009']), now + 9 * day))).to.have.length(7)
  })

  it('ended when they were to end, though it was written down later', () => {
    const gone = [{ id: 'aaaaaaaa', notAfter: now - 3 * day }]
    expect(withEnded({}, gone, new Set(), now)).to.deep.equal({ aaaaaaaa: 19_997 })
  })

  it('stay the same object while nothing ends', () => {
    const before = { aaaaaaaa: 20_000 }
    expect(withEnded(before, [], new Set(['bbbbbbbb']), now)).to.equal(before)
  })
})
