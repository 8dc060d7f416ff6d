// The id by which log and status name a secret.
import { digestOf, shortDigest } from '@nauthera/proto/digest'
import type { Secret } from '@nauthera/runtime/log'

/** @returns what everybody but the application knows of a secret: its SHA-256, and the first 8 hex of that. */
export function identifySecret(plain: Secret): { readonly id: string; readonly sha256: string } {
  const sha256 = digestOf(plain.reveal())
  return { id: shortDigest(sha256), sha256 }
}

/** @returns whether it looks like 256 random bits as we write them: a weak value does not */
export function hasMintedForm(plain: Secret): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(plain.reveal())
}
