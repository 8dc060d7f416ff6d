import { expect } from 'chai'
import { createMemoryCache } from '../../src/store/memory-cache.ts'
import { cacheConformance } from '../conformance/cache.ts'

cacheConformance(createMemoryCache.name, () => {
  let now = 0
  const cache = createMemoryCache({ maxEntries: 1000, now: () => now })
  return Promise.resolve({ cache, pass: (ms) => void (now += ms), end: () => cache.stop() })
})

describe(createMemoryCache.name, () => {
  it('drops the entry that was used longest ago when it is full', async () => {
    const cache = createMemoryCache({ maxEntries: 2 })
    const has = async (id: string) => (await cache.get('grant', id)) !== undefined
    await cache.set('grant', 'a', Buffer.from('a'), 60_000)
    await cache.set('grant', 'b', Buffer.from('b'), 60_000)
    await cache.get('grant', 'a')
    await cache.set('grant', 'c', Buffer.from('c'), 60_000)
    expect([await has('a'), await has('b'), await has('c')]).to.deep.equal([true, false, true])
  })
})
