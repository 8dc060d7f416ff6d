import { shardCount } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { splitKey } from '../kubernetes/objects.ts'

/** Which clients wait for what replicas say, and which are live everywhere. Keys are `namespace/name`. */
export class WaitingClients {
  readonly #waiting = Array.from({ length: shardCount }, () => new Set<string>())
  readonly #settledAt = new Map<string, string>()

  /** It is to be looked at when its shard moves at a replica. What it has settled at is remembered. */
  wait(key: string): void {
    this.#beside(key).add(key)
  }

  /** It is not live everywhere. */
  unsettle(key: string): void {
    this.#settledAt.delete(key)
    this.wait(key)
  }

  /** This version of it is live everywhere. */
  settle(key: string, version: string): void {
    this.#settledAt.set(key, version)
    this.#beside(key).delete(key)
  }

  hasSettled(key: string, version: string): boolean {
    return this.#settledAt.get(key) === version
  }

  forget(key: string): void {
    this.#settledAt.delete(key)
    this.#beside(key).delete(key)
  }

  /** @returns who waits in these shards */
  of(shards: readonly number[]): readonly string[] {
    return shards.flatMap((shard) => [...this.#waiting[shard]!])
  }

  #beside(key: string): Set<string> {
    const { namespace, name } = splitKey(key)
    return this.#waiting[shardOf(namespace, name)]!
  }
}
