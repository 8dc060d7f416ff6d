// Decides which shards of a snapshot the agent accepts. Pure: only a mistake here could remove a client.
import { isSignedBy } from '@nauthera/proto/file-signature'
import { shardCount, shardFile } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { agreesWith, compareAge, countClients, notSigned } from '../snapshot.ts'
import type { HeldShards, ReadManifest, ReadShard, Snapshot, SnapshotFault } from '../snapshot.ts'

/** When more clients than this are gone, the manifest must confirm it. */
const massVanish = { clients: 20, fraction: 0.5 } as const

export interface AcceptedSnapshot {
  readonly held: HeldShards
  /** New shards with a valid signature, accepted or not. */
  readonly met: readonly ReadShard[]
  /** The shards of `held` that were accepted now. */
  readonly changed: readonly ReadShard[]
  /** The faults of the snapshot itself, and its contradictions to the manifest or to what is held. */
  readonly faults: readonly SnapshotFault[]
  /** Clients removed since the manifest last confirmed every shard; an input of the next decision. */
  readonly lost: ReadonlySet<string>
}

/** Accepts a shard that is whole, newer, signed by the manifest's key, and not contradicted by the manifest. The other shards stay as held.
 *  Without a manifest no signature can be checked, so nothing is accepted.
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

/** @returns new shards with the operator's signature, by number */
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

/** @returns the shards to accept. When too many clients are gone, a shard that loses clients also needs the manifest's confirmation */
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
    // A manifest whose shards never came is not the operator's: it must not block the true one.
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
  // Two shards have the same seq: only the manifest says which one is the operator's.
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
