// Valkey or Redis as a cache. Whoever can write to it can do no more than make us miss: entries are sealed with their purpose, id
// and expiry.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import type { Cache, CacheKey } from './cache.ts'
import type { CacheConnection } from './cache-connection.ts'
import type { DerivedKeys } from './envelope.ts'

/** Milliseconds. */
const timeouts = { connect: 500, disconnect: 100, skip: 1000 }
/** So many failures in a row, and the cache is left alone for `skip`, and dialled anew: behind a connection on which nothing
 *  passes any more there may be another primary, and until it is replaced nobody waits. */
const failuresToSkip = 5
const prefix = 'nauthera:'

/** @param options.keys `ring.derive('cache')`
 *  @param options.now epoch milliseconds, for the expiry that is sealed in */
export function createRedisCache(options: {
  connection: CacheConnection
  keys: DerivedKeys
  /** One that is slower than this is no help. */
  timeoutMs: number
  log: Log
  metrics?: Metrics
  now?: () => number
}): Cache {
  const { keys, log } = options
  const failuresTotal = options.metrics?.counter(
    'nauthera_server_cache_failures_total',
    'What failed of the cache: a command that somebody waited for, or a connection.',
    ['what'],
  )
  const now = options.now ?? Date.now
  const redis = connect(options.connection, {
    connectTimeout: timeouts.connect,
    commandTimeout: options.timeoutMs,
    disconnectTimeout: timeouts.disconnect,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(100 * 2 ** Math.min(attempt, 5), 2000) * (0.5 + Math.random() / 2),
  })
  let failures = 0
  let skipUntil = -Infinity
  let quietUntil = -Infinity

  const report = (what: 'command' | 'connection', error: unknown): void => {
    failuresTotal?.inc({ what })
    if (performance.now() < quietUntil) return
    quietUntil = performance.now() + 10_000
    log.warn({ error }, 'cache unavailable')
  }
  // without a listener ioredis prints to the console
  redis.on('error', (error) => report('connection', error))

  const failed = (error: unknown): void => {
    report('command', error)
    if (++failures < failuresToSkip) return
    failures = 0
    if (redis.status !== 'ready') return
    skipUntil = performance.now() + timeouts.skip
    redis.disconnect(true)
  }

  const settled = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, timeouts.connect)
    for (const event of ['ready', 'error', 'end'])
      redis.once(event, () => {
        clearTimeout(timer)
        resolve()
      })
  })

  /** Whatever the cache does, the flow goes on without it. */
  async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (redis.status !== 'ready' || performance.now() < skipUntil) return undefined
    try {
      const result = await work()
      failures = 0
      return result
    } catch (error) {
      failed(error)
      return undefined
    }
  }

  return {
    async get(asked) {
      const names = asked.map(nameOf)
      const boxes = await attempt(() => redis.mgetBuffer(names))
      return names.map((name, n) => {
        const box = boxes?.[n]
        return box === null || box === undefined ? undefined : open(box, name, keys, now())
      })
    },
    async set(key, value, ttlMs) {
      const name = nameOf(key)
      const box = seal(value, name, keys, now() + ttlMs)
      await attempt(() => redis.set(name, box, 'PX', Math.max(1, Math.ceil(ttlMs))))
    },
    settled: () => settled,
    stop() {
      redis.disconnect()
      return Promise.resolve()
    },
  }
}

const nameOf = ({ purpose, id }: CacheKey) => `${prefix}${purpose}:${id}`

interface Common {
  connectTimeout: number
  commandTimeout: number
  disconnectTimeout: number
  enableOfflineQueue: boolean
  enableAutoPipelining: boolean
  maxRetriesPerRequest: number
  retryStrategy: (attempt: number) => number
}

function connect(connection: CacheConnection, common: Common): Redis {
  if (connection.kind === 'url') return new Redis(connection.url.reveal(), common)
  const password = connection.password?.reveal()
  const tls = connection.ca === undefined ? undefined : { ca: connection.ca }
  const shared = { ...common, ...(password === undefined ? {} : { password }), ...(tls ? { tls } : {}) }
  if (connection.kind === 'host') return new Redis({ ...shared, host: connection.host, port: connection.port })
  return new Redis({
    ...shared,
    sentinels: connection.sentinels.map(({ host, port }) => ({ host, port })),
    name: connection.name,
    ...(password === undefined ? {} : { sentinelPassword: password }),
    ...(tls ? { sentinelTLS: tls, enableTLSForSentinelMode: true } : {}),
    sentinelCommandTimeout: timeouts.connect,
    // One that takes no writes is the primary no more, or soon: the Sentinels say which is.
    reconnectOnError: (error: Error) => /^(READONLY|NOREPLICAS)/.test(error.message),
    // Without a limit ioredis waits longer and longer between its rounds over the Sentinels.
    sentinelRetryStrategy: (attempt: number) => Math.min(100 * attempt, 2000),
  })
}

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

/** Anything that is not exactly what we wrote, for this key and this time, is a miss. */
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
