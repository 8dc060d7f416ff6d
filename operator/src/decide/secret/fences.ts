// Fences: marks on the application's Secret. They make a former leader's write of a dropped secret fail with a conflict.
import { lastRotatedOf, observedOf } from './rotation-terms.ts'
import type { RotationInput, SecretMarks, StoredVerifier } from './rotation-terms.ts'

/** How many fences the annotation keeps. */
const rememberedFences = 16

const fencesOf = ({ secret }: RotationInput): readonly string[] =>
  secret.kind === 'owned' ? (secret.fence?.split(',') ?? []) : []

export const isFenced = (input: RotationInput, id: string): boolean => fencesOf(input).includes(id)

/** Keeps earlier fences: the leader that one stops may still be paused. */
export const withFence = (input: RotationInput, id: string): string =>
  [id, ...fencesOf(input)].slice(0, rememberedFences).join(',')

/** A former leader could still publish a verifier over an edited Secret. So before that verifier is dropped, the Secret is written once:
 *  its value stays, and the former leader's write gets a conflict. */
export function fenceBefore(
  input: RotationInput,
  live: readonly StoredVerifier[],
  kept: readonly StoredVerifier[],
): SecretMarks | undefined {
  const dropped = live.find((one) => one.notAfter === undefined && !kept.some(({ id }) => id === one.id))
  const { secret } = input
  if (!dropped || secret.kind !== 'owned' || secret.sha256 === undefined || isFenced(input, dropped.id))
    return undefined
  return {
    secretId: secret.sha256.slice(0, 8),
    rotatedAt: lastRotatedOf(input) ?? input.now,
    verifiers: kept,
    observed: observedOf(input),
    fence: withFence(input, dropped.id),
  }
}
