import { cacheConformance } from '../../conformance/cache.ts'
import { createMemoryCache } from '../../../src/store/cache/memory-cache.ts'

cacheConformance(createMemoryCache.name, () => {
  let now = 0
  const cache = createMemoryCache({ now: () => now })
  return Promise.resolve({ cache, pass: (ms) => void (now += ms), end: () => cache.stop() })
})
