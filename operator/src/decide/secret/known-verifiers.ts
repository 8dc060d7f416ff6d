// What is live and what is published, from shard and Secret.
import { mostVerifiers, overlapOf, toleratedSkewMs, withoutEnd } from './rotation-terms.ts'
import type { RotationInput, SecretState, StoredVerifier } from './rotation-terms.ts'

export interface KnownVerifiers {
  /** Live verifiers, newest first. */
  readonly live: readonly StoredVerifier[]
  /** The one that the application's Secret holds, when we know it as ours. */
  readonly published: StoredVerifier | undefined
}

/** What is live and what is published, from the shard and the Secret, either of which may be lost, restored or edited. */
export function knownVerifiers(input: RotationInput): KnownVerifiers {
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
    const others = marked.filter(({ sha256 }) => sha256 !== held && known.includes(sha256)).slice(0, mostVerifiers - 1)
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
function settle(input: RotationInput, stored: readonly StoredVerifier[], held: StoredVerifier): KnownVerifiers {
  const at = stored.indexOf(held)
  const [newer, older] = [stored.slice(0, at), stored.slice(at + 1)]
  const [newest] = newer
  const published = withoutEnd(held)
  if (!newest) return { live: [published, ...older.flatMap((one) => endOf(input, one))], published }
  const wasReplaced = held.notAfter !== undefined || newer.some(({ id }) => id === input.status.activeId)
  if (!wasReplaced) return { live: [newest, held, ...older], published: held }
  // somebody put an older copy of the Secret back, and its value is still live: it is the published one again
  const end = input.now + overlapOf(input)
  const replaced = newer.map((one) => ({ ...one, notAfter: Math.min(one.notAfter ?? end, end) }))
  return { live: [published, ...replaced, ...older], published }
}

/** When the previous secret ends: what the shard says, else what the publication wrote into the annotation. A previous one
 *  that the annotation of this very publication does not list has been retired or revoked. */
function endOf(input: RotationInput, previous: StoredVerifier): readonly StoredVerifier[] {
  const { secret, now } = input
  if (secret.kind === 'owned' && secret.sha256 !== undefined && isOwnPublication(input, secret.sha256)) {
    const marked = secret.verifiers.find(({ sha256 }) => sha256 === previous.sha256)
    if (!marked) return []
    const notAfter = previous.notAfter ?? latestEnd(input, marked)
    return notAfter > now ? [{ ...previous, notAfter }] : []
  }
  return [{ ...previous, notAfter: previous.notAfter ?? now + overlapOf(input) }]
}

function liveMarks(input: RotationInput): readonly StoredVerifier[] {
  const { secret, now } = input
  if (secret.kind !== 'owned') return []
  return secret.verifiers
    .filter(({ notAfter }) => notAfter === undefined || notAfter > now)
    .map((one) => (one.notAfter === undefined ? one : { ...one, notAfter: latestEnd(input, one) }))
}

/** What the annotation says, as far as any leader could have written it: who may write the annotation may not make an old secret live
 *  for ever. */
function latestEnd(input: RotationInput, { notAfter }: StoredVerifier): number {
  const latest = input.now + Math.max(overlapOf(input), input.rotation.maxOverlapMs)
  return notAfter === undefined || notAfter > latest + toleratedSkewMs ? latest : notAfter
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
