// Verifiers of client secrets: SHA-256, since 256 random bits need no slow hash.
import { hash as hashOf, timingSafeEqual } from 'node:crypto'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { Verifier } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'

export interface LiveVerifier {
  /** The id of the secret in logs: first 8 hex of the hash. */
  readonly id: string
  /** 64 hex. A text, since a small Buffer keeps its whole 64 KiB slab in memory. */
  readonly sha256: string
  /** Epoch milliseconds as the operator wrote it; undefined for the newest. */
  readonly notAfter: number | undefined
  /** Monotonic milliseconds (performance.now) from which on the secret is refused; Infinity for the newest. */
  readonly deadline: number
}

export interface Clocks {
  /** Epoch milliseconds; may jump. */
  readonly wall: () => number
  /** Milliseconds since some instant; never jumps. */
  readonly monotonic: () => number
}

export const systemClocks: Clocks = { wall: () => Date.now(), monotonic: () => performance.now() }

/** Computes the deadlines once, from the wall clock: a later jump of the clock does not move them. A live verifier with the same
 *  `notAfter` keeps its deadline.
 *  @param live the client's verifiers so far */
export function applyVerifiers(
  verifiers: readonly Verifier[],
  live: readonly LiveVerifier[],
  clocks: Clocks,
): LiveVerifier[] {
  return verifiers.map((verifier) => {
    const notAfter = verifier.notAfter === undefined ? undefined : timestampMs(verifier.notAfter)
    const known = live.find((one) => one.id === verifier.id && one.notAfter === notAfter)
    const { id, sha256 } = verifier
    if (known !== undefined && known.sha256 === sha256) return known
    const deadline = notAfter === undefined ? Infinity : clocks.monotonic() + (notAfter - clocks.wall())
    return { id, sha256, notAfter, deadline }
  })
}

const nobody: LiveVerifier = { id: '', sha256: '0'.repeat(64), notAfter: undefined, deadline: -Infinity }

/** Finds the verifier that a presented secret matches, in constant time: every verifier is compared, dead ones too.
 *  @param presented the secret as text, any length
 *  @param monotonicNow milliseconds, by the clock that the deadlines were made with
 *  @returns its id, and whether a newer secret has replaced it; undefined when no live one matches; throws nothing
 *  Source: RFC 6749 section 2.3.1. */
export function matchVerifier(
  presented: string,
  verifiers: readonly LiveVerifier[],
  monotonicNow: number,
): { secretId: string; previous: boolean } | undefined {
  const hash = hashOf('sha256', presented, 'buffer')
  let matched: LiveVerifier | undefined
  for (const verifier of verifiers.length === 0 ? [nobody] : verifiers) {
    const equal = timingSafeEqual(hash, Buffer.from(verifier.sha256, 'hex'))
    if (equal && monotonicNow < verifier.deadline) matched = verifier
  }
  return matched && { secretId: matched.id, previous: matched.notAfter !== undefined }
}

/** The most recorded ids of ended secrets of a client. */
const mostEnded = 8

/** @param told ids in the entry, also from before this process
 *  @returns the known ids, then those of verifiers that left now; undefined for none */
export function endedIds(
  live: { readonly verifiers: readonly LiveVerifier[]; readonly ended?: readonly string[] | undefined } | undefined,
  next: readonly LiveVerifier[],
  told: readonly string[] = [],
): readonly string[] | undefined {
  const all = new Set([...told, ...(live?.ended ?? []), ...(live?.verifiers ?? []).map(({ id }) => id)])
  const ended = [...all].filter((id) => !next.some((one) => one.id === id)).slice(-mostEnded)
  return ended.length > 0 ? ended : undefined
}

/** @returns the id, if this is a known ended secret; otherwise undefined */
export function endedId(
  presented: string,
  {
    verifiers,
    ended = [],
  }: { readonly verifiers: readonly LiveVerifier[]; readonly ended?: readonly string[] | undefined },
): string | undefined {
  const id = hashOf('sha256', presented, 'hex').slice(0, 8)
  return ended.includes(id) || verifiers.some((one) => one.id === id) ? id : undefined
}
