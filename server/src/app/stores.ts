// Opens PostgreSQL and the cache, as the settings say.
import type { Cache } from '../store/cache/cache.ts'
import { serverMetrics } from '../metrics.ts'
import { cacheConnection } from '../store/cache/cache-connection.ts'
import { databaseConnection } from '../store/driver/connection.ts'
import { loadKeyRing } from '../store/driver/envelope.ts'
import { createDatabase } from '../store/driver/postgres.ts'
import { createStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import type { Needs } from './needs.ts'

export async function openCache({ settings, log, metrics }: Needs): Promise<Cache | undefined> {
  const connection = cacheConnection(settings.cache)
  if (!connection) return undefined
  const keys = loadKeyRing(settings.keysDirectory).derive('cache')
  // loaded on demand: the client is large, and many servers have no cache
  const { createRedisCache } = await import('../store/cache/redis-cache.ts')
  return createRedisCache({ connection, keys, timeoutMs: settings.cache.timeout, log, metrics })
}

export function openStore({ settings, log, metrics, patience }: Needs, cache: Cache | undefined): Store {
  const ring = loadKeyRing(settings.keysDirectory)
  metrics.gauge(serverMetrics.ring).set({ key: ring.currentId }, 1)
  const database = createDatabase({ connection: { ...databaseConnection(settings.database), patience }, log, metrics })
  const { replica } = settings
  const sendsMail = settings.mail !== undefined
  return createStore({ database, cache, ring, log, metrics, replica, auditSettings: settings.audit, sendsMail })
}
