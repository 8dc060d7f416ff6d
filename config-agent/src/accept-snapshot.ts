// Decides what of a snapshot to believe. Pure: the one place that could make a client vanish.
import { shardCount } from '@nauthera/proto/names'
import { agreesWith, clientKey, compareAge } from './snapshot.ts'
import type { Held, ReadManifest, ReadShard, Snapshot, SnapshotFault } from './snapshot.ts'

/** Past both, a loss of clients needs the manifest's word. */
const massVanish = { clients: 20, fraction: 0.5 } as const

export interface Acceptance {
  readonly held: Held
  /** The shards of `held` that are new. */
  readonly changed: readonly ReadShard[]
  /** Those of the snapshot, and what it held against itself or against what is live. */
  readonly faults: readonly SnapshotFault[]
  /** Clients when the manifest last confirmed every shard; handed in again at the next decision. */
  readonly confirmed: ReadonlySet<string>
}

/** Takes each shard that is whole, newer, and not contradicted by the manifest; keeps what is held of the others.
 *  @param confirmed what the decision before returned, so that a loss in small steps counts as one */
export function acceptSnapshot(held: Held, snapshot: Snapshot, confirmed: ReadonlySet<string> = new Set()): Acceptance {
  const faults: SnapshotFault[] = [...snapshot.faults]
  const manifest = acceptManifest(held.manifest, snapshot, faults)
  const shards = new Map(held.shards)
  let changed: ReadShard[] = []

  for (let shard = 0; shard < shardCount; shard++) {
    const current = held.shards.get(shard)
    const read = snapshot.shards.get(shard)
    if (!read) {
      if (current && snapshot.missing.shards.includes(shard)) {
        faults.push({ shard, code: 'SHARD_MISSING', reason: 'is not mounted any more' })
      }
      continue
    }
    const fault = current?.ref.digest === read.ref.digest ? undefined : findFault(read, current, manifest)
    if (fault) faults.push({ shard, ...fault })
    else if (!current || compareAge(read.ref, current.ref) !== 0 || read.ref.digest !== current.ref.digest) {
      shards.set(shard, read)
      changed.push(read)
    }
  }

  const before = new Set([...confirmed, ...keysOf(held.shards)])
  const vanished = before.size - countIn(before, keysOf(shards))
  if (vanished > massVanish.clients && vanished > before.size * massVanish.fraction) {
    const after = keysOf(shards)
    const unconfirmed = changed.filter((shard) => {
      const loses = held.shards.get(shard.ref.shard)?.clients.some((client) => !after.has(clientKey(client))) ?? false
      return loses && !(manifest && agreesWith(manifest.manifest, shard))
    })
    for (const { ref } of unconfirmed) {
      shards.set(ref.shard, held.shards.get(ref.shard)!)
      faults.push({
        shard: ref.shard,
        code: 'SHARD_MASS_VANISH',
        reason: `with it ${vanished} of ${before.size} clients would vanish`,
      })
    }
    changed = changed.filter((shard) => !unconfirmed.includes(shard))
  }

  const next: Held = { shards, manifest }
  return { held: next, changed, faults, confirmed: isConfirmed(next) ? keysOf(shards) : before }
}

function acceptManifest(
  held: ReadManifest | undefined,
  snapshot: Snapshot,
  faults: SnapshotFault[],
): ReadManifest | undefined {
  const read = snapshot.manifest
  if (!read) {
    if (held && snapshot.missing.manifest) {
      faults.push({ shard: undefined, code: 'MANIFEST_MISSING', reason: 'is not mounted any more' })
    }
    return held
  }
  if (!held || held.digest === read.digest) return read
  const older = read.manifest.shards.some((entry) => {
    const before = held.manifest.shards.find((other) => other.shard === entry.shard)
    return before !== undefined && read.manifest.epoch === held.manifest.epoch && entry.seq < before.seq
  })
  if (!older && read.manifest.epoch >= held.manifest.epoch) return read
  faults.push({ shard: undefined, code: 'MANIFEST_OLDER', reason: 'names older shards than the one before' })
  return held
}

function findFault(
  read: ReadShard,
  current: ReadShard | undefined,
  manifest: ReadManifest | undefined,
): Pick<SnapshotFault, 'code' | 'reason'> | undefined {
  const named = manifest?.manifest.shards.find((entry) => entry.shard === read.ref.shard)
  const isNamed = manifest !== undefined && agreesWith(manifest.manifest, read)
  const sameSeq = named?.seq === read.ref.seq && manifest?.manifest.epoch === read.ref.epoch
  if (sameSeq && !isNamed) return { code: 'SHARD_TAMPERED', reason: 'differs from what the manifest names' }
  if (!current) return undefined
  const age = compareAge(read.ref, current.ref)
  if (age < 0) return { code: 'SHARD_OLDER', reason: `is seq ${read.ref.seq}, live is ${current.ref.seq}` }
  // Only the manifest can say which of two with one seq is the operator's.
  if (age === 0 && !isNamed) return { code: 'SHARD_TAMPERED', reason: 'changed without a new seq' }
  return undefined
}

/** @returns whether the manifest names exactly the shards that are held */
export function isConfirmed(held: Held): boolean {
  const { manifest, shards } = held
  if (!manifest || shards.size !== shardCount) return false
  return [...shards.values()].every((shard) => agreesWith(manifest.manifest, shard))
}

function keysOf(shards: ReadonlyMap<number, ReadShard>): Set<string> {
  return new Set([...shards.values()].flatMap((shard) => shard.clients.map(clientKey)))
}

function countIn(keys: ReadonlySet<string>, among: ReadonlySet<string>): number {
  let count = 0
  for (const key of keys) if (among.has(key)) count++
  return count
}
