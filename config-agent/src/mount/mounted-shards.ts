import { hasCode } from '@nauthera/runtime/coded-error'
import { describeError } from '@nauthera/runtime/log'
import type { HeldShards, ReadShard, SnapshotFault } from '../snapshot.ts'
import { acceptSnapshot } from './accept-snapshot.ts'
import { readSnapshot } from './read-snapshot.ts'
import type { ReadCache } from './read-snapshot.ts'

/** What one look at the mount found. */
export interface MountLook {
  /** Whether something is wrong or not there yet, so that another look is due though nothing moves. */
  readonly again: boolean
  /** What is held differs from what was held before. */
  readonly news: { readonly before: HeldShards; readonly changed: readonly ReadShard[] } | undefined
  /** Every fault, those of the look before too; undefined when there is no volume yet. */
  readonly faults: readonly SnapshotFault[] | undefined
}

/** Holds the newest good version of each shard, and looks at the mount for newer ones. */
export class MountedShards {
  readonly #directory: string
  readonly #onMet: (shard: ReadShard) => void
  readonly #cache: ReadCache = new Map()
  #held: HeldShards
  #lost: ReadonlySet<string> = new Set()

  /** @param kept what was held before the agent started again
   *  @param onMet each shard of the operator's that is read or was kept, whether or not it is taken */
  constructor(directory: string, kept: HeldShards, onMet: (shard: ReadShard) => void) {
    this.#directory = directory
    this.#held = kept
    this.#onMet = onMet
    for (const shard of kept.shards.values()) onMet(shard)
  }

  get held(): HeldShards {
    return this.#held
  }

  readAgain(): MountLook {
    try {
      const snapshot = readSnapshot(this.#directory, this.#cache)
      if (!snapshot) return { again: true, news: undefined, faults: undefined }
      const before = this.#held
      const { held, lost, met, changed, faults } = acceptSnapshot(before, snapshot, this.#lost)
      for (const shard of met) this.#onMet(shard)
      this.#held = held
      this.#lost = lost
      const isNew = changed.length > 0 || held.manifest?.digest !== before.manifest?.digest
      return { again: faults.length > 0, news: isNew ? { before, changed } : undefined, faults }
    } catch (error) {
      const code = hasCode(error, 'MOUNT_UNREADABLE') ? error.code : 'MOUNT_UNREADABLE'
      return { again: true, news: undefined, faults: [{ shard: undefined, code, reason: describeError(error) }] }
    }
  }
}
