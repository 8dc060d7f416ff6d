import type {
  Ack,
  ClientRefusals,
  CodeUse,
  Hello,
  IdentityUse,
  PlatformState,
  RejectedClient,
  SecretUse,
  SectorProof,
  ServerDefaults,
  Usage,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardSchema } from '@nauthera/proto/names'
import { clientKey, compareAge } from '../snapshot.ts'
import type { Ref } from '../snapshot.ts'

/** A range, both ends included. */
export interface Schemas {
  readonly min: number
  readonly max: number
}

const ownSchemas: Schemas = { min: shardSchema, max: shardSchema }

/** @returns `monitoring/grafana 91ab3c0d` */
export const usedSecretKey = (use: SecretUse): string => `${clientKey(use)} ${use.secretId}`

type MoreUsage = Partial<Pick<Usage, 'identities' | 'sectors' | 'codes' | 'refusals'>>

/** What the server of this pod has confirmed. What was only sent to it is not in here. */
export class LiveState {
  /** False while there is no stream to the server: nothing counts as live then. */
  serverConnected = false
  serverVersion = ''
  /** The schemas of shards that agent and server of this pod both read; before the first server, those of the agent. */
  schemas = ownSchemas
  /** Of the manifest that the server holds as complete; empty before the first. */
  manifestDigest = ''
  /** What the server gives a client that does not say; undefined until the server reports it. */
  defaults: ServerDefaults | undefined
  /** The server has reported every use of a secret since then; milliseconds of the monotonic clock. Undefined before its first report. */
  usesSince: number | undefined
  /** What the server knows of platforms; undefined without a server. */
  platform: PlatformState | undefined
  /** How many tokens of this cluster had a key that the server does not know. */
  unknownKeys = 0n
  readonly #identityUses = new Map<string, IdentityUse>()
  readonly #sectorProofs = new Map<string, SectorProof>()
  readonly #codeUses = new Map<string, CodeUse>()
  readonly #refusals = new Map<string, ClientRefusals>()
  readonly #live = new Map<number, Ref>()
  readonly #seen = new Map<number, Ref>()
  readonly #rejected = new Map<number, readonly RejectedClient[]>()
  readonly #uses = new Map<string, SecretUse>()
  readonly #listeners = new Set<() => void>()

  get live(): ReadonlyMap<number, Ref> {
    return this.#live
  }

  /** The newest version of each shard that this agent ever read. */
  get seen(): ReadonlyMap<number, Ref> {
    return this.#seen
  }

  get rejected(): readonly RejectedClient[] {
    return [...this.#rejected.values()].flat()
  }

  /** Last use of each secret that is still known. */
  get uses(): ReadonlyMap<string, SecretUse> {
    return this.#uses
  }

  /** Last use of an identity of each client, by `namespace/name`. */
  get identityUses(): ReadonlyMap<string, IdentityUse> {
    return this.#identityUses
  }

  /** What is known of each client's sector, by `namespace/name`. */
  get sectorProofs(): ReadonlyMap<string, SectorProof> {
    return this.#sectorProofs
  }

  /** How the codes of each client were protected, by `namespace/name`. */
  get codeUses(): ReadonlyMap<string, CodeUse> {
    return this.#codeUses
  }

  /** Refused requests in the name of each client, by `namespace/name`. */
  get refusals(): ReadonlyMap<string, ClientRefusals> {
    return this.#refusals
  }

  /** The server reported which schemas it reads. */
  greeted({ min, max }: Schemas): void {
    const schemas = { min: Math.max(ownSchemas.min, min), max: Math.min(ownSchemas.max, max) }
    if (schemas.min === this.schemas.min && schemas.max === this.schemas.max) return
    this.schemas = schemas
    this.#changed()
  }

  connected(hello: Hello): void {
    this.#live.clear()
    this.#rejected.clear()
    // it reports all that it has counted
    this.#refusals.clear()
    for (const ref of hello.have) {
      this.#live.set(ref.shard, refOf(ref))
      this.met(ref)
    }
    for (const client of hello.rejected) {
      this.#rejected.set(client.shard, [...(this.#rejected.get(client.shard) ?? []), client])
    }
    this.serverConnected = true
    this.usesSince = undefined
    this.serverVersion = hello.serverVersion
    this.manifestDigest = hello.manifestDigest
    this.defaults = hello.defaults
    this.platform = hello.platform
    this.#changed()
  }

  disconnected(): void {
    this.serverConnected = false
    this.usesSince = undefined
    this.#live.clear()
    this.#rejected.clear()
    this.manifestDigest = ''
    this.platform = undefined
    this.#changed()
  }

  /** The server applied a shard. `rejected` are clients of this shard; `others` are clients of other shards whose state changed by it. */
  applied(ref: Ref, { rejected, others }: Pick<Ack, 'rejected' | 'others'>): void {
    this.#live.set(ref.shard, refOf(ref))
    this.#rejected.set(ref.shard, rejected)
    for (const other of others) this.#rejected.set(other.shard, other.rejected)
    this.#changed()
  }

  completed(manifestDigest: string): void {
    this.manifestDigest = manifestDigest
    this.#changed()
  }

  recordPlatform(digest: string): void {
    if (this.platform) this.platform = { ...this.platform, digest }
    this.#changed()
  }

  recordUnknownKey(): void {
    this.unknownKeys++
    this.#changed()
  }

  /** @param usesSince every use since then is reported; undefined when the server does not say */
  used(uses: readonly SecretUse[], usesSince: number | undefined, more: MoreUsage = {}): void {
    this.usesSince = usesSince
    for (const use of uses) this.#uses.set(usedSecretKey(use), use)
    for (const use of more.identities ?? []) this.#identityUses.set(clientKey(use), use)
    for (const proof of more.sectors ?? []) this.#sectorProofs.set(clientKey(proof), proof)
    for (const use of more.codes ?? []) this.#codeUses.set(clientKey(use), use)
    for (const one of more.refusals ?? []) {
      if (one.refusals.length > 0) this.#refusals.set(clientKey(one), one)
      else this.#refusals.delete(clientKey(one))
    }
    this.#changed()
  }

  retired(client: string, secretId: string): void {
    this.#uses.delete(`${client} ${secretId}`)
  }

  /** The client was removed from its shard. */
  left(client: string): void {
    this.#identityUses.delete(client)
    this.#sectorProofs.delete(client)
    this.#codeUses.delete(client)
    this.#refusals.delete(client)
  }

  met(ref: Ref): void {
    const known = this.#seen.get(ref.shard)
    if (!known || compareAge(ref, known) > 0) this.#seen.set(ref.shard, refOf(ref))
  }

  /** Waits until the server has these shards, at most `mostMs`. Does not wait without a server. */
  untilHas(shards: readonly { readonly ref: Ref }[], mostMs: number): Promise<void> {
    const has = () =>
      !this.serverConnected || shards.every(({ ref }) => this.#live.get(ref.shard)?.digest === ref.digest)
    if (has()) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, mostMs)
    const stopListening = this.onChange(() => has() && resolve())
    return promise.finally(() => {
      clearTimeout(timer)
      stopListening()
    })
  }

  /** @returns how to stop listening */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

const refOf = ({ shard, seq, digest }: Ref): Ref => ({ shard, seq, digest })
