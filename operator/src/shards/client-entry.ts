// What a shard says about one client: what is wanted of it, and the entry that follows from that and the stored one.
import { isDeepStrictEqual } from 'node:util'
import { clone, create, equals } from '@bufbuild/protobuf'
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt'
import { RestraintSchema, ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type {
  ClientVersion,
  Granted,
  Restraint,
  ShardEntry,
  Verifier,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { withEnded } from '@nauthera/proto/ended-secrets'
import { grantsTheSame, lastingUid, restrainsTheSame } from '@nauthera/proto/shard-entry'
import type { Standing } from '../decide/status/propagation.ts'
import type { StoredVerifier } from '../decide/secret/rotation-terms.ts'
import { heldNamesOf } from './held-names.ts'

/** What the shard should say about one client. */
export interface ClientForShard {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** The uid of which it was restored. */
  readonly restoredFrom?: string | undefined
  readonly clientId: string
  /** Epoch milliseconds of creation: the older ones keep their place when a shard is full, and take a name that is free. */
  readonly createdAt: number
  /** Bytes of the shard that all clients of its namespace may take together (decide/policies.ts). */
  readonly namespaceBytes: number
  /** RotationPlan.verifiers. */
  readonly verifiers: readonly StoredVerifier[]
  readonly verdict:
    | { readonly kind: 'desired'; readonly version: ClientVersion }
    /** Invalid, or denied within its grace: the last accepted version serves on; without one there is no entry. */
    | { readonly kind: 'carry' }
  /** What it may have at APIs (decide/resolve-access.ts). Undefined only for what is stored since before access was decided. */
  readonly granted: Granted | undefined
  /** An earlier version of it breaks a policy whose grace is over: none but the present one may be served. */
  readonly forbidsEarlier: boolean
  /** What its object asks for that stops or narrows it (decide/restraint.ts). */
  readonly restraint: Restraint | undefined
  /** How the stored entry's `desired` stands at the replicas. */
  readonly standing: Standing
  /** Epoch milliseconds: when a secret ends that the entry no longer has. Undefined: none of them has ended. */
  readonly now?: number
}

/** @returns `namespace/name` of a client or its entry */
export const entryKey = ({ namespace, name }: Readonly<{ namespace: string; name: string }>): string =>
  `${namespace}/${name}`

/** @returns whether the entry is of this object, or of the earlier one of which it was restored. An entry of any other earlier object of that
 *  name says nothing about this one */
export const isOfClient = (entry: ShardEntry, client: Pick<ClientForShard, 'uid' | 'restoredFrom'>): boolean =>
  entry.uid === client.uid || lastingUid(entry) === client.restoredFrom

/** @returns whether a write would change nothing about this client */
export function keepsEntry(client: ClientForShard, stored: ShardEntry | undefined): boolean {
  return sameEntry(stored, plannedEntry(client, stored))
}

/** Of 600 clients one has changed: the others need not be compared field by field at each look. */
const planned = new WeakMap<
  ClientForShard,
  { readonly stored: ShardEntry | undefined; readonly next: ShardEntry | undefined }
>()

/** @returns what the next shard says about a client, given what the stored one says: nothing, when it has no entry; the
 *  stored object itself when that says the same, byte for byte */
export function plannedEntry(client: ClientForShard, stored: ShardEntry | undefined): ShardEntry | undefined {
  const before = planned.get(client)
  if (before && before.stored === stored) return before.next
  const entry = nextEntry(client, stored)
  const next = entry && stored && equals(ShardEntrySchema, entry, stored) ? stored : entry
  planned.set(client, { stored, next })
  return next
}

function nextEntry(client: ClientForShard, stored: ShardEntry | undefined): ShardEntry | undefined {
  const past = stored && isOfClient(stored, client) ? stored : undefined
  const isExclusive = excludesEarlier(client, past)
  const lastGood = isExclusive ? undefined : lastAccepted(past, client.standing)
  const restraint = isExclusive ? exclusiveOf(client.restraint) : client.restraint
  const base = {
    namespace: client.namespace,
    name: client.name,
    uid: client.uid,
    clientId: client.clientId,
    createdAt: timestampFromMs(client.createdAt),
    verifiers: client.verifiers.map(wireVerifier),
    ...(client.granted ? { granted: client.granted } : {}),
    ...(restraint ? { restraint } : {}),
    restoredFrom: client.restoredFrom ?? '',
    ended: endedOf(client, past),
  }
  if (client.verdict.kind === 'carry') {
    // under the id that it was accepted with: an object that cannot be read does not say which one it wants
    return lastGood && create(ShardEntrySchema, { ...base, clientId: past!.clientId, accepted: lastGood })
  }
  const { version } = client.verdict
  const isSame = saysTheSame(past?.desired, version)
  // a version that differs only in its generation is not new: the stored object keeps the bytes equal
  const desired = isSame ? past!.desired! : version
  const accepted = isSame ? (client.standing === 'accepted' || isExclusive ? undefined : past!.accepted) : lastGood
  return create(ShardEntrySchema, { ...base, desired, ...(accepted ? { accepted } : {}) })
}

/** Without a verifier nobody knows which secrets there are: none has ended by that. */
function endedOf({ verifiers, now }: ClientForShard, past: ShardEntry | undefined): ShardEntry['ended'] {
  const before = past?.ended ?? {}
  if (past === undefined || now === undefined || verifiers.length === 0) return before
  const live = new Set(verifiers.map(({ id }) => id))
  const gone = verifiersOf(past).filter(({ id }) => !live.has(id))
  return { ...withEnded(before, gone, live, now) }
}

function exclusiveOf(restraint: Restraint | undefined): Restraint {
  const exclusive = restraint ? clone(RestraintSchema, restraint) : create(RestraintSchema)
  exclusive.exclusive = true
  return exclusive
}

/** Once asked for, it holds until every replica has accepted the present version: one of them may still have an earlier one. */
function excludesEarlier({ forbidsEarlier, verdict, standing }: ClientForShard, past: ShardEntry | undefined): boolean {
  if (verdict.kind !== 'desired') return false
  return forbidsEarlier || (past?.restraint?.exclusive === true && standing !== 'accepted')
}

/** @returns the version that a server may fall back to. While nobody has answered yet, an earlier accepted version is the safer
 *    one; without it the stored desired is all there is, and a replica that rejects it is no worse off */
export function lastAccepted(stored: ShardEntry | undefined, standing: Standing): ClientVersion | undefined {
  switch (standing) {
    case 'accepted':
      return stored?.desired ?? stored?.accepted
    case 'rejected':
      return stored?.accepted
    case 'unknown':
      return stored?.accepted ?? stored?.desired
  }
}

/** @returns whether two versions say the same to a server, whichever generation they were rendered from */
export function saysTheSame(one: ClientVersion | undefined, other: ClientVersion | undefined): boolean {
  return one?.config === other?.config
}

/** The same to a server: `accepted` that only went away is no difference, unless it held a name: that is free from then on. */
export function sameEntry(left: ShardEntry | undefined, right: ShardEntry | undefined): boolean {
  if (!left || !right || left === right) return left === right
  if (right.accepted === undefined && left.accepted !== undefined && right.desired !== undefined) {
    if (heldNamesOf(left).length > heldNamesOf(right).length) return false
    const { accepted: _dropped, ...rest } = left
    return equals(ShardEntrySchema, rest as ShardEntry, right)
  }
  return equals(ShardEntrySchema, left, right)
}

/** A client that has not been decided yet stays as it is stored. */
export function asStored(entry: ShardEntry): ClientForShard {
  return {
    namespace: entry.namespace,
    name: entry.name,
    uid: entry.uid,
    restoredFrom: entry.restoredFrom || undefined,
    clientId: entry.clientId,
    createdAt: entry.createdAt ? timestampMs(entry.createdAt) : 0,
    namespaceBytes: Infinity,
    verifiers: verifiersOf(entry),
    verdict: entry.desired ? { kind: 'desired', version: entry.desired } : { kind: 'carry' },
    granted: entry.granted,
    forbidsEarlier: entry.restraint?.exclusive === true,
    restraint: entry.restraint,
    standing: 'unknown',
  }
}

/** The same client; when its version says the same as the stored one, it holds that very object, so that each is in memory once. */
export function shareVersion(client: ClientForShard, stored: ShardEntry | undefined): ClientForShard {
  const { verdict } = client
  if (verdict.kind !== 'desired' || !stored?.desired || !saysTheSame(stored.desired, verdict.version)) return client
  return { ...client, verdict: { kind: 'desired', version: stored.desired } }
}

export function sameClient(one: ClientForShard, other: ClientForShard): boolean {
  return (
    one.uid === other.uid &&
    one.restoredFrom === other.restoredFrom &&
    one.clientId === other.clientId &&
    one.standing === other.standing &&
    one.createdAt === other.createdAt &&
    one.namespaceBytes === other.namespaceBytes &&
    one.forbidsEarlier === other.forbidsEarlier &&
    isDeepStrictEqual(one.verifiers, other.verifiers) &&
    grantsTheSame(one.granted, other.granted) &&
    restrainsTheSame(one.restraint, other.restraint) &&
    (one.verdict.kind === 'desired'
      ? other.verdict.kind === 'desired' && saysTheSame(one.verdict.version, other.verdict.version)
      : other.verdict.kind === 'carry')
  )
}

/** @returns the verifiers of an entry as rotation plans them, newest first */
export function verifiersOf(entry: ShardEntry): StoredVerifier[] {
  return entry.verifiers.map(readVerifier)
}

/** @returns a verifier of a stored entry as rotation plans it; `notAfter` in epoch milliseconds */
export function readVerifier({ id, sha256, notAfter }: Verifier): StoredVerifier {
  return { id, sha256, ...(notAfter ? { notAfter: timestampMs(notAfter) } : {}) }
}

const wireVerifier = ({ id, sha256, notAfter }: StoredVerifier) => ({
  id,
  sha256,
  ...(notAfter === undefined ? {} : { notAfter: timestampFromMs(notAfter) }),
})
