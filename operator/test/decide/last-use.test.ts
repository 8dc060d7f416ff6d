import { expect } from 'chai'
import { anyLastUse, lastUses } from '../../src/decide/status/last-use.ts'

const at = (text: string) => Date.parse(text)

describe('lastUses', () => {
  const status = {
    verifiers: [{ id: 'aaaaaaaa', lastUsed: '2026-01-02T00:00:00Z' }],
    secret: { previous: [{ id: 'bbbbbbbb', lastUsed: '2026-01-03T00:00:00Z' }, { id: 'cccccccc' }] },
  } as never
  const reported = new Map([['aaaaaaaa', at('2026-01-05T00:00:00Z')]])

  it('has of each secret what replicas report, else what the status has kept, and nothing of one that nobody used', () => {
    expect(lastUses(status, ['aaaaaaaa', 'bbbbbbbb', 'cccccccc'], (id) => reported.get(id))).to.deep.equal({
      aaaaaaaa: at('2026-01-05T00:00:00Z'),
      bbbbbbbb: at('2026-01-03T00:00:00Z'),
    })
  })

  it('keeps the later of both, such as after a start, when replicas report little', () => {
    const early = { aaaaaaaa: at('2026-01-02T00:00:00Z') }
    expect(lastUses(status, ['aaaaaaaa'], () => at('2026-01-01T00:00:00Z'))).to.deep.equal(early)
    expect(lastUses(undefined, ['aaaaaaaa'], () => undefined)).to.deep.equal({})
  })
})

describe('anyLastUse', () => {
  it('is the latest of all, and stays while nobody reports a later one', () => {
    const uses = { aaaaaaaa: at('2026-01-02T00:00:00Z'), bbbbbbbb: at('2026-01-04T00:00:00Z') }
    expect(anyLastUse('2026-01-03T00:00:00Z', uses)).to.equal('2026-01-04T00:00:00Z')
    expect(anyLastUse('2026-01-05T00:00:00Z', uses)).to.equal('2026-01-05T00:00:00Z')
    expect(anyLastUse(undefined, uses)).to.equal('2026-01-04T00:00:00Z')
    expect(anyLastUse('2026-01-05T00:00:00Z')).to.equal('2026-01-05T00:00:00Z')
  })
})
