// Finds the live verifiers and the published one, from shard and Secret.
import { mostVerifiers } from '../../api/client-secret.ts'
import { present } from '../client/present.ts'
import { overlapOf, toleratedSkewMs, wasGiven, withoutEnd } from './rotation-terms.ts'
import type { RotationInput, SecretState, StoredVerifier } from './rotation-terms.ts'

export interface KnownVerifiers {
  /** Live verifiers, newest first. */
  readonly live: readonly StoredVerifier[]
  /** The verifier of the secret in the application's Secret, when the operator minted it. */
  readonly published: StoredVerifier | undefined
  /** The Secret is an older copy, put back over a later one: its value is published again, now. */
  readonly isPutBack?: true
}

/** Finds the live verifiers and the published one. Shard and Secret may each be lost, restored or edited. */
export function knownVerifiers(input: RotationInput): KnownVerifiers {
  const { secret, now } = input
  const stored = (input.verifiers ?? []).filter(({ notAfter }) => notAfter === undefined || notAfter > now)
  if (secret.kind !== 'owned') return { live: stored, published: undefined }
  const held = secret.sha256
  const inShard = stored.find(({ sha256 }) => sha256 === held)
  const mayBeOurs = held !== undefined && hasOurForm(input) && !hasEnded(input, held)
  if (mayBeOurs && inShard) return settle(input, stored, inShard)
  const marked = liveMarks(input)
  if (mayBeOurs && secret.isRestored && isConsistent(secret, held)) return putBack(input, stored, held)
  if (mayBeOurs && isOwnPublication(input, held)) {
    // a former leader published it, or the shard is lost or old. What the application holds must be live. Otherwise only the shard counts:
    // whoever can write the annotation could list a weak value
    const known = stored.length > 0 ? stored.map(({ sha256 }) => sha256) : marked.map(({ sha256 }) => sha256)
    const others = marked.filter(({ sha256 }) => sha256 !== held && known.includes(sha256)).slice(0, mostVerifiers - 1)
    const published = { id: held.slice(0, 8), sha256: held }
    return { live: [published, ...others], published }
  }
  // the value was edited or never minted: the shard, else the annotation, says what was published
  return {
    live: stored.length > 0 ? stored : held !== undefined && !isStale(input) ? marked : [],
    published: undefined,
  }
}

/** The Secret holds a verifier of the shard: usually the newest, or the one before an unpublished one. */
function settle(input: RotationInput, stored: readonly StoredVerifier[], held: StoredVerifier): KnownVerifiers {
  const at = stored.indexOf(held)
  const [newer, older] = [stored.slice(0, at), stored.slice(at + 1)]
  const [newest] = newer
  const published = withoutEnd(held)
  if (!newest) return { live: [published, ...older.flatMap((one) => endOf(input, one))], published }
  const wasReplaced = held.notAfter !== undefined || newer.some(({ id }) => wasGiven(input.status, id))
  if (!wasReplaced) return { live: [newest, held, ...older], published: held }
  // somebody restored an older copy of the Secret with a live value: it is the published one again
  return { live: [published, ...replaced(input, newer), ...older], published, isPutBack: true }
}

/** The Secret was restored, and the shard lacks its value: that is published, and what the client had meanwhile ends. */
function putBack(input: RotationInput, stored: readonly StoredVerifier[], held: string): KnownVerifiers {
  const published = { id: held.slice(0, 8), sha256: held }
  // nobody has what is not published yet
  const meanwhile = stored.filter(({ id }) => id !== input.pending?.id)
  const others = meanwhile.length > 0 ? replaced(input, meanwhile) : liveMarks(input)
  const live = [published, ...others.filter(({ sha256 }) => sha256 !== held)].slice(0, mostVerifiers)
  const isLate = meanwhile.length > 0 || isStale(input)
  return { live, published, ...(isLate ? { isPutBack: true } : {}) }
}

/** They end after the overlap. */
function replaced(input: RotationInput, verifiers: readonly StoredVerifier[]): readonly StoredVerifier[] {
  const end = input.now + overlapOf(input)
  return verifiers.map((one) => ({ ...one, notAfter: Math.min(one.notAfter ?? end, end) }))
}

/** When the previous secret ends: by the shard, else by the annotation. When the annotation of the same publication does not list it, it
 *  was retired or revoked. */
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

/** What the Secret says of those before the published one, also where the spec says nothing that counts: it is written first, so a server may
 *  still have one that was revoked.
 *  @param verifiers as a server has them, newest first */
export function withEnds(
  verifiers: readonly StoredVerifier[],
  { secret, status, now }: Pick<RotationInput, 'secret' | 'status' | 'now'>,
): readonly StoredVerifier[] {
  const at = verifiers.findIndex(({ sha256 }) => secret.kind === 'owned' && sha256 === secret.sha256)
  if (secret.kind !== 'owned' || at < 0 || !isOwnPublication({ secret, status }, verifiers[at]!.sha256))
    return verifiers
  const older = verifiers.slice(at + 1).flatMap((one) => {
    const marked = secret.verifiers.find(({ sha256 }) => sha256 === one.sha256)
    const notAfter = one.notAfter ?? marked?.notAfter
    return marked && (notAfter ?? Infinity) > now ? [{ ...one, ...present({ notAfter }) }] : []
  })
  return [...verifiers.slice(0, at + 1), ...older]
}

function liveMarks(input: RotationInput): readonly StoredVerifier[] {
  const { secret, now } = input
  if (secret.kind !== 'owned') return []
  return secret.verifiers
    .filter(({ sha256, notAfter }) => (notAfter === undefined || notAfter > now) && !hasEnded(input, sha256))
    .map((one) => (one.notAfter === undefined ? one : { ...one, notAfter: latestEnd(input, one) }))
}

/** The end in the annotation, at most what a leader could have written: an edit of the annotation cannot keep a secret valid. */
function latestEnd(input: RotationInput, { notAfter }: StoredVerifier): number {
  const latest = input.now + Math.max(overlapOf(input), input.rotation.maxOverlapMs)
  return notAfter === undefined || notAfter > latest + toleratedSkewMs ? latest : notAfter
}

/** Whoever can write the Secret can also write annotations that call its value ours. So the value must have the form of a minted secret; a
 *  given secret is compared with its source. */
const hasOurForm = ({ secret, source }: RotationInput): boolean =>
  source.kind !== 'minted' || (secret.kind === 'owned' && secret.isMinted)

/** An ended secret never returns: the Secret is an older copy, of which this operator knows nothing. */
const hasEnded = ({ endedIds = [] }: RotationInput, held: string): boolean => endedIds.includes(held.slice(0, 8))

type Published = Pick<RotationInput, 'secret' | 'status'>

type OwnedSecret = Extract<SecretState, { kind: 'owned' }>

/** Whether the annotations describe the value in the Secret. */
const isConsistent = (secret: OwnedSecret, held: string): boolean =>
  secret.secretId === held.slice(0, 8) && secret.verifiers.some(({ sha256 }) => sha256 === held)

/** Whether this is an older copy, restored after a later rotation: its value may be retired or revoked and must stay invalid. */
export const isStale = ({ secret, status }: Published): boolean =>
  secret.kind === 'owned' && status.lastRotated !== undefined && (secret.rotatedAt ?? 0) < status.lastRotated

const isOwnPublication = (input: Published, held: string): boolean =>
  input.secret.kind === 'owned' && isConsistent(input.secret, held) && !isStale(input)
