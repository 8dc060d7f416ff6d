// Decides when a previous secret ends, when another rotation may begin, and whom to warn of its use.
import { lastRotatedOf, overlapOf } from './rotation-terms.ts'
import type { RotationInput, StoredVerifier } from './rotation-terms.ts'

const minuteMs = 60_000
const dayMs = 24 * 3_600_000

/** After a Secret was lost for this long, the oldest of three live secrets may end. Milliseconds. */
const noRoomMs = minuteMs

/** How often the use of a previous secret is checked, milliseconds. */
const usageLookMs = 5 * minuteMs
const usageWaitingMs = minuteMs

/** The longest life of the previous secret. With WhenUnused: until the next rotation is due, within the limit of policies. */
export function lifeOfPrevious(input: RotationInput): number {
  const { retire, maxOverlapMs, intervalMs = Infinity } = input.rotation
  const overlapMs = overlapOf(input)
  return retire === 'WhenUnused' ? Math.max(overlapMs, Math.min(maxOverlapMs, intervalMs)) : overlapMs
}

/** The live secrets after revokePrevious, when no rotation can begin: the newest, and the one in the application's Secret.
 *  @param verifiers newest first
 *  @param published sha256 of the one that the Secret holds; undefined when that is not known */
export function withoutPrevious(
  verifiers: readonly StoredVerifier[],
  published: string | undefined,
): readonly StoredVerifier[] {
  const at = verifiers.findIndex(({ sha256 }) => sha256 === published)
  const present = at < 0 ? verifiers : verifiers.slice(0, at + 1)
  return present.filter(({ notAfter, sha256 }) => notAfter === undefined || sha256 === published)
}

export function isRetired(input: RotationInput, previous: StoredVerifier): boolean {
  if (previous.notAfter !== undefined && previous.notAfter <= input.now) return true
  const unusedAt = unusedSince(input, previous)
  return input.rotation.retire === 'WhenUnused' && unusedAt !== undefined && input.now >= unusedAt
}

/** With WhenUnused: when the previous secret may end early. Undefined while a replica does not report uses. */
function unusedSince(input: RotationInput, previous: StoredVerifier): number | undefined {
  const { knownSince, lastUsed } = input.usage
  if (knownSince === undefined) return undefined
  const usedAt = Math.max(lastUsed[previous.id] ?? 0, publishedAt(input), knownSince)
  return Math.max(overlapEnds(input), usedAt + input.rotation.quietPeriodMs)
}

/** @returns whether previous secrets stay valid only because they are used */
export const awaitsDisuse = (input: RotationInput, previous: readonly StoredVerifier[]): boolean =>
  input.rotation.retire === 'WhenUnused' && previous.length > 0 && input.now >= overlapEnds(input)

/** When the oldest of three live secrets ends for another one. Epoch milliseconds. */
export const roomAt = ({ lostSince, now }: RotationInput): number => (lostSince ?? now) + noRoomMs

/** The times at which the state of previous secrets may change by itself. Epoch milliseconds. */
export function timesOfPrevious(input: RotationInput, previous: readonly StoredVerifier[]): readonly number[] {
  if (previous.length === 0) return []
  const { now, rotation } = input
  const first = publishedAt(input) + usageWaitingMs
  const look = awaitsDisuse(input, previous) ? usageWaitingMs : usageLookMs
  return [
    now + look,
    overlapEnds(input),
    ...(now < first ? [first] : []),
    ...previous.flatMap((one) => Object.values(warnings(input, one) ?? {})),
    ...(rotation.retire === 'WhenUnused' ? previous.flatMap((one) => unusedSince(input, one) ?? []) : []),
  ]
}

/** @returns the warning about a previous secret that ends soon and is used; undefined when there is none */
export function stillUsed(input: RotationInput, previous: readonly StoredVerifier[]): string | undefined {
  for (const one of previous) {
    const at = warnings(input, one)
    if (!at || one.notAfter === undefined) continue
    const end = new Date(one.notAfter).toISOString()
    if (input.now >= at.whenUsed && isUsed(input, one, one.notAfter))
      return `the previous secret ${one.id} is still used, and ends at ${end}: restart the programs that read it when they started`
    // with a fixed end there is no warning of unknown uses
    if (input.rotation.retire === 'WhenUnused' && input.now >= at.whenUnknown && !isKnown(input))
      return `the previous secret ${one.id} ends at ${end}, and replicas or the operator came and went too often to know whether it is still used: restart the programs that read it when they started`
  }
  return undefined
}

/** When to warn: half of its life before the end, at most a day. */
function warnings(
  input: RotationInput,
  { notAfter }: StoredVerifier,
): { readonly whenUsed: number; readonly whenUnknown: number } | undefined {
  if (notAfter === undefined) return undefined
  const aheadMs = Math.min(dayMs, lifeUntil(input, notAfter) / 2)
  return { whenUsed: notAfter - aheadMs, whenUnknown: notAfter - aheadMs / 2 }
}

/** Used after the publication and recently. */
function isUsed(input: RotationInput, { id }: StoredVerifier, notAfter: number): boolean {
  const lately = Math.min(input.rotation.quietPeriodMs, lifeUntil(input, notAfter) / 4)
  return (input.usage.lastUsed[id] ?? 0) > Math.max(publishedAt(input), input.now - lately)
}

const isKnown = ({ usage, rotation, now }: RotationInput): boolean =>
  usage.knownSince !== undefined && now >= usage.knownSince + rotation.quietPeriodMs

const publishedAt = (input: RotationInput): number => lastRotatedOf(input) ?? input.now
const overlapEnds = (input: RotationInput): number => publishedAt(input) + overlapOf(input)
const lifeUntil = (input: RotationInput, notAfter: number): number => Math.max(0, notAfter - publishedAt(input))
