// Decides what of a snapshot to believe. Pure: the one place that could make a client vanish.
import { shardCount } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { agreesWith, compareAge } from './snapshot.ts'
import type { Held, ReadManifest, ReadShard, Snapshot, SnapshotFault } from './snapshot.ts'

/** Past both, a loss of clients needs the manifest's word. */
const massVanish = { clients: 20, fraction: 0.5 } as const

export interface Acceptance {
  readonly held: Held
  /** The shards of `held` that are new. */
  readonly changed: readonly ReadShard[]
  /** Those of the snapshot, and what it held against itself or against what is live. */
  readonly faults: readonly SnapshotFault[]
  /** Clients that went since the manifest last confirmed every shard; handed in again at the next decision. */
  readonly lost: ReadonlySet<string>
}

/** Takes each shard that is whole, newer, and not contradicted by the manifest; keeps what is held of the others.
 *  @param lost what the decision before returned, so that a loss in small steps counts as one */
export function acceptSnapshot(held: Held, snapshot: Snapshot, lost: ReadonlySet<string> = new Set()): Acceptance {
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

  const leaving = new Map(changed.map((shard) => [shard, lostBy(held.shards.get(shard.ref.shard), shard)]))
  const stillLost = new Set([...lost].filter((key) => !isIn(shards, key)))
  const vanishing = stillLost.size + sum([...leaving.values()].map((keys) => keys.length))
  const before = countClients(held) + [...lost].filter((key) => !isIn(held.shards, key)).length
  if (vanishing > massVanish.clients && vanishing > before * massVanish.fraction) {
    const unconfirmed = changed.filter(
      (shard) => leaving.get(shard)!.length > 0 && !(manifest && agreesWith(manifest.manifest, shard)),
    )
    for (const shard of unconfirmed) {
      const reason = `with it ${vanishing} of ${before} clients would vanish`
      faults.push({ shard: shard.ref.shard, code: 'SHARD_MASS_VANISH', reason })
      shards.set(shard.ref.shard, held.shards.get(shard.ref.shard)!)
      leaving.delete(shard)
    }
    changed = changed.filter((shard) => !unconfirmed.includes(shard))
  }

  const next: Held = { shards, manifest }
  const nowLost = isConfirmed(next) ? new Set<string>() : new Set([...stillLost, ...[...leaving.values()].flat()])
  return { held: next, changed, faults, lost: nowLost }
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

/** @returns how many clients are held */
export function countClients(held: Held): number {
  return sum([...held.shards.values()].map((shard) => shard.clients.size))
}

/** A client never moves to another shard: its name decides. */
function lostBy(before: ReadShard | undefined, after: ReadShard): string[] {
  return before ? [...before.clients.keys()].filter((key) => !after.clients.has(key)) : []
}

function isIn(shards: ReadonlyMap<number, ReadShard>, key: string): boolean {
  const [namespace = '', name = ''] = key.split('/')
  return shards.get(shardOf(namespace, name))?.clients.has(key) ?? false
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
