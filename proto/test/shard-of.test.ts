import { expect } from 'chai'
import { shardCount } from '../src/names.ts'
import { shardOf } from '../src/shard-of.ts'
import vectors from './vectors/proto.json' with { type: 'json' }

describe('shardOf', () => {
  for (const { namespace, name, shard, of256 } of vectors.shardOf) {
    it(`puts ${namespace}/${name.slice(0, 20)} into shard ${shard}`, () => {
      expect(shardOf(namespace, name)).to.equal(shard)
      expect(shardOf(namespace, name, 256)).to.equal(of256)
    })
  }

  it('spreads 16,000 clients evenly: each shard within a fifth of the mean', () => {
    const counts = Array.from({ length: shardCount }, () => 0)
    for (let index = 0; index < 16_000; index++) counts[shardOf(`team-${index % 40}`, `app-${index}`)]!++
    expect(Math.min(...counts)).to.be.above(800)
    expect(Math.max(...counts)).to.be.below(1_200)
  })

  it('moves a client to shard n + 16 or not at all when the number of shards is doubled', () => {
    for (let index = 0; index < 500; index++) {
      expect(shardOf('apps', `app-${index}`, 32) % 16).to.equal(shardOf('apps', `app-${index}`, 16))
    }
  })
})
