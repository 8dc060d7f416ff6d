// One connection to one server of a directory: always TLS, with time-outs, and without following referrals.
import type { Socket } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import { Client, PresenceFilter, ResultCodeError } from 'ldapts'
import type { Entry, Filter } from 'ldapts'
import { describeError } from '@nauthera/runtime/log'
import { guardAnswers } from './answer-guard.ts'
import { binaryKeys } from './entry.ts'
import type { DirectoryEntry } from './entry.ts'
import { PasswordPolicyQuestion, demandsChange, isChangeDemanded, policyAttributes } from './password-policy.ts'
import { openSecureSocket } from './secure-socket.ts'

/** Milliseconds. */
export interface DirectoryPatience {
  readonly connect: number
  readonly answer: number
}
export const usualPatience: DirectoryPatience = { connect: 2000, answer: 3000 }

export interface DirectoryTarget {
  /** `ldaps://host:port`, or `ldap://host:port` for StartTLS: nothing is sent before TLS is there. */
  readonly url: string
  /** PEM; undefined: the authorities that Node trusts. */
  readonly ca: string | undefined
  readonly patience: DirectoryPatience
}

export interface Search {
  readonly base: string
  readonly scope: 'base' | 'sub'
  readonly filter: Filter
  readonly attributes: readonly string[]
  /** Entries at most. `all`: what the server does not give at once is asked for in pages. */
  readonly limit: number | 'all'
}

/** Of a paged search; what no honest directory has about one person. */
const mostEntries = 5000

/** Why a server gave no answer. */
export type FailureKind =
  /** The server is unreachable, too slow, or has the wrong certificate: the next server is tried. */
  | 'unreachable'
  /** It was reached before, and the connection has ended: a new one may help. */
  | 'ended'
  /** The server answered with an error that no person causes: something is configured wrongly. */
  | 'refused'
  /** More entries than it gives at once: they have to be asked for in pages. */
  | 'too-many'

export class DirectoryFailure extends Error {
  readonly kind: FailureKind
  constructor(kind: FailureKind, message: string, cause?: unknown) {
    super(message, { cause })
    this.kind = kind
  }
}

/** `must-change`: it is right, and the directory wants another one before anything else. */
export type PasswordVerdict = 'right' | 'wrong' | 'must-change'

/** Result codes (RFC 4511 appendix A): 3 time limit, 4 size limit, 51 busy, 52 unavailable, 32 no such object. */
const codes = { tooMany: 4, noSuchObject: 32 } as const
const askElsewhere: readonly number[] = [3, 51, 52]
/** What a wrong password looks like: 49 by most, 48 for an entry without a password, 53 and 19 for accounts that are locked there, 32 for
 *  an entry that has just gone. */
const wrongPassword: readonly number[] = [49, 48, 53, 19, codes.noSuchObject]

export class DirectoryConnection {
  readonly #client: Client
  readonly #socket: Socket
  readonly certificateEnd: Date

  private constructor(client: Client, socket: Socket, certificateEnd: Date) {
    this.#client = client
    this.#socket = socket
    this.certificateEnd = certificateEnd
  }

  /** @throws DirectoryFailure */
  static async open({ url, ca, patience }: DirectoryTarget): Promise<DirectoryConnection> {
    let certificateEnd = new Date(Number.NaN)
    const tls: ConnectionOptions = {
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca }),
      checkServerIdentity(name, certificate) {
        certificateEnd = new Date(certificate.valid_to)
        return checkServerIdentity(name, certificate)
      },
    }
    try {
      const socket = await openSecureSocket(url, tls, AbortSignal.timeout(patience.connect))
      guardAnswers(socket)
      // the client never connects by itself: it gets a connection that is there, and knows nothing of StartTLS
      const client = new Client({
        url: url.replace(/^ldap:/, 'ldaps:'),
        timeout: patience.answer,
        connectTimeout: patience.connect,
        createSecureConnection: () => socket,
      })
      return new DirectoryConnection(client, socket, certificateEnd)
    } catch (error) {
      throw new DirectoryFailure('unreachable', `${url}: ${describeError(error)}`)
    }
  }

  get hasEnded(): boolean {
    return this.#socket.destroyed
  }

  /** As the account that searches. @throws DirectoryFailure */
  async authenticate(dn: string, password: string): Promise<void> {
    try {
      await this.#client.bind(dn, password)
    } catch (error) {
      throw this.#failureOf(error, 'unreachable')
    }
  }

  /** @param password not empty: without a password a directory answers "yes" to everybody (RFC 4513 section 5.1.2)
   *  @throws DirectoryFailure */
  async checkPassword(dn: string, password: string): Promise<PasswordVerdict> {
    if (dn === '' || password === '') return 'wrong'
    const policy = new PasswordPolicyQuestion()
    try {
      await this.#client.bind(dn, password, policy)
    } catch (error) {
      if (!(error instanceof ResultCodeError && wrongPassword.includes(error.code))) throw this.#failureOf(error)
      return policy.mustChange || isChangeDemanded(error.message) ? 'must-change' : 'wrong'
    }
    return policy.mustChange || (await this.#demandsChange(dn)) ? 'must-change' : 'right'
  }

  /** Reads the entry as the person, who may see what the account that searches may not. */
  async #demandsChange(dn: string): Promise<boolean> {
    try {
      const filter = new PresenceFilter({ attribute: 'objectClass' })
      const options = { ...asked(filter, policyAttributes), scope: 'base', sizeLimit: 1 } as const
      const { searchEntries } = await this.#client.search(dn, options)
      return searchEntries.map(entryOf).some(demandsChange)
    } catch (error) {
      // many directories let nobody read themselves
      if (error instanceof ResultCodeError && !askElsewhere.includes(error.code)) return false
      throw this.#failureOf(error)
    }
  }

  /** @throws DirectoryFailure */
  async search({ base, scope, filter, attributes, limit }: Search): Promise<DirectoryEntry[]> {
    try {
      const found = await this.#client.search(base, {
        ...asked(filter, attributes),
        scope,
        sizeLimit: limit === 'all' ? 0 : limit,
      })
      return found.searchEntries.map(entryOf)
    } catch (error) {
      if (isGone(error, scope)) return []
      throw this.#failureOf(error)
    }
  }

  /** Asks page by page. Nothing else may use the connection meanwhile: OpenLDAP knows one paged search for each connection.
   *  @throws DirectoryFailure */
  async searchPaged({ base, scope, filter, attributes }: Search): Promise<DirectoryEntry[]> {
    const entries: DirectoryEntry[] = []
    try {
      const options = { ...asked(filter, attributes), scope, paged: { pageSize: 500 } }
      for await (const { searchEntries } of this.#client.searchPaginated(base, options)) {
        entries.push(...searchEntries.map(entryOf))
        if (entries.length >= mostEntries) break
      }
      return entries
    } catch (error) {
      throw this.#failureOf(error)
    }
  }

  /** Whatever is still asked on it fails. */
  close(): void {
    void this.#client.unbind().catch(() => undefined)
    this.#socket.destroy()
  }

  #failureOf(error: unknown, ofCodes: FailureKind = 'refused'): DirectoryFailure {
    const said = describeError(error)
    if (error instanceof ResultCodeError) {
      if (error.code === codes.tooMany) return new DirectoryFailure('too-many', said)
      const kind = askElsewhere.includes(error.code) ? 'unreachable' : ofCodes
      return new DirectoryFailure(kind, `${error.name} (result code ${error.code}): ${said}`)
    }
    // after a time-out the client ends the connection, and with it everything else that was asked on it
    return new DirectoryFailure(/timed? ?out/i.test(said) ? 'unreachable' : 'ended', said)
  }
}

const asked = (filter: Filter, attributes: readonly string[]) => ({
  filter,
  attributes: [...attributes],
  explicitBufferAttributes: [...binaryKeys],
  derefAliases: 'never' as const,
})

/** An entry may be removed between two questions; a base of many entries is there or the settings are wrong. */
const isGone = (error: unknown, scope: Search['scope']): boolean =>
  scope === 'base' && error instanceof ResultCodeError && error.code === codes.noSuchObject

function entryOf({ dn, ...attributes }: Entry): DirectoryEntry {
  const found = new Map(Object.entries(attributes).map(([name, value]) => [name.toLowerCase(), [value].flat()]))
  const all = (name: string) => found.get(name.toLowerCase()) ?? []
  return {
    dn,
    values: (name) => all(name).map((value) => value.toString()),
    bytes: (name) => all(name).map((value) => (typeof value === 'string' ? Buffer.from(value) : value)),
  }
}
