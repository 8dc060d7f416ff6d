// What a provider says of itself, and its keys. A copy is used for an hour, and for a day while the provider does not answer. It is
// in memory, and in the cache where there is one: then one replica asks for all.
import { CodedError } from '@nauthera/runtime/coded-error'
import { isSoundKey } from '@nauthera/rules/jwks'
import type { Log } from '@nauthera/runtime/log'
import { z } from '@nauthera/runtime/settings'
import type { Fetch } from '../../oidc/outbound/outbound-fetch.ts'
import type { Cache } from '../../store/cache/cache.ts'
import { discover } from './relying-party.ts'
import { parseMetadata } from './provider-metadata.ts'
import type { ProviderStatement } from './provider-metadata.ts'
import type { ProviderKeys } from './relying-party.ts'

/** Milliseconds. */
export const metadataAges = { fresh: 3_600_000, lastGood: 86_400_000, keysAgain: 60_000, failure: 10_000 } as const

export interface KnownProvider {
  readonly server: ProviderStatement
  readonly keys: ProviderKeys
  /** Epoch milliseconds. */
  readonly at: number
}

export interface UpstreamMetadata {
  /** @throws CodedError UPSTREAM_UNAVAILABLE, UPSTREAM_ANSWER_INVALID */
  load(): Promise<KnownProvider>
  /** The keys as they are now, for a token that none of the known ones fits: at most once a minute.
   *  @throws CodedError UPSTREAM_UNAVAILABLE, UPSTREAM_ANSWER_INVALID */
  keysAgain(): Promise<ProviderKeys>
}

interface Needs {
  readonly issuer: string
  readonly plainHttp: boolean
  readonly fetch: Fetch
  readonly cache: Cache | undefined
  readonly log: Log
  /** Epoch milliseconds. */
  readonly now: () => number
}

export function createUpstreamMetadata(needs: Needs): UpstreamMetadata {
  return new Metadata(needs)
}

class Metadata implements UpstreamMetadata {
  readonly #needs: Needs
  #known: KnownProvider | undefined
  #failure: { readonly at: number; readonly error: unknown } | undefined
  #keysAskedAt = Number.NEGATIVE_INFINITY
  #asking: Promise<KnownProvider> | undefined

  constructor(needs: Needs) {
    this.#needs = needs
  }

  async load(): Promise<KnownProvider> {
    if (this.#isYoung(this.#known, metadataAges.fresh)) return this.#known!
    this.#asking ??= this.#renew().finally(() => (this.#asking = undefined))
    return this.#asking
  }

  async keysAgain(): Promise<ProviderKeys> {
    const { now } = this.#needs
    const known = await this.load()
    if (now() - this.#keysAskedAt < metadataAges.keysAgain) {
      const message = 'the token is signed with an unknown key, and the keys were asked for less than a minute ago'
      throw new CodedError('UPSTREAM_ANSWER_INVALID', { message })
    }
    this.#keysAskedAt = now()
    const keys = await this.#fetchKeys(known.server)
    this.#remember({ ...known, keys })
    return keys
  }

  /** Newer entries of the cache first, then the provider, then what was good before. */
  async #renew(): Promise<KnownProvider> {
    const { cache, issuer } = this.#needs
    const [entry] = cache === undefined ? [] : await cache.get([keyOf(issuer)])
    const cached = entry === undefined ? undefined : parseKnown(entry, this.#needs.plainHttp)
    if (cached !== undefined && cached.at > (this.#known?.at ?? 0)) this.#known = cached
    if (this.#isYoung(this.#known, metadataAges.fresh)) return this.#known!
    try {
      return await this.#ask()
    } catch (error) {
      if (!this.#isYoung(this.#known, metadataAges.lastGood)) throw error
      return this.#known!
    }
  }

  async #ask(): Promise<KnownProvider> {
    const { issuer, log, now } = this.#needs
    if (this.#failure !== undefined && now() - this.#failure.at < metadataAges.failure) throw this.#failure.error
    try {
      const server = await discover(issuer, this.#needs)
      const known = { server, keys: await this.#fetchKeys(server), at: now() }
      this.#failure = undefined
      this.#remember(known)
      return known
    } catch (error) {
      this.#failure = { at: now(), error }
      const hasOlder = this.#isYoung(this.#known, metadataAges.lastGood)
      const then = hasOlder ? 'what it said in the last day is used' : 'nobody can sign in there'
      log.warn({ error, issuer }, `a provider does not say what it is; ${then}`)
      throw error
    }
  }

  #remember(known: KnownProvider): void {
    const { cache, issuer, now } = this.#needs
    this.#known = known
    const left = known.at + metadataAges.lastGood - now()
    if (left > 0) void cache?.set(keyOf(issuer), Buffer.from(JSON.stringify(known)), left)
  }

  async #fetchKeys({ jwks_uri: url }: ProviderStatement): Promise<ProviderKeys> {
    const invalid = (message: string) => new CodedError('UPSTREAM_ANSWER_INVALID', { message })
    if (url === undefined) throw invalid('it names no jwks_uri')
    let answer: Response
    try {
      answer = await this.#needs.fetch(url, { headers: { accept: 'application/json, application/jwk-set+json' } })
    } catch (cause) {
      throw new CodedError('UPSTREAM_UNAVAILABLE', { cause, message: `its keys cannot be fetched: ${String(cause)}` })
    }
    if (answer.status !== 200) {
      throw new CodedError('UPSTREAM_UNAVAILABLE', {
        message: `its keys cannot be fetched: ${url} answered ${answer.status}`,
      })
    }
    const found = keysSchema.safeParse(await answer.json().catch(() => undefined))
    if (!found.success) throw invalid('its keys are no JWK set')
    return { keys: found.data.keys.filter(isSoundKey) }
  }

  #isYoung(known: KnownProvider | undefined, age: number): boolean {
    return known !== undefined && this.#needs.now() - known.at < age
  }
}

const keyOf = (issuer: string) => ({ purpose: 'upstream-metadata', id: issuer })

const keysSchema = z.object({ keys: z.array(z.object({ kty: z.string() }).catchall(z.json())).max(100) })
const knownSchema = z.strictObject({
  server: z.unknown(),
  keys: keysSchema,
  at: z.number(),
})

function parseKnown(bytes: Uint8Array, plainHttp: boolean): KnownProvider | undefined {
  try {
    const known = knownSchema.parse(JSON.parse(Buffer.from(bytes).toString()))
    return { ...known, server: parseMetadata(known.server, plainHttp) }
  } catch {
    return undefined
  }
}
