// A client for all servers of one directory. Searches share a connection, each password check has its own, and a failed request is
// repeated once at another server.
import { inOneVersion } from '@nauthera/proto/mounted-volume'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import { describeError } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { inSpan } from '@nauthera/runtime/traces'
import { readSecretFile } from '@nauthera/runtime/settings'
import { serverMetrics } from '../../metrics.ts'
import { DirectoryConnection, DirectoryFailure, usualPatience } from './connection.ts'
import type { DirectoryPatience, PasswordVerdict, Search } from './connection.ts'
import type { DirectoryEntry } from './entry.ts'

/** How to reach a directory, from the settings of a source. */
export interface DirectoryServers {
  /** `ldaps:`, or `ldap:` for StartTLS; the first one that answers is used. */
  readonly urls: readonly string[]
  readonly caFile?: string | undefined
  /** The account that searches: files with its name (DN) and password, read for each new connection. Without it the search is anonymous. */
  readonly usernameFile?: string | undefined
  readonly passwordFile?: string | undefined
}

interface Needs {
  /** Of the source, for messages, logs and metrics. */
  readonly id: string
  readonly servers: DirectoryServers
  readonly log: Log
  readonly metrics?: DirectoryMetrics | undefined
  readonly patience?: DirectoryPatience | undefined
  /** Milliseconds that no clock change moves. */
  readonly monotonicNow?: () => number
}

/** Milliseconds. */
const times = {
  /** A server that failed is not asked for so long; nobody waits for it meanwhile. */
  aside: 1000,
  /** A shared connection is closed when it was not used for so long: firewalls forget idle ones without a word. */
  idle: 30_000,
  /** And when it is as old as this, so that a new password and another server's return are noticed. */
  oldest: 300_000,
  saidAgain: 10_000,
} as const

type Operation = 'connect' | 'search' | 'bind'
export type DirectoryMetrics = ReturnType<typeof createDirectoryMetrics>

export const createDirectoryMetrics = (metrics: Metrics) => metrics.histogram(serverMetrics.directorySeconds)

interface Shared {
  readonly connection: DirectoryConnection
  readonly url: string
  readonly openedAt: number
  inUse: number
  idle?: NodeJS.Timeout | undefined
}

export class DirectoryClient {
  readonly #needs: Needs
  readonly #now: () => number
  /** Server -> until when it is not asked. */
  readonly #aside = new Map<string, number>()
  readonly #open = new Set<DirectoryConnection>()
  #shared: Shared | undefined
  #opening: Promise<Shared> | undefined
  #lastFailure = 'not asked yet'
  #quietUntil = -Infinity

  /** @throws CodedError SETTINGS_INVALID when a file cannot be read */
  constructor(needs: Needs) {
    this.#needs = needs
    this.#now = needs.monotonicNow ?? (() => performance.now())
    readFiles(needs)
  }

  /** Shares one connection with other searches.
   *  @throws CodedError STORE_UNAVAILABLE */
  async search(search: Search): Promise<DirectoryEntry[]> {
    try {
      return await this.#twice('search', () => this.#onShared((connection) => connection.search(search)))
    } catch (error) {
      // all other failures have a code by now
      if (!(error instanceof DirectoryFailure)) throw error
      return this.#twice('search', () => this.#onOwn('searching', (connection) => connection.searchPaged(search)))
    }
  }

  /** On a connection of its own, since it becomes that of the person.
   *  @throws CodedError STORE_UNAVAILABLE */
  checkPassword(dn: string, password: string): Promise<PasswordVerdict> {
    return this.#twice('bind', () => this.#onOwn('nobody', (connection) => connection.checkPassword(dn, password)))
  }

  stop(): void {
    clearTimeout(this.#shared?.idle)
    this.#shared = undefined
    for (const connection of this.#open) this.#close(connection)
  }

  /** Tries once more, on another connection, when that may help.
   *  @throws CodedError STORE_UNAVAILABLE; DirectoryFailure when there are too many entries */
  async #twice<T>(operation: Operation, work: () => Promise<T>, isLast = false): Promise<T> {
    try {
      return await this.#timed(operation, work)
    } catch (error) {
      if (!isFault(error)) throw error
      if (isLast || error.kind === 'refused') throw this.#unavailable(error)
    }
    return this.#twice(operation, work, true)
  }

  async #timed<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
    const began = this.#now()
    const { metrics, id: source } = this.#needs
    const tell = (outcome: 'answered' | 'failed') =>
      metrics?.observe({ source, operation, outcome }, (this.#now() - began) / 1000)
    try {
      const result = await inSpan(`directory ${operation}`, { source }, work)
      tell('answered')
      return result
    } catch (error) {
      tell('failed')
      throw error
    }
  }

  async #onShared<T>(work: (connection: DirectoryConnection) => Promise<T>): Promise<T> {
    const shared = await this.#takeShared()
    shared.inUse++
    clearTimeout(shared.idle)
    try {
      return await work(shared.connection)
    } catch (error) {
      this.#setAside(error, shared.url)
      throw error
    } finally {
      shared.inUse--
      this.#rest(shared)
    }
  }

  #takeShared(): Promise<Shared> {
    const shared = this.#shared
    if (shared !== undefined) {
      const isOld = this.#now() - shared.openedAt >= times.oldest
      if (!shared.connection.hasEnded && !isOld) return Promise.resolve(shared)
      this.#retire(shared)
    }
    return (this.#opening ??= this.#openShared().finally(() => (this.#opening = undefined)))
  }

  async #openShared(): Promise<Shared> {
    const { connection, url } = await this.#connect('searching')
    return (this.#shared = { connection, url, openedAt: this.#now(), inUse: 0 })
  }

  #rest(shared: Shared): void {
    if (shared.inUse > 0) return
    clearTimeout(shared.idle)
    if (shared !== this.#shared || shared.connection.hasEnded) return this.#retire(shared)
    shared.idle = setTimeout(() => this.#retire(shared), times.idle).unref()
  }

  /** Nobody gets it any more; whoever has it may end what they asked. */
  #retire(shared: Shared): void {
    if (this.#shared === shared) this.#shared = undefined
    if (shared.inUse > 0) return
    clearTimeout(shared.idle)
    this.#close(shared.connection)
  }

  async #onOwn<T>(as: 'searching' | 'nobody', work: (connection: DirectoryConnection) => Promise<T>): Promise<T> {
    const { connection, url } = await this.#connect(as)
    try {
      return await work(connection)
    } catch (error) {
      this.#setAside(error, url)
      throw error
    } finally {
      this.#close(connection)
    }
  }

  /** @throws DirectoryFailure */
  async #connect(as: 'searching' | 'nobody'): Promise<{ connection: DirectoryConnection; url: string }> {
    const url = this.#needs.servers.urls.find((each) => (this.#aside.get(each) ?? -Infinity) <= this.#now())
    if (url === undefined) throw new DirectoryFailure('unreachable', this.#lastFailure)
    const { patience = usualPatience } = this.#needs
    let connection: DirectoryConnection | undefined
    try {
      const { ca, account } = readFiles(this.#needs)
      connection = await this.#timed('connect', () => DirectoryConnection.open({ url, ca, patience }))
      this.#open.add(connection)
      if (account !== undefined && as === 'searching')
        await connection.authenticate(account.dn.reveal(), account.password.reveal())
      return { connection, url }
    } catch (error) {
      if (connection) this.#close(connection)
      this.#setAside(error, url)
      // a file that was there at the start is gone, or has other rights now
      throw error instanceof CodedError ? new DirectoryFailure('refused', describeError(error), error) : error
    }
  }

  #close(connection: DirectoryConnection): void {
    this.#open.delete(connection)
    connection.close()
  }

  #setAside(error: unknown, url: string): void {
    if (!isFault(error)) return
    this.#lastFailure = error.message
    this.#report(error, url)
    if (error.kind === 'unreachable') this.#aside.set(url, this.#now() + times.aside)
  }

  /** One line in ten seconds: the metric counts all of them. */
  #report(error: DirectoryFailure, server: string): void {
    const now = this.#now()
    if (now < this.#quietUntil) return
    this.#quietUntil = now + times.saidAgain
    this.#needs.log.warn({ source: this.#needs.id, server, error }, 'directory unavailable')
  }

  #unavailable(error: DirectoryFailure): CodedError {
    const message = `the directory ${this.#needs.id} cannot be asked: ${error.message}`
    return new CodedError('STORE_UNAVAILABLE', { cause: error, message })
  }
}

/** Whether the directory failed; too many entries are an answer. */
const isFault = (error: unknown): error is DirectoryFailure =>
  error instanceof DirectoryFailure && error.kind !== 'too-many'

/** @throws CodedError SETTINGS_INVALID */
export function readFiles({ id, servers }: Pick<Needs, 'id' | 'servers'>) {
  const { caFile, usernameFile, passwordFile } = servers
  const read = (file: string, key: string) => readSecretFile(file, `sources.${id}.${key}`)
  return inOneVersion([caFile, usernameFile, passwordFile], () => ({
    ca: caFile === undefined ? undefined : read(caFile, 'caFile').reveal(),
    account:
      usernameFile === undefined || passwordFile === undefined
        ? undefined
        : { dn: read(usernameFile, 'usernameFile'), password: read(passwordFile, 'passwordFile') },
  }))
}
