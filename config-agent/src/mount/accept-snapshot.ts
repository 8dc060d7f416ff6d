// Decides what of a snapshot to believe. Pure: the one place that could make a client vanish.
import { isSignedBy } from '@nauthera/proto/file-signature'
import { shardCount, shardFile } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { agreesWith, compareAge, countClients, notSigned } from '../snapshot.ts'
import type { HeldShards, ReadManifest, ReadShard, Snapshot, SnapshotFault } from '../snapshot.ts'

/** Past both, a loss of clients needs the manifest's word. */
const massVanish = { clients: 20, fraction: 0.5 } as const

export interface AcceptedSnapshot {
  readonly held: HeldShards
  /** The shards of the snapshot that are the operator's and not held already, whether or not they are taken. */
  readonly met: readonly ReadShard[]
  /** The shards of `held` that are new. */
  readonly changed: readonly ReadShard[]
  /** Those of the snapshot, and what it held against itself or against what is live. */
  readonly faults: readonly SnapshotFault[]
  /** Clients that went since the manifest last confirmed every shard; handed in again at the next decision. */
  readonly lost: ReadonlySet<string>
}

/** Takes each shard that is whole, newer, signed by the key of the manifest, and not contradicted by it; keeps what is held of the others.
 *  Without a manifest nobody knows whose a shard is: it is not taken yet.
 *  @param lost what the decision before returned, so that a loss in small steps counts as one */
export function acceptSnapshot(
  held: HeldShards,
  snapshot: Snapshot,
  lost: ReadonlySet<string> = new Set(),
): AcceptedSnapshot {
  const faults: SnapshotFault[] = [...snapshot.faults]
  const manifest = acceptManifest(held, snapshot, faults)
  const met = signedShards(held, snapshot, manifest, faults)
  const newer = newerShards(held, { ...snapshot, met }, manifest, faults)
  const { changed, lost: nowLost } = refuseMassVanish(held, newer, lost, manifest, faults)
  const next: HeldShards = { shards: withShards(held, changed), manifest }
  return { held: next, met: [...met.values()], changed, faults, lost: isConfirmed(next) ? new Set() : nowLost }
}

/** @returns by shard what is not held already and the operator has signed: whatever else is there, somebody else wrote it */
function signedShards(
  held: HeldShards,
  { shards, signatures }: Snapshot,
  manifest: ReadManifest | undefined,
  faults: SnapshotFault[],
): ReadonlyMap<number, ReadShard> {
  const signed = new Map<number, ReadShard>()
  for (const [shard, read] of manifest ? shards : []) {
    const { digest } = read.ref
    if (held.shards.get(shard)?.ref.digest === digest) continue
    const { signedBy } = manifest!.manifest
    if (isSignedBy(signedBy, { name: shardFile(shard), digest }, signatures.get(shard))) signed.set(shard, read)
    else faults.push({ shard, code: 'SHARD_UNSIGNED', reason: notSigned })
  }
  return signed
}

function newerShards(
  held: HeldShards,
  { met, missing }: Pick<Snapshot, 'missing'> & { readonly met: ReadonlyMap<number, ReadShard> },
  manifest: ReadManifest | undefined,
  faults: SnapshotFault[],
): ReadShard[] {
  const newer: ReadShard[] = []
  for (let shard = 0; shard < shardCount; shard++) {
    const current = held.shards.get(shard)
    const read = met.get(shard)
    if (!read) {
      if (current && missing.shards.includes(shard)) {
        faults.push({ shard, code: 'SHARD_MISSING', reason: 'is not mounted any more' })
      }
      continue
    }
    const fault = findFault(read, current, manifest)
    if (fault) faults.push({ shard, ...fault })
    else newer.push(read)
  }
  return newer
}

/** @returns the shards to take: with too many clients gone, of those that lose some only the ones that the manifest confirms */
function refuseMassVanish(
  held: HeldShards,
  newer: readonly ReadShard[],
  lost: ReadonlySet<string>,
  manifest: ReadManifest | undefined,
  faults: SnapshotFault[],
): { changed: ReadShard[]; lost: ReadonlySet<string> } {
  const leaving = new Map(newer.map((shard) => [shard, lostBy(held.shards.get(shard.ref.shard), shard)]))
  const stillLost = [...lost].filter((key) => !isIn(withShards(held, newer), key))
  const vanishing = stillLost.length + [...leaving.values()].flat().length
  const before = countClients(held) + [...lost].filter((key) => !isIn(held.shards, key)).length
  const isMass = vanishing > massVanish.clients && vanishing > before * massVanish.fraction
  const isConfirmedLoss = (shard: ReadShard): boolean =>
    leaving.get(shard)!.length === 0 || (manifest !== undefined && agreesWith(manifest.manifest, shard))
  const changed = isMass ? newer.filter(isConfirmedLoss) : [...newer]
  for (const { ref } of newer.filter((shard) => !changed.includes(shard))) {
    const reason = `with it ${vanishing} of ${before} clients would vanish`
    faults.push({ shard: ref.shard, code: 'SHARD_MASS_VANISH', reason })
  }
  return { changed, lost: new Set([...stillLost, ...changed.flatMap((shard) => leaving.get(shard)!)]) }
}

const withShards = (held: HeldShards, changed: readonly ReadShard[]): ReadonlyMap<number, ReadShard> =>
  new Map([...held.shards, ...changed.map((shard) => [shard.ref.shard, shard] as const)])

function acceptManifest(
  { manifest: held, shards }: HeldShards,
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
    const live = shards.get(entry.shard)?.ref
    // What was named and never came was no manifest of ours: it may not keep the true one out.
    return before !== undefined && live !== undefined && compareAge(entry, before) < 0 && compareAge(entry, live) < 0
  })
  if (!older) return read
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
  const sameSeq = named?.seq === read.ref.seq
  if (sameSeq && !isNamed) return { code: 'SHARD_TAMPERED', reason: 'differs from what the manifest names' }
  if (!current) return undefined
  const age = compareAge(read.ref, current.ref)
  if (age < 0) return { code: 'SHARD_OLDER', reason: `is seq ${read.ref.seq}, live is ${current.ref.seq}` }
  // Only the manifest can say which of two with one seq is the operator's.
  if (age === 0 && !isNamed) return { code: 'SHARD_TAMPERED', reason: 'changed without a new seq' }
  return undefined
}

/** @returns whether the manifest names exactly the shards that are held */
export function isConfirmed(held: HeldShards): boolean {
  const { manifest, shards } = held
  if (!manifest || shards.size !== shardCount) return false
  return [...shards.values()].every((shard) => agreesWith(manifest.manifest, shard))
}

/** A client never moves to another shard: its name decides. */
function lostBy(before: ReadShard | undefined, after: ReadShard): string[] {
  return before ? [...before.clients.keys()].filter((key) => !after.clients.has(key)) : []
}

function isIn(shards: ReadonlyMap<number, ReadShard>, key: string): boolean {
  const [namespace = '', name = ''] = key.split('/')
  return shards.get(shardOf(namespace, name))?.clients.has(key) ?? false
}
