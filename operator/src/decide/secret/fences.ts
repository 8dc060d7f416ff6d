// Marks on the application's Secret that stop an earlier leader: its write of a dropped secret gets a conflict.
import { lastRotatedOf, observedOf } from './rotation-terms.ts'
import type { RotationInput, SecretMarks, StoredVerifier } from './rotation-terms.ts'

/** While one leader is paused, fewer others than this come and go. */
const rememberedFences = 16

const fencesOf = ({ secret }: RotationInput): readonly string[] =>
  secret.kind === 'owned' ? (secret.fence?.split(',') ?? []) : []

export const isFenced = (input: RotationInput, id: string): boolean => fencesOf(input).includes(id)

/** An earlier fence stays: the leader that it stops may still be paused when the next one is written. */
export const withFence = (input: RotationInput, id: string): string =>
  [id, ...fencesOf(input)].slice(0, rememberedFences).join(',')

/** An earlier leader may still publish a verifier over an edited Secret. Before such a verifier is dropped, the Secret is written once:
 *  its value stays the edited one, but the write of the earlier leader now gets a conflict. */
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
