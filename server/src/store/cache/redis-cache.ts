// Valkey or Redis as a cache. Entries are sealed with their purpose, id and expiry: somebody who can write to the cache can remove
// entries, but cannot make or exchange one.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Redis as RedisClient } from 'ioredis'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { inSpan } from '@nauthera/runtime/traces'
import { serverMetrics } from '../../metrics.ts'
import type { Cache, CacheKey } from './cache.ts'
import { connectPatience, createCacheClient } from './cache-client.ts'
import type { CacheConnection } from './cache-connection.ts'
import type { DerivedKeys } from '../driver/envelope.ts'

/** After so many failures in a row the cache is not used for `skipMs`, and is dialled again: there may be another primary by now,
 *  and nobody has to wait for the time-out of a dead connection. */
const failuresToSkip = 5
const skipMs = 1000
const prefix = 'nauthera:'

interface RedisCacheOptions {
  readonly connection: CacheConnection
  /** `ring.derive('cache')` */
  readonly keys: DerivedKeys
  /** Milliseconds. A slower cache does not help. */
  readonly timeoutMs: number
  readonly log: Log
  readonly metrics?: Metrics
  /** Epoch milliseconds, for the expiry that is sealed in. */
  readonly now?: () => number
}

export function createRedisCache(options: RedisCacheOptions): Cache {
  const { keys, now = Date.now } = options
  const redis = createCacheClient(options.connection, options.timeoutMs)
  const guarded = new GuardedRedis(redis, createReport(options))
  const up = options.metrics?.gauge(serverMetrics.cacheUp)
  options.metrics?.onRender(() => up?.set(guarded.canAsk() ? 1 : 0))
  const settled = settledOf(redis, connectPatience(options.timeoutMs))
  return {
    async get(asked) {
      const names = asked.map(nameOf)
      // whatever the types of the library say, who answers may answer anything
      const boxes: unknown = await guarded.attempt('get', () => redis.mgetBuffer(names))
      return names.map((name, n) => {
        const box: unknown = Array.isArray(boxes) ? boxes[n] : undefined
        return Buffer.isBuffer(box) ? open(box, name, keys, now()) : undefined
      })
    },
    async set(key, value, ttlMs) {
      const name = nameOf(key)
      const box = seal(value, name, keys, now() + ttlMs)
      await guarded.attempt('set', () => redis.set(name, box, 'PX', Math.max(1, Math.ceil(ttlMs))))
    },
    settled: () => settled,
    async stop() {
      redis.disconnect()
    },
  }
}

const cacheSpan = { 'db.system.name': 'redis' }

/** The connection to the cache. After a fault on it, the server works without the cache. */
class GuardedRedis {
  readonly #redis: RedisClient
  readonly #report: Report
  #failures = 0
  #skipUntil = -Infinity

  constructor(redis: RedisClient, report: Report) {
    this.#redis = redis
    this.#report = report
    // without a listener ioredis prints to the console
    redis.on('error', (error) => report('connection', error))
  }

  canAsk(): boolean {
    return this.#redis.status === 'ready' && performance.now() >= this.#skipUntil
  }

  /** @returns undefined when the cache is away, or failed */
  async attempt<T>(name: 'get' | 'set', work: () => Promise<T>): Promise<T | undefined> {
    if (!this.canAsk()) return undefined
    try {
      const result = await inSpan(name, cacheSpan, work)
      this.#failures = 0
      return result
    } catch (error) {
      this.#failed(error)
      return undefined
    }
  }

  #failed(error: unknown): void {
    this.#report('command', error)
    if (++this.#failures < failuresToSkip) return
    this.#failures = 0
    if (this.#redis.status !== 'ready') return
    this.#skipUntil = performance.now() + skipMs
    this.#redis.disconnect(true)
  }
}

type Report = (what: 'command' | 'connection', error: unknown) => void

/** Counts each failure, and logs one in ten seconds. */
function createReport({ log, metrics }: RedisCacheOptions): Report {
  const failures = metrics?.counter(serverMetrics.cacheFailures)
  let quietUntil = -Infinity
  return (what, error) => {
    failures?.inc({ what })
    if (performance.now() < quietUntil) return
    quietUntil = performance.now() + 10_000
    log.warn({ error }, 'cache unavailable')
  }
}

function settledOf(redis: RedisClient, mostMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, mostMs)
    for (const event of ['ready', 'error', 'end'])
      redis.once(event, () => {
        clearTimeout(timer)
        resolve()
      })
  })
}

const nameOf = ({ purpose, id }: CacheKey) => `${prefix}${purpose}:${id}`

const ivBytes = 12
const tagBytes = 16
const expiryBytes = 8

/** keyIdLength(1) keyId iv ciphertext(expiry value) tag */
function seal(value: Uint8Array, key: string, keys: DerivedKeys, expiresAt: number): Buffer {
  const expiry = Buffer.alloc(expiryBytes)
  expiry.writeDoubleBE(expiresAt)
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', keys.current, iv).setAAD(Buffer.from(key))
  const text = Buffer.concat([cipher.update(expiry), cipher.update(value), cipher.final()])
  const keyId = Buffer.from(keys.currentId)
  return Buffer.concat([Buffer.of(keyId.length), keyId, iv, text, cipher.getAuthTag()])
}

/** @returns undefined unless the box is exactly what we wrote for this key, and has not expired */
function open(box: Buffer, key: string, keys: DerivedKeys, now: number): Uint8Array | undefined {
  const idEnd = 1 + (box[0] ?? 0)
  const secret = keys.all.get(box.subarray(1, idEnd).toString())
  if (secret === undefined || box.length < idEnd + ivBytes + expiryBytes + tagBytes) return undefined
  try {
    const iv = box.subarray(idEnd, idEnd + ivBytes)
    const decipher = createDecipheriv('aes-256-gcm', secret, iv, { authTagLength: tagBytes })
    decipher.setAAD(Buffer.from(key)).setAuthTag(box.subarray(box.length - tagBytes))
    const text = Buffer.concat([
      decipher.update(box.subarray(idEnd + ivBytes, box.length - tagBytes)),
      decipher.final(),
    ])
    return text.readDoubleBE(0) > now ? Uint8Array.from(text.subarray(expiryBytes)) : undefined
  } catch {
    return undefined
  }
}
