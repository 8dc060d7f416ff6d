// Decides what becomes of a Secret that an earlier OIDCClient of the same name had: the present client goes on with it, writes it again, or
// leaves it as it is.
import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { annotations } from '@nauthera/proto/names'
import { lastingUid } from '@nauthera/proto/shard-entry'
import { findCondition } from '../../api/conditions.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import type { ProvenOwner } from './owner-proof.ts'

/** How long after a loss a Secret may be restored. Milliseconds. */
const restoreMs = 7 * 24 * 3_600_000

export type RestoreVerdict =
  /** The present client is the earlier one: it goes on with its secret. */
  | 'restored'
  /** It is the earlier one, and that secret has ended: it gets a new one. */
  | 'restored-without-secret'
  /** The Secret is its own, and nothing in it counts: it is written with a new secret. */
  | 'written-again'
  /** It stays as it is, and the client has none. */
  | 'left'

/** What is known of such a Secret. */
export interface RestoreFacts {
  /** An operator of this release wrote it, for an earlier OIDCClient of this name. */
  readonly isProven: boolean
  /** This very Secret was there when that client was seen to be deleted. */
  readonly isLeftover: boolean
  /** That client was seen to be deleted. */
  readonly isEndSeen: boolean
  /** Whose entry the shard has: none; that of a deleted client, which leaves; that of a client which goes on with the earlier one; that of
   *  the present client, which does not; that of another one. */
  readonly entry: 'none' | 'leaving' | 'same-client' | 'own' | 'other'
  /** Whether servers know its secret. */
  readonly value: 'live' | 'ended' | 'unknown'
  /** The earlier client is older than the namespace, which was made within the last days. */
  readonly isNamespaceLost: boolean
  /** The same of the shard. */
  readonly isShardLost: boolean
  /** The present client goes on with another client than this one already. */
  readonly isOtherAlready: boolean
  /** Somebody who may write the OIDCClient says that it was restored. */
  readonly isSaid: boolean
  /** The present client has had a secret of its own. */
  readonly hadSecret: boolean
}

type Row = readonly [fits: (facts: RestoreFacts) => boolean, verdict: (facts: RestoreFacts) => RestoreVerdict]

const always = (verdict: RestoreVerdict) => () => verdict
/** A secret that ended after the backup stays ended. */
const withSecret = ({ value }: RestoreFacts): RestoreVerdict =>
  value === 'ended' ? 'restored-without-secret' : 'restored'
/** Somebody put it over the Secret that the client had. */
const orLeft = ({ hadSecret }: RestoreFacts): RestoreVerdict => (hadSecret ? 'written-again' : 'left')

/** The first row that fits. */
const rows: readonly Row[] = [
  [({ isProven }) => !isProven, orLeft],
  // a deletion that was seen is no restore
  [({ isLeftover }) => isLeftover, always('written-again')],
  [(one) => one.isNamespaceLost && !one.isOtherAlready && one.entry !== 'other' && mayGoOn(one), withSecret],
  // it is nobody's until the shard is written
  [({ entry }) => entry === 'leaving', orLeft],
  [({ entry, value }) => entry === 'same-client' && value === 'live', always('restored')],
  // servers know the client, and another secret than this one
  [({ entry }) => entry === 'same-client', always('restored-without-secret')],
  [({ isSaid, isOtherAlready }) => isSaid && !isOtherAlready, withSecret],
  [(one) => one.isShardLost && !one.isEndSeen && !one.isOtherAlready && one.entry !== 'other', withSecret],
  [() => true, orLeft],
]

const mayGoOn = ({ entry, value }: RestoreFacts): boolean => entry !== 'same-client' || value === 'live'

/** @returns what becomes of the Secret */
export function restoreVerdict(facts: RestoreFacts): RestoreVerdict {
  const [, verdict] = rows.find(([fits]) => fits(facts))!
  return verdict(facts)
}

/** What is seen of a Secret, of the client and of the places where they are. */
interface SeenRestore {
  /** The proven owner of the Secret; undefined without a valid proof. */
  readonly former: ProvenOwner | undefined
  /** What the Secret holds. */
  readonly held: { readonly id: string | undefined; readonly sha256: string | undefined }
  /** What the stored shard says under the client's name. */
  readonly entry: ShardEntry | undefined
  /** Whether that is of a client that was deleted, and leaves with the next write. */
  readonly isLeaving: boolean
  /** Ids of secrets that have ended, beside those of the entry. */
  readonly endedIds: readonly string[]
  /** Uids of earlier clients of this name that were seen to be deleted. */
  readonly endedUids: readonly string[]
  readonly isLeftover: boolean
  /** The uid that the present client was restored from. */
  readonly restoredFrom: string | undefined
  /** This process has written a Secret of the present client. */
  readonly hasWritten: boolean
  /** When namespace and shard were made, if known; epoch milliseconds. */
  readonly namespaceBornAt: number | undefined
  readonly shardBornAt: number | undefined
  readonly now: number
}

/** @returns what is known of a Secret that an earlier client of this name had */
export function restoreFacts(client: OIDCClient, seen: SeenRestore): RestoreFacts {
  const { former, held, restoredFrom, now } = seen
  const lineage = former && (former.restoredFrom ?? former.uid)
  const isLost = (bornAt: number | undefined): boolean =>
    former !== undefined && bornAt !== undefined && former.createdAt <= bornAt && now < bornAt + restoreMs
  return {
    isProven: former !== undefined,
    isLeftover: seen.isLeftover,
    isEndSeen: former !== undefined && seen.endedUids.includes(former.uid),
    entry: whoseEntry(client, seen, lineage),
    value: valueOf(seen),
    isNamespaceLost: isLost(seen.namespaceBornAt),
    isShardLost: isLost(seen.shardBornAt),
    isOtherAlready: restoredFrom !== undefined && restoredFrom !== lineage,
    isSaid: client.metadata.annotations?.[annotations.restored] === 'true',
    hadSecret: seen.hasWritten || hasHadSecret(client, held.id),
  }
}

function whoseEntry(
  { metadata: { uid } }: OIDCClient,
  { entry, isLeaving, former }: SeenRestore,
  lineage: string | undefined,
): RestoreFacts['entry'] {
  if (entry === undefined) return 'none'
  if (isLeaving && entry.uid !== uid) return 'leaving'
  if (entry.uid === former?.uid || lastingUid(entry) === lineage) return 'same-client'
  return entry.uid === uid ? 'own' : 'other'
}

function valueOf({ entry, held, endedIds, now }: SeenRestore): RestoreFacts['value'] {
  const { id, sha256 } = held
  // nothing is said of a Secret without a secret
  if (sha256 === undefined) return 'live'
  const known = entry?.verifiers.find((one) => one.sha256 === sha256)
  if (known) return known.notAfter === undefined || timestampMs(known.notAfter) > now ? 'live' : 'ended'
  const hasEnded = id !== undefined && (entry?.ended[id] !== undefined || endedIds.includes(id))
  return hasEnded ? 'ended' : 'unknown'
}

/** Whether this very object already had a Secret. A status may be restored too. */
function hasHadSecret({ status, metadata }: OIDCClient, secretId: string | undefined): boolean {
  const ready = findCondition(status, 'SecretReady')
  const isOwn = Date.parse(ready?.lastTransitionTime ?? '') >= Date.parse(metadata.creationTimestamp)
  const { activeId } = status?.secret ?? {}
  return (ready?.status === 'True' && isOwn) || (activeId !== undefined && activeId !== secretId)
}
