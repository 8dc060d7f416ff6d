import { hasCode } from '@nauthera/runtime/coded-error'
import { describeError } from '@nauthera/runtime/log'
import type { HeldShards, ReadShard, SnapshotFault } from '../snapshot.ts'
import { acceptSnapshot } from './accept-snapshot.ts'
import { readSnapshot } from './read-snapshot.ts'
import type { ReadCache } from './read-snapshot.ts'

/** What one reading of the mount found. */
export interface MountLook {
  /** Whether to read again without an event, since something is wrong or missing. */
  readonly again: boolean
  /** Undefined when nothing changed. */
  readonly news: { readonly before: HeldShards; readonly changed: readonly ReadShard[] } | undefined
  /** Every present fault, old and new; undefined when there is no volume yet. */
  readonly faults: readonly SnapshotFault[] | undefined
}

/** Holds the newest accepted version of each shard, and reads newer ones from the mount. */
export class MountedShards {
  readonly #directory: string
  readonly #onMet: (shard: ReadShard) => void
  readonly #cache: ReadCache = new Map()
  #held: HeldShards
  #lost: ReadonlySet<string> = new Set()

  /** @param kept what was held before the restart
   *  @param onMet called with each signed shard that is read or was kept, accepted or not */
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
