// Says which RSA keys of others are too weak to rely on (NIST SP 800-131A, FIPS 186-5 appendix A.1.1).
import type { KeyObject } from 'node:crypto'

/** RFC 7518 sections 3.3 and 3.5; libraries do not verify with a shorter one. */
const leastBits = 2048
/** With an exponent of 1 a signature is the signed text itself, so anybody can make one. A huge one only costs time. */
const exponents = { least: 65_537n, most: 2n ** 256n }

/** @returns why nobody may rely on the key; undefined for a sound one, and for one without modulus */
export function weakKeyFault({ asymmetricKeyDetails }: Pick<KeyObject, 'asymmetricKeyDetails'>): string | undefined {
  const { modulusLength: bits, publicExponent: exponent } = asymmetricKeyDetails ?? {}
  if (bits !== undefined && bits < leastBits) return `must have at least ${leastBits} bits`
  if (exponent === undefined) return undefined
  const isSound = exponent % 2n === 1n && exponent >= exponents.least && exponent < exponents.most
  return isSound ? undefined : `must have an odd exponent (e) of ${exponents.least} or more, such as AQAB`
}
