// The port through which a client's verifiers go out, and what comes back: a part of its outlet (reconcile/outlet.ts).
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Propagation } from '../decide/status/propagation.ts'
import type { ClientForShard } from '../shards/client-entry.ts'

/** The only way out for the steps of a secret. Keys are `namespace/name`. */
export interface SecretOutlet {
  readonly shards: {
    /** What is stored of the client; undefined when nothing is. */
    stored(key: string): { readonly entry: ShardEntry } | undefined
    /** Whether what is stored is of a client that was deleted, and leaves with the next write. */
    isLeaving(key: string): boolean
    /** Whether nothing is or was stored under the key. */
    isUnheardOf(key: string): boolean
    /** When the place of its entry was created, epoch milliseconds; undefined when unknown. */
    bornAt(key: string): number | undefined
    /** What is stored never says which client this one was restored from: that is not waited for. */
    readonly hidesRestored?: true
    /** Ids of its secrets that ended and can never return, as far as the outlet knows them. */
    endedIds?(key: string): readonly string[]
    setClient(client: ClientForShard): void
    /** Its Secret cannot be read: nothing that is stored may be lost. */
    setUndecided(client: ClientForShard): void
    remove(key: string): void
  }
  readonly replicas: {
    /** Every replica that must have a secret before it is published. */
    list(): { readonly length: number }
    /** Until then a terminating replica may answer with its old verifiers. Epoch milliseconds. */
    goingUntil(): number | undefined
    /** Epoch milliseconds. */
    lastUsed(key: string, secretId: string): number | undefined
    /** Since when every use is known, epoch milliseconds; undefined while a replica does not report. */
    usesKnownSince(key: string): number | undefined
  }
  readonly follow: {
    /** How far the stored entry has come; undefined without one. */
    entry(key: string): Propagation | undefined
    /** How far its `desired` version has come. */
    config(key: string): Propagation | undefined
    /** Whether every replica refuses a secret that has ended. `now` is epoch milliseconds. */
    refuses(key: string, secretId: string, now: number): boolean
  }
}
