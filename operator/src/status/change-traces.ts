// The trace of each change of a shard: from the first look at a client to the status that says Ready. Agents and servers add to it.
import { changeSpan, recordOfChange, spanRecorder } from '@nauthera/runtime/traces'
import type { OnShardWritten } from '../shards/write-shard.ts'

export class ChangeTraces {
  /** When a look first found work to do for a client, epoch milliseconds. */
  readonly #since = new Map<string, number>()
  /** The change that a client waits for, by the digest of its shard. */
  readonly #waitsFor = new Map<string, string>()

  /** A look at the client begins. @param now epoch milliseconds */
  start(key: string, now: number): void {
    if (!this.#since.has(key)) this.#since.set(key, now)
  }

  written({ digest, change, shard, keys, startedAt, endedAt }: Parameters<OnShardWritten>[0]): void {
    const attributes = { change, shard, clients: keys.length }
    spanRecorder()?.record({ name: 'change', ...changeSpan(digest), startedAt, endedAt, attributes })
    for (const key of keys) this.#waitsFor.set(key, digest)
  }

  /** A look at the client is over. @param isSettled its status says the last word on its present version */
  end(key: string, isSettled: boolean): void {
    if (!isSettled) return
    const [since, digest] = [this.#since.get(key), this.#waitsFor.get(key)]
    if (since !== undefined && digest !== undefined) recordOfChange(digest, 'client settled', since, { client: key })
    this.remove(key)
  }

  remove(key: string): void {
    this.#since.delete(key)
    this.#waitsFor.delete(key)
  }
}
