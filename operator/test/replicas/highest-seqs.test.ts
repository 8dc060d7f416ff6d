import { expect } from 'chai'
import { HighestSeqs } from '../../src/replicas/highest-seqs.ts'

describe('HighestSeqs', () => {
  it('keeps the highest of each shard, whoever told it', () => {
    const seqs = new HighestSeqs()
    seqs.record([
      { shard: 1, seq: 7n },
      { shard: 2, seq: 3n },
    ])
    seqs.record([
      { shard: 1, seq: 5n },
      { shard: 2, seq: 9n },
    ])
    expect([0, 1, 2].map((shard) => seqs.of(shard))).to.deep.equal([0, 7, 9])
  })

  it('believes no seq that would leave no room to count on', () => {
    const seqs = new HighestSeqs()
    seqs.record([{ shard: 1, seq: 2n ** 48n }])
    seqs.record([{ shard: 1, seq: 2n ** 48n + 1n }])
    expect(seqs.of(1)).to.equal(2 ** 48)
  })
})
