// Secrets that the owner of a client keeps: spec.secret.verifiers lists their SHA-256. Decides which of them servers get, and until when.
import { fieldsOf } from '@nauthera/runtime/json'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { present } from '../client/present.ts'
import { endedVerifiersIn } from '../client/restraint.ts'
import { plan } from './rotation-plan.ts'
import { asksRevoke, overlapOf, sameVerifiers } from './rotation-terms.ts'
import type { RotationInput, RotationPlan, SecretSource, StoredVerifier } from './rotation-terms.ts'

type ListedSource = Extract<SecretSource, { kind: 'listed' }>

/** @param client may be invalid
 *  @returns whether its owner keeps its secrets: the operator reads and writes no Secret for it */
export const listsSecrets = ({ spec }: { readonly spec?: Pick<OIDCClient['spec'], 'secret'> | null }): boolean =>
  spec?.secret?.verifiers !== undefined

/** @param client follows every rule
 *  @param admits whether its version may be served */
export const listedSource = (client: OIDCClient, admits: boolean): ListedSource => ({
  ...listedBefore(client),
  verifiers: (client.spec.secret?.verifiers ?? []).map(({ sha256, notAfter }) => ({
    id: sha256.slice(0, 8),
    sha256,
    ...(notAfter === undefined ? {} : { notAfter: Date.parse(notAfter) }),
  })),
  admits,
})

/** The list of a client whose spec may have any shape: nothing new is taken from it. */
function listedBefore({ spec, status, metadata }: OIDCClient): ListedSource {
  const seen = (status?.verifiers ?? []).map(({ id, firstSeen }) => [id, Date.parse(firstSeen)] as const)
  const { activeId, previous = [] } = status?.secret ?? {}
  // one that has ended early stays in `previous` until every server refuses it
  const wasListed = new Set([...seen.map(([id]) => id), ...(status?.endedVerifiers ?? [])])
  return {
    kind: 'listed',
    endsAsListed: fieldsOf(spec)['origin'] !== undefined,
    verifiers: [],
    admits: false,
    firstSeen: Object.fromEntries(seen),
    hasMinted: metadata.moved !== undefined || activeId !== undefined || previous.some(({ id }) => !wasListed.has(id)),
    ended: status?.endedVerifiers ?? [],
    stopped: endedVerifiersIn(spec),
  }
}

/** What becomes of the secrets of a client whose spec is refused: what its owner took out of the list ends, as long as one is left that is
 *  still listed. A list that cannot be read, or that has none of them, changes nothing.
 *  @param client its spec may have any shape
 *  @param about.verifiers what servers have. @param about.kept those of them that revokePrevious leaves. @param about.now epoch milliseconds */
export function planRefusedList(
  client: OIDCClient,
  about: {
    readonly verifiers: readonly StoredVerifier[]
    readonly kept: readonly StoredVerifier[]
    readonly status: RotationInput['status']
    readonly now: number
  },
): RotationPlan {
  const { verifiers, kept, status, now } = about
  const source = listedBefore(client)
  const listed = openIn(client.spec, now)
  const isListed = ({ sha256 }: StoredVerifier): boolean => listed.includes(sha256)
  const gone = verifiers.filter((one) => source.firstSeen[one.id] !== undefined && !isListed(one))
  const revoked = verifiers.filter((one) => !kept.includes(one))
  const stopped = [...revoked, ...(verifiers.some(isListed) ? gone : [])].map(({ id }) => id)
  return planListed(
    {
      source,
      rotation: { retire: 'AfterOverlap', maxOverlapMs: 0, quietPeriodMs: 0 },
      serving: true,
      secret: { kind: 'absent' },
      verifiers,
      pending: undefined,
      replicas: { total: 0, serving: false, unreachable: 0, goingUntil: undefined },
      usage: { knownSince: undefined, lastUsed: {} },
      status,
      now,
    },
    { ...source, stopped: [...source.stopped, ...stopped] },
  )
}

/** @returns the digests that a list of any shape has, without those that have ended by themselves */
function openIn(spec: unknown, now: number): readonly unknown[] {
  const { verifiers } = fieldsOf(fieldsOf(spec)['secret'])
  return (Array.isArray(verifiers) ? verifiers : []).flatMap((one: unknown) => {
    const { sha256, notAfter } = fieldsOf(one)
    return typeof notAfter === 'string' && Date.parse(notAfter) <= now ? [] : [sha256]
  })
}

/** Servers get exactly the listed secrets that are valid. A minted secret of before stays for the overlap, which begins when every replica
 *  has the listed ones. A list that leaves no secret changes nothing. */
export function planListed(given: RotationInput, source: ListedSource): RotationPlan {
  const input = { ...given, source, secret: { kind: 'absent' } as const, rotation: withoutWindow(given.rotation) }
  const stored = input.verifiers ?? []
  const isLive = ({ notAfter = Infinity }: StoredVerifier): boolean => notAfter > input.now
  const open = source.verifiers.filter(isLive)
  // nobody may have looked when a stored one ended
  const over = stored.flatMap((one) => (isLive(one) ? [] : [one.id]))
  const isStopped = (id: string): boolean => source.stopped.includes(id)
  const hasEnded = (id: string): boolean => source.ended.includes(id) || over.includes(id) || isStopped(id)
  const usable = open.filter(({ id }) => !hasEnded(id))
  const listed = sorted(usable)
    .map((one, at) => (at === 0 ? one : { ...one, ...present({ notAfter: endOf(input, one, source) }) }))
    .filter(isLive)
  const isTaken = source.admits && listed.length > 0
  const verifiers = (isTaken ? [...listed, ...mintedBefore(input, source, listed)] : stored).filter(
    ({ id }) => !isStopped(id),
  )
  const live = verifiers.filter(isLive)
  const isKept = (id: string): boolean => [...live, ...(isTaken ? [] : usable)].some((one) => one.id === id)
  const [newest] = verifiers
  const firstSeen = ({ id }: StoredVerifier): number => source.firstSeen[id] ?? input.now
  const about: RotationInput = {
    ...input,
    status: {
      observed: input.status.observed,
      ...present({ lastRotated: newest && firstSeen(newest) }),
    },
  }
  const isAtRest = sameVerifiers(verifiers, stored)
  const isListed = ({ id }: StoredVerifier): boolean =>
    source.verifiers.some((one) => one.id === id) || source.firstSeen[id] !== undefined
  const returning = open.flatMap(({ id }) => (hasEnded(id) ? [id] : []))
  const known = usable.filter((one) => source.firstSeen[one.id] !== undefined && !live.some(({ id }) => id === one.id))
  return {
    ...plan(about, {
      state: 'listed',
      verifiers,
      step: isAtRest ? { kind: 'rest' } : { kind: 'write-shard' },
      revoked: asksRevoke(about) && isAtRest,
    }),
    needed: isTaken ? listed.map(({ id }) => id) : [],
    listed: {
      verifiers: [...live.filter(isListed), ...known].map((one) => ({ ...one, firstSeen: firstSeen(one) })),
      ended: [...new Set([...stored.map(({ id }) => id), ...Object.keys(source.firstSeen)])].filter(
        (id) => !isKept(id) && !source.ended.includes(id),
      ),
      isTaken,
      returning,
      lacksNewest: returning.some((id) => id === sorted(open)[0]?.id),
      cut: isTaken ? listed.filter((one) => wasCut(usable, one)) : [],
    },
  }
}

/** A window says when the operator rotates, which it does not here. */
function withoutWindow({ window: _window, ...rotation }: RotationInput['rotation']): RotationInput['rotation'] {
  return { ...rotation, retire: 'AfterOverlap' }
}

const isOpen = ({ notAfter }: StoredVerifier): boolean => notAfter === undefined

/** Newest first: those without an end as they are listed, then those that end later. */
const sorted = (verifiers: readonly StoredVerifier[]): readonly StoredVerifier[] => [
  ...verifiers.filter(isOpen),
  ...verifiers
    .filter((one) => !isOpen(one))
    .toSorted((one, other) => other.notAfter! - one.notAfter! || (one.id < other.id ? -1 : 1)),
]

/** The end of an older secret: as listed, but no later than policies allow, and never later than it was. */
function endOf(
  { verifiers = [], rotation, now }: RotationInput,
  { id, notAfter }: StoredVerifier,
  { endsAsListed }: ListedSource,
): number | undefined {
  const before = verifiers.find((one) => one.id === id)?.notAfter
  if (notAfter === undefined && endsAsListed) return before
  return Math.min(notAfter ?? Infinity, before ?? now + rotation.maxOverlapMs)
}

/** A difference of clocks is no cut. Milliseconds. */
const toleratedCutMs = 60_000

const wasCut = (listed: readonly StoredVerifier[], { id, notAfter = Infinity }: StoredVerifier): boolean =>
  (listed.find((one) => one.id === id)?.notAfter ?? Infinity) - notAfter > toleratedCutMs

/** The secrets that the operator minted before the client listed its own. */
function mintedBefore(
  input: RotationInput,
  source: ListedSource,
  listed: readonly StoredVerifier[],
): readonly StoredVerifier[] {
  const { now, replicas, verifiers: stored = [] } = input
  if (!source.hasMinted || asksRevoke(input)) return []
  const isEverywhere =
    listed.every(({ id }) => stored.some((one) => one.id === id)) &&
    replicas.total > 0 &&
    replicas.serving &&
    replicas.unreachable === 0
  const end = isEverywhere ? now + overlapOf(input) : undefined
  const isOurs = ({ id }: StoredVerifier): boolean =>
    source.firstSeen[id] === undefined && !source.ended.includes(id) && !source.verifiers.some((one) => one.id === id)
  return stored
    .filter((one) => isOurs(one) && (one.notAfter ?? Infinity) > now)
    .map((one) => ({ ...one, ...present({ notAfter: one.notAfter ?? end }) }))
}
