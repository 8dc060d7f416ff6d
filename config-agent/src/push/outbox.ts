import { randomBytes } from 'node:crypto'
import { compareAge } from '../snapshot.ts'
import type { HeldShards, ReadShard, Ref } from '../snapshot.ts'

/** A shard on its way, until the server answers. */
interface SentShard {
  readonly kind: 'shard'
  readonly shard: ReadShard
  /** What the server had. */
  readonly base: Ref | undefined
  /** Of the monotonic clock, milliseconds. */
  readonly at: number
}

interface SentManifest {
  readonly kind: 'manifest'
  readonly digest: string
  readonly at: number
}

interface SentPlatformKeys {
  readonly kind: 'platform'
  readonly digest: string
  readonly at: number
}

export type SentMessage = SentShard | SentManifest | SentPlatformKeys

/** What was sent on one stream, and how the server answered. */
export class StreamOutbox {
  readonly #inFlight = new Map<string, SentMessage>()
  /** The refused digest of each shard. The same bytes are not sent again on this stream. */
  readonly #refused = new Map<number, string>()
  #refusedManifest = ''
  #refusedPlatform = ''

  /** @returns the shards that the server lacks, except those that it refused or has yet to answer */
  missing(held: HeldShards, live: ReadonlyMap<number, Ref>): ReadShard[] {
    return [...held.shards.values()].filter((shard) => {
      const { ref } = shard
      const base = live.get(ref.shard)
      const age = base ? compareAge(ref, base) : 1
      const isNews = age > 0 || (age === 0 && base?.digest !== ref.digest)
      return isNews && this.#refused.get(ref.shard) !== ref.digest && !this.#isAwaited(ref)
    })
  }

  /** @returns whether this manifest may be sent: it was not refused, and none waits for its answer */
  mayComplete(digest: string): boolean {
    const isAwaited = [...this.#inFlight.values()].some((sent) => sent.kind === 'manifest' && sent.digest === digest)
    return !isAwaited && this.#refusedManifest !== digest
  }

  /** @returns whether these platform keys may be sent: they were not refused, and none wait for their answer */
  mayTell(digest: string): boolean {
    const isAwaited = [...this.#inFlight.values()].some((sent) => sent.kind === 'platform' && sent.digest === digest)
    return !isAwaited && this.#refusedPlatform !== digest
  }

  /** @returns the nonce to send it with */
  sent(what: SentMessage): string {
    const nonce = randomBytes(6).toString('hex')
    // Only the answer to the newest of two manifests counts.
    if (what.kind !== 'shard') this.#drop((sent) => sent.kind === what.kind)
    this.#inFlight.set(nonce, what)
    return nonce
  }

  /** @returns what the server took; undefined for an answer that nobody waits for */
  accepted(nonce: string): SentMessage | undefined {
    const sent = this.#answered(nonce)
    // A refused manifest may be accepted now that another shard is live.
    if (sent?.kind === 'shard') this.#refusedManifest = ''
    return sent
  }

  /** @returns what the server refused; undefined for an answer that nobody waits for */
  refused(nonce: string): SentMessage | undefined {
    const sent = this.#answered(nonce)
    if (sent?.kind === 'shard') this.#refused.set(sent.shard.ref.shard, sent.shard.ref.digest)
    if (sent?.kind === 'manifest') this.#refusedManifest = sent.digest
    if (sent?.kind === 'platform') this.#refusedPlatform = sent.digest
    return sent
  }

  /** When the oldest unanswered message was sent; Infinity when there is none. */
  oldestAt(): number {
    return Math.min(...[...this.#inFlight.values()].map(({ at }) => at))
  }

  #answered(nonce: string): SentMessage | undefined {
    const sent = this.#inFlight.get(nonce)
    this.#inFlight.delete(nonce)
    return sent
  }

  #isAwaited(ref: Ref): boolean {
    return [...this.#inFlight.values()].some((sent) => sent.kind === 'shard' && sent.shard.ref.digest === ref.digest)
  }

  #drop(matches: (sent: SentMessage) => boolean): void {
    for (const [nonce, sent] of this.#inFlight) if (matches(sent)) this.#inFlight.delete(nonce)
  }
}
