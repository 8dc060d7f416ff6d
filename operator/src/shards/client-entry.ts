// Builds the entry of a client in its shard, from what is wanted and what is stored.
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
import { accountsSinceOf } from '../decide/access/accounts-since.ts'
import type { AccountsSince } from '../decide/access/accounts-since.ts'
import { heldNamesOf } from './held-names.ts'

/** What is wanted of a client in its shard. */
export interface ClientForShard {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** The uid of which it was restored. */
  readonly restoredFrom?: string | undefined
  readonly clientId: string
  /** Epoch milliseconds. In a full shard older clients keep their place; the oldest claimant gets a free name. */
  readonly createdAt: number
  /** The quota of its tenant in the shard, bytes (decide/client/policies.ts), and that of its joined cluster. */
  readonly namespaceBytes: number
  readonly clusterBytes?: number
  /** RotationPlan.verifiers. */
  readonly verifiers: readonly StoredVerifier[]
  readonly verdict:
    | { readonly kind: 'desired'; readonly version: ClientVersion }
    /** Invalid, or denied within its grace period: the accepted version stays; without one there is no entry. */
    | { readonly kind: 'carry' }
  /** Its access to APIs (decide/access/resolve-access.ts). Undefined before access was decided. */
  readonly granted: Granted | undefined
  /** Only the present version may be served: an earlier one violates a policy, and the grace period is over. */
  readonly forbidsEarlier: boolean
  /** Its restraint (decide/client/restraint.ts). */
  readonly restraint: Restraint | undefined
  /** When the namespaces of its ServiceAccounts were made (decide/access/accounts-since.ts). */
  readonly accountsSince: AccountsSince
  /** How the `desired` version that was stored then stood at the replicas. It says nothing of a version that is stored later. */
  readonly standing: { readonly of: ClientVersion | undefined; readonly is: Standing }
  /** Epoch milliseconds: the end of secrets that leave the entry now. Undefined: none ends. */
  readonly now?: number
}

/** @returns `namespace/name` of a client or its entry */
export const entryKey = ({ namespace, name }: Readonly<{ namespace: string; name: string }>): string =>
  `${namespace}/${name}`

/** @returns whether the entry belongs to this object, or to the one that it was restored from */
export const isOfClient = (entry: ShardEntry, client: Pick<ClientForShard, 'uid' | 'restoredFrom'>): boolean =>
  entry.uid === client.uid || lastingUid(entry) === client.restoredFrom

/** @returns whether a write would leave the client's entry as it is */
export function isUnchanged(client: ClientForShard, stored: ShardEntry | undefined): boolean {
  return sameEntry(stored, plannedEntry(client, stored))
}

/** Caches planned entries: of 600 clients usually one changed. */
const planned = new WeakMap<
  ClientForShard,
  { readonly stored: ShardEntry | undefined; readonly next: ShardEntry | undefined }
>()

/** @returns the client's next entry; undefined for none; the stored object itself when nothing changes */
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
  const standing = isSameVersion(client.standing.of, past?.desired) ? client.standing.is : 'unknown'
  const isExclusive = excludesEarlier(client, past, standing)
  const lastGood = isExclusive ? undefined : lastAccepted(past, standing)
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
    accountsSince: wireTimes(client.accountsSince),
  }
  if (client.verdict.kind === 'carry') {
    // under its accepted id: an unreadable object names none
    return lastGood && create(ShardEntrySchema, { ...base, clientId: past!.clientId, accepted: lastGood })
  }
  const { version } = client.verdict
  const isSame = isSameVersion(past?.desired, version)
  // a version that differs only in its generation is not new: keep the stored object
  const desired = isSame ? past!.desired! : version
  const accepted = isSame ? (standing === 'accepted' || isExclusive ? undefined : past!.accepted) : lastGood
  return create(ShardEntrySchema, { ...base, desired, ...(accepted ? { accepted } : {}) })
}

/** Without verifiers the secrets are unknown, so none counts as ended. */
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

/** Once set, it stays until every replica has accepted the present version. */
function excludesEarlier(
  { forbidsEarlier, verdict }: ClientForShard,
  past: ShardEntry | undefined,
  standing: Standing,
): boolean {
  if (verdict.kind !== 'desired') return false
  return forbidsEarlier || (past?.restraint?.exclusive === true && standing !== 'accepted')
}

/** @returns the version that a server may fall back to: the earlier accepted one until the desired one is accepted; without it, the stored
 *  desired one */
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

/** @returns whether two versions are equal except for their generation */
export function isSameVersion(one: ClientVersion | undefined, other: ClientVersion | undefined): boolean {
  return one?.config === other?.config
}

/** Whether two entries are the same to a server. A dropped `accepted` is no difference, unless it held a name that becomes free. */
export function sameEntry(left: ShardEntry | undefined, right: ShardEntry | undefined): boolean {
  if (!left || !right || left === right) return left === right
  if (right.accepted === undefined && left.accepted !== undefined && right.desired !== undefined) {
    if (heldNamesOf(left).length > heldNamesOf(right).length) return false
    const { accepted: _dropped, ...rest } = left
    return equals(ShardEntrySchema, rest, right)
  }
  return equals(ShardEntrySchema, left, right)
}

/** The wanted state of an undecided client: as stored. */
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
    accountsSince: accountsSinceOf(entry),
    standing: { of: entry.desired, is: 'unknown' },
  }
}

/** The client with the stored version's object when both are equal, so that it is in memory once. */
export function shareVersion(client: ClientForShard, stored: ShardEntry | undefined): ClientForShard {
  const { verdict } = client
  if (verdict.kind !== 'desired' || !stored?.desired || !isSameVersion(stored.desired, verdict.version)) return client
  return { ...client, verdict: { kind: 'desired', version: stored.desired } }
}

export function sameClient(one: ClientForShard, other: ClientForShard): boolean {
  return (
    one.uid === other.uid &&
    one.restoredFrom === other.restoredFrom &&
    one.clientId === other.clientId &&
    one.standing.is === other.standing.is &&
    isSameVersion(one.standing.of, other.standing.of) &&
    one.createdAt === other.createdAt &&
    one.namespaceBytes === other.namespaceBytes &&
    one.clusterBytes === other.clusterBytes &&
    one.forbidsEarlier === other.forbidsEarlier &&
    isDeepStrictEqual(one.verifiers, other.verifiers) &&
    isDeepStrictEqual(one.accountsSince, other.accountsSince) &&
    grantsTheSame(one.granted, other.granted) &&
    restrainsTheSame(one.restraint, other.restraint) &&
    (one.verdict.kind === 'desired'
      ? other.verdict.kind === 'desired' && isSameVersion(one.verdict.version, other.verdict.version)
      : other.verdict.kind === 'carry')
  )
}

/** @returns the verifiers of an entry, newest first */
export function verifiersOf(entry: ShardEntry): StoredVerifier[] {
  return entry.verifiers.map(readVerifier)
}

/** @returns a verifier of a stored entry; `notAfter` in epoch milliseconds */
export function readVerifier({ id, sha256, notAfter }: Verifier): StoredVerifier {
  return { id, sha256, ...(notAfter ? { notAfter: timestampMs(notAfter) } : {}) }
}

const wireTimes = (times: AccountsSince): ShardEntry['accountsSince'] =>
  Object.fromEntries(Object.entries(times).map(([namespace, at]) => [namespace, timestampFromMs(at)]))

const wireVerifier = ({ id, sha256, notAfter }: StoredVerifier) => ({
  id,
  sha256,
  ...(notAfter === undefined ? {} : { notAfter: timestampFromMs(notAfter) }),
})
