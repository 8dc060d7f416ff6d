// The certificate that a request shows, however it came here: by the TLS connection or in the header of a proxy.
import { X509Certificate } from 'node:crypto'

/** A certificate whose key the other side has: TLS has proved that, here or at a trusted proxy. Nothing else of it is proved yet. */
export interface ShownCertificate {
  readonly kind: 'certificate'
  readonly leaf: X509Certificate
  /** What came with it: authorities between it and one that is known, in any order. */
  readonly between: readonly X509Certificate[]
  /** The proxy that passed it on says that it trusts it not, such as one that was revoked. */
  readonly isDoubted: boolean
}

/** What a request shows. Unreadable: there is one, and nobody can say whose. */
export type Presented = ShownCertificate | { readonly kind: 'unreadable' } | { readonly kind: 'none' }

export const unreadable: Presented = { kind: 'unreadable' }
export const none: Presented = { kind: 'none' }

/** A leaf with its authorities; more is nobody's honest chain. */
const mostCertificates = 6

/** @param ders the leaf first
 *  @param isDoubted see ShownCertificate */
export function shown(ders: readonly Buffer[], { isDoubted }: { readonly isDoubted: boolean }): Presented {
  if (ders.length === 0 || ders.length > mostCertificates) return unreadable
  try {
    const [leaf, ...between] = ders.map(readDer)
    return { kind: 'certificate', leaf: leaf!, between, isDoubted }
  } catch {
    return unreadable
  }
}

/** @throws Error for anything but one certificate, with nothing before or after it */
function readDer(der: Buffer): X509Certificate {
  const certificate = new X509Certificate(der)
  if (!certificate.raw.equals(der)) throw new TypeError('this is no certificate in DER')
  return certificate
}

/** Of a connection that has asked its other side for a certificate.
 *  @param leaf with the authorities that it sent: each certificate leads to its issuer */
export function ofConnection(leaf: X509Certificate | undefined): Presented {
  if (leaf === undefined) return none
  const between: X509Certificate[] = []
  for (
    let next = leaf.issuerCertificate;
    next && between.length < mostCertificates - 1;
    next = next.issuerCertificate
  ) {
    if (between.some(({ fingerprint256 }) => fingerprint256 === next!.fingerprint256)) break
    between.push(next)
  }
  return { kind: 'certificate', leaf, between, isDoubted: false }
}
