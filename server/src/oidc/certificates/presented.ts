// The client certificate of a request, from TLS or from a proxy's header.
import { X509Certificate, hash } from 'node:crypto'
import { BoundedMap } from '@nauthera/runtime/bounded-map'

/** A certificate whose private key TLS has proved, here or at a trusted proxy. Nothing else is verified yet. */
export interface ShownCertificate {
  readonly kind: 'certificate'
  readonly leaf: X509Certificate
  /** The intermediate certificates, in any order. */
  readonly between: readonly X509Certificate[]
  /** The proxy reports that it does not trust it, for example since it is revoked. */
  readonly isDoubted: boolean
}

/** `unreadable`: there is a certificate, but it cannot be parsed. */
export type Presented = ShownCertificate | { readonly kind: 'unreadable' } | { readonly kind: 'none' }

export const unreadable: Presented = { kind: 'unreadable' }
export const none: Presented = { kind: 'none' }

/** The most certificates of a chain. */
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

/** By the hash of their bytes: a proxy sends the same with each request. It takes kilobytes outside of the heap,
 *  and time to read. The weights are bytes of DER. */
const kept = new BoundedMap<X509Certificate>({ entries: 1000, weight: 4 * 1024 * 1024 })

/** @throws Error unless the bytes are exactly one certificate */
function readDer(der: Buffer): X509Certificate {
  const id = hash('sha256', der)
  const known = kept.get(id)
  if (known !== undefined) return known
  const certificate = new X509Certificate(der)
  if (!certificate.raw.equals(der)) throw new TypeError('this is no certificate in DER')
  kept.set(id, certificate, der.length)
  return certificate
}

/** The certificate of a TLS connection.
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
