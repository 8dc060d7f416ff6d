import { shardCount } from '@nauthera/proto/names'
import { shardOfKey } from '../shards/shards.ts'

/** Which clients wait for what replicas say, and which are live everywhere. Keys are `namespace/name`. */
export class WaitingClients {
  readonly #waiting = Array.from({ length: shardCount }, () => new Set<string>())
  readonly #settledAt = Array.from({ length: shardCount }, () => new Map<string, string>())

  /** It is to be looked at when its shard moves at a replica. What it has settled at is remembered. */
  wait(key: string): void {
    this.#waiting[shardOfKey(key)]!.add(key)
  }

  /** It is not live everywhere. */
  unsettle(key: string): void {
    this.#settledAt[shardOfKey(key)]!.delete(key)
    this.wait(key)
  }

  /** This version of it is live everywhere. */
  settle(key: string, version: string): void {
    const shard = shardOfKey(key)
    this.#settledAt[shard]!.set(key, version)
    this.#waiting[shard]!.delete(key)
  }

  hasSettled(key: string, version: string): boolean {
    return this.#settledAt[shardOfKey(key)]!.get(key) === version
  }

  remove(key: string): void {
    const shard = shardOfKey(key)
    this.#settledAt[shard]!.delete(key)
    this.#waiting[shard]!.delete(key)
  }

  /** @returns who waits in these shards */
  of(shards: readonly number[]): readonly string[] {
    return shards.flatMap((shard) => [...this.#waiting[shard]!])
  }

  /** @returns who is live everywhere, as far as was known, in these shards */
  settledIn(shards: readonly number[]): readonly string[] {
    return shards.flatMap((shard) => [...this.#settledAt[shard]!.keys()])
  }
}
