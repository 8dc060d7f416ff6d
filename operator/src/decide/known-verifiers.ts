// What is live and what is published, from shard and Secret.
import { overlapOf, withoutEnd } from './rotation-terms.ts'
import type { RotationInput, SecretState, StoredVerifier } from './rotation-terms.ts'

export interface Known {
  /** Live verifiers, newest first. */
  readonly live: readonly StoredVerifier[]
  /** The one that the application's Secret holds, when we know it as ours. */
  readonly published: StoredVerifier | undefined
}

/** What is live and what is published, from the shard and the Secret, either of which may be lost, restored or edited. */
export function knownVerifiers(input: RotationInput): Known {
  const { secret, now } = input
  const stored = (input.verifiers ?? []).filter(({ notAfter }) => notAfter === undefined || notAfter > now)
  if (secret.kind !== 'owned') return { live: stored, published: undefined }
  const held = secret.sha256
  const inShard = stored.find(({ sha256 }) => sha256 === held)
  const mayBeOurs = held !== undefined && hasOurForm(input)
  if (mayBeOurs && inShard) return settle(input, stored, inShard)
  const marked = liveMarks(input)
  if (mayBeOurs && isOwnPublication(input, held)) {
    // an earlier leader published it, or the shard is lost or older. What an application may hold must be live. Beside it only what
    // the shard knew, when there is one: people who may write the annotation could list any weak value
    const known = stored.length > 0 ? stored.map(({ sha256 }) => sha256) : marked.map(({ sha256 }) => sha256)
    const others = marked.filter(({ sha256 }) => sha256 !== held && known.includes(sha256)).slice(0, 1)
    const published = { id: held.slice(0, 8), sha256: held }
    return { live: [published, ...others], published }
  }
  // the value was edited or never minted: the shard says what was published, or else the annotation
  return {
    live: stored.length > 0 ? stored : held !== undefined && !isStale(input) ? marked : [],
    published: undefined,
  }
}

/** The Secret holds a verifier of the shard. Usually that is the newest, or the one before an unpublished one. */
function settle(input: RotationInput, stored: readonly StoredVerifier[], held: StoredVerifier): Known {
  const other = stored.find(({ id }) => id !== held.id)
  if (!other) return { live: [withoutEnd(held)], published: withoutEnd(held) }
  const heldIsOlder = stored[1]?.id === held.id
  const wasReplaced = held.notAfter !== undefined || input.status.activeId === other.id
  if (heldIsOlder && !wasReplaced) return { live: [other, held], published: held }
  // somebody put an older copy of the Secret back, and its value is still live: it is the published one again
  if (heldIsOlder)
    return {
      live: [withoutEnd(held), { ...other, notAfter: input.now + overlapOf(input) }],
      published: withoutEnd(held),
    }
  return { live: [withoutEnd(held), ...endOf(input, other)], published: withoutEnd(held) }
}

/** When the previous secret ends: what the shard says, else what the publication wrote into the annotation. A previous one
 *  that the annotation of this very publication does not list has been retired or revoked. */
function endOf(input: RotationInput, previous: StoredVerifier): readonly StoredVerifier[] {
  const { secret, now } = input
  if (secret.kind === 'owned' && secret.sha256 !== undefined && isOwnPublication(input, secret.sha256)) {
    const marked = secret.verifiers.find(({ sha256 }) => sha256 === previous.sha256)
    if (!marked) return []
    // who may write the annotation may not make an old secret live for ever
    const latest = now + Math.max(overlapOf(input), input.rotation.maxOverlapMs)
    const notAfter = previous.notAfter ?? Math.min(marked.notAfter ?? latest, latest)
    return notAfter > now ? [{ ...previous, notAfter }] : []
  }
  return [{ ...previous, notAfter: previous.notAfter ?? now + overlapOf(input) }]
}

function liveMarks(input: RotationInput): readonly StoredVerifier[] {
  const { secret, now } = input
  if (secret.kind !== 'owned') return []
  const latest = now + Math.max(overlapOf(input), input.rotation.maxOverlapMs)
  return secret.verifiers
    .filter(({ notAfter }) => notAfter === undefined || notAfter > now)
    .map((one) => (one.notAfter === undefined ? one : { ...one, notAfter: Math.min(one.notAfter, latest) }))
}

/** People who may write the Secret may also write annotations that say its value is ours. A weak value they cannot give the form of a
 *  minted one. A secret that the client brings itself is compared with where it came from. */
const hasOurForm = ({ secret, source }: RotationInput): boolean =>
  source.kind !== 'minted' || (secret.kind === 'owned' && secret.isMinted)

type OwnedSecret = Extract<SecretState, { kind: 'owned' }>

/** The annotations tell of the value that the Secret holds. */
const isConsistent = (secret: OwnedSecret, held: string): boolean =>
  secret.secretId === held.slice(0, 8) && secret.verifiers.some(({ sha256 }) => sha256 === held)

/** An older copy, put back after a later rotation: its value may be retired or revoked, and must not become valid again. */
const isStale = ({ secret, status }: RotationInput): boolean =>
  secret.kind === 'owned' && status.lastRotated !== undefined && (secret.rotatedAt ?? 0) < status.lastRotated

const isOwnPublication = (input: RotationInput, held: string): boolean =>
  input.secret.kind === 'owned' && isConsistent(input.secret, held) && !isStale(input)
