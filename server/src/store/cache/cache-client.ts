// Clients of ioredis for the cache and its Sentinels. Each connection has a guard that ends it at what was not asked for.
import { connect as connectPlain, isIP, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Redis as RedisClient, RedisOptions } from 'ioredis'
import { asError } from '@nauthera/runtime/coded-error'
import { guardIncoming } from '@nauthera/runtime/guard-incoming'
import type { CacheAddress, CacheConnection } from './cache-connection.ts'
import { ReplyFrames } from './reply-frames.ts'

// not before the first who needs this file: many servers have no cache
const { AbstractConnector, Redis } = await import('ioredis')

/** Milliseconds. */
const timeouts = { connect: 500, disconnect: 100 }

type ClientOptions = Omit<RedisOptions, 'replyMapping'>

/** Bytes of one reply: the first ones are INFO and words, later ones a few entries. */
const mostReply = { atFirst: 128 * 1024, later: 4 * 2 ** 20 } as const

/** @param connection where the cache is
 *  @param timeoutMs of a command
 *  @returns a client that dials again by itself, and refuses commands while it is not ready. The caller listens to its `error` */
export function createCacheClient(connection: CacheConnection, timeoutMs: number): RedisClient {
  const { place } = connection
  const shared = { ...optionsOf(connection, timeoutMs), db: connection.database ?? 0 }
  const retryStrategy = (attempt: number) => Math.min(100 * 2 ** Math.min(attempt, 5), 2000) * (0.5 + Math.random() / 2)
  const options = { ...shared, retryStrategy, enableOfflineQueue: false, enableAutoPipelining: true }
  if (place.kind === 'host') return dial(options, connection, { find: async () => place })
  const sentinels = new Sentinels(place, connection)
  // a server that takes no writes is not the primary any more: the Sentinels say which one is
  const reconnectOnError = (error: Error) => /^(READONLY|NOREPLICAS)/.test(error.message)
  return dial({ ...options, reconnectOnError }, connection, sentinels)
}

/** Milliseconds in which a connection is there. Who allows a command more time allows it to a connection too. */
export const connectPatience = (timeoutMs: number): number => Math.max(timeouts.connect, timeoutMs)

function optionsOf({ user, password, tls }: CacheConnection, timeoutMs: number) {
  return {
    // what RESP 3 adds is not needed, and need not be guarded then
    protocol: 2,
    connectTimeout: connectPatience(timeoutMs),
    commandTimeout: timeoutMs,
    disconnectTimeout: timeouts.disconnect,
    maxRetriesPerRequest: 0,
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password: password.reveal() }),
    ...(tls === undefined ? {} : { tls }),
  } satisfies ClientOptions
}

/** Who says where to connect to. */
interface CacheFinder {
  find(): Promise<CacheAddress>
  /** @returns whether what was found is a primary, by its own words */
  check?(role: unknown): boolean
}

function dial(options: ClientOptions, { tls }: CacheConnection, finder: CacheFinder): RedisClient {
  const room = () => {
    if (redis.commandQueue.length === 0) return 0
    return redis.status === 'ready' ? mostReply.later : mostReply.atFirst
  }
  class Connector extends AbstractConnector {
    constructor() {
      super(timeouts.disconnect)
    }

    /** What does not connect is a connection that has ended: an error here, and the client would give up. */
    async connect(): Promise<Socket> {
      this.connecting = true
      try {
        const address = await finder.find()
        this.stream = this.connecting ? openSocket(address, tls, room) : new Socket().destroy()
        this.stream.once('error', (error: Error) => (this.firstError = error))
      } catch (error) {
        this.firstError = asError(error)
        this.stream = new Socket().destroy()
      }
      return this.stream
    }

    override check(info: unknown): boolean {
      const role: unknown = typeof info === 'object' && info !== null ? Reflect.get(info, 'role') : undefined
      return finder.check?.(role) ?? true
    }
  }
  const redis = new Redis({ ...options, Connector })
  return redis
}

function openSocket({ host, port }: CacheAddress, tls: CacheConnection['tls'], room: () => number): Socket {
  const servername = isIP(host) === 0 ? { servername: host } : {}
  const socket = tls === undefined ? connectPlain({ host, port }) : connectTls({ ...tls, ...servername, host, port })
  const frames = new ReplyFrames(room)
  guardIncoming(socket, (chunk) => frames.take(chunk))
  return socket
}

type SentinelPlace = Extract<CacheConnection['place'], { kind: 'sentinel' }>

/** Asks the Sentinels that the settings name, and no others. */
class Sentinels implements CacheFinder {
  readonly #place: SentinelPlace
  readonly #connection: CacheConnection
  /** Which one is asked first. */
  #first = 0

  constructor(place: SentinelPlace, connection: CacheConnection) {
    this.#place = place
    this.#connection = connection
  }

  async find(): Promise<CacheAddress> {
    const { sentinels } = this.#place
    let fault: unknown
    for (const _ of sentinels) {
      const sentinel = sentinels[this.#first % sentinels.length]
      try {
        if (sentinel) return await this.#ask(sentinel)
      } catch (error) {
        fault = error
      }
      this.#first++
    }
    throw new Error('no Sentinel says where the primary is', { cause: fault })
  }

  check(role: unknown): boolean {
    const isPrimary = role === undefined || role === 'master'
    if (!isPrimary) this.#first++
    return isPrimary
  }

  async #ask(sentinel: CacheAddress): Promise<CacheAddress> {
    const options = { ...optionsOf(this.#connection, timeouts.connect), enableReadyCheck: false }
    const client = dial({ ...options, retryStrategy: () => null }, this.#connection, { find: async () => sentinel })
    client.on('error', () => undefined)
    try {
      return addressIn(await client.call('SENTINEL', 'get-master-addr-by-name', this.#place.name))
    } finally {
      client.disconnect()
    }
  }
}

function addressIn(answer: unknown): CacheAddress {
  const [host, port]: unknown[] = Array.isArray(answer) ? answer : []
  if (typeof host !== 'string' || !/^[\w.:-]{1,253}$/.test(host) || !/^\d{1,5}$/.test(String(port)))
    throw new Error('a Sentinel names no address')
  return { host, port: Number(port) }
}
