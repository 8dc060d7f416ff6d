// The id of a secret in log and status.
import { digestOf, shortDigest } from '@nauthera/proto/digest'
import type { Secret } from '@nauthera/runtime/secret'

/** @returns the verifier of a secret (SHA-256), and its id: the first 8 hex. */
export function identifySecret(plain: Secret): { readonly id: string; readonly sha256: string } {
  const sha256 = digestOf(plain.reveal())
  return { id: shortDigest(sha256), sha256 }
}

/** The id of a value that may be a secret. */
export const secretIdOf = (value: string): string => shortDigest(digestOf(value))

/** @returns whether it has the form of a minted secret (256 bits); a weak value does not */
export function hasMintedForm(plain: Secret): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(plain.reveal())
}
