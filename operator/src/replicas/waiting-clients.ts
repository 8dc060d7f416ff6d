import { shardCount } from '@nauthera/proto/names'
import { shardOfKey } from '../shards/shard-of-key.ts'

interface SettledAt {
  readonly uid: string
  readonly seq: number
}

/** Clients that wait for reports of replicas, and clients that are live everywhere. Keys are `namespace/name`. */
export class WaitingClients {
  readonly #waiting = Array.from({ length: shardCount }, () => new Set<string>())
  readonly #settledAt = Array.from({ length: shardCount }, () => new Map<string, SettledAt>())

  /** The client gets a look when its shard moves at a replica. Its settled version stays recorded. */
  wait(key: string): void {
    this.#waiting[shardOfKey(key)]!.add(key)
  }

  /** The client is not live everywhere. */
  unsettle(key: string): void {
    this.#settledAt[shardOfKey(key)]!.delete(key)
    this.wait(key)
  }

  /** All that this seq of its shard and earlier ones brought of the client is live everywhere. */
  settle(key: string, at: SettledAt): void {
    const shard = shardOfKey(key)
    this.#settledAt[shard]!.set(key, at)
    this.#waiting[shard]!.delete(key)
  }

  hasSettled(key: string, { uid, seq }: SettledAt): boolean {
    const settled = this.#settledAt[shardOfKey(key)]!.get(key)
    return settled?.uid === uid && settled.seq >= seq
  }

  remove(key: string): void {
    const shard = shardOfKey(key)
    this.#settledAt[shard]!.delete(key)
    this.#waiting[shard]!.delete(key)
  }

  /** @returns the waiting clients of these shards */
  of(shards: readonly number[]): readonly string[] {
    return shards.flatMap((shard) => [...this.#waiting[shard]!])
  }

  /** @returns the clients of these shards that were live everywhere */
  settledIn(shards: readonly number[]): readonly string[] {
    return shards.flatMap((shard) => [...this.#settledAt[shard]!.keys()])
  }
}
