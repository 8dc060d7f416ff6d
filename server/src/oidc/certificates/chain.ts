// Verifies the path from a certificate to a trusted CA (RFC 5280 section 6). OpenSSL compares signatures and names; the path search is
// here. It refuses name constraints and unknown critical extensions. It does not check revocation.
import type { X509Certificate } from 'node:crypto'
import type { CertificateFacts } from '@nauthera/proto/certificate-facts'
import { weakKeyFault } from '@nauthera/rules/weak-keys'
import type { ShownCertificate } from './presented.ts'
import type { CertificateRefusal } from './refusal.ts'

// loaded on demand: the library is large
const { factsOf, isForClients } = await import('@nauthera/proto/certificate-facts')

/** A CA certificate with its facts. */
export interface Authority {
  readonly certificate: X509Certificate
  readonly facts: CertificateFacts
}

export type Judged =
  | {
      readonly kind: 'trusted'
      readonly facts: CertificateFacts
      /** Epoch milliseconds: the end of the whole chain. */
      readonly until: number
    }
  | { readonly kind: 'refused'; readonly why: CertificateRefusal }

const refused = (why: CertificateRefusal): Judged => ({ kind: 'refused', why })

/** @param authorities trust anchors
 *  @param now epoch milliseconds */
export function judgeChain(
  { leaf, between }: Pick<ShownCertificate, 'leaf' | 'between'>,
  authorities: readonly Authority[],
  now: number,
): Judged {
  const untimely = timeFault(leaf, now)
  if (untimely !== undefined) return refused(untimely)
  const way = climb(leaf, 0, { untried: new Set(between), authorities, now })
  if (typeof way === 'string') return refused(way)
  const facts = tryFacts(leaf)
  if (facts === undefined) return refused('unreadable-certificate')
  const why = leafFault(leaf, facts)
  if (why !== undefined) return refused(why)
  const chain = [leaf, ...way]
  return {
    kind: 'trusted',
    facts,
    until: Math.min(...chain.map(({ validToDate }) => validToDate.getTime())),
  }
}

/** @returns the fault of its validity at this time, epoch milliseconds */
export function timeFault(
  { validFromDate, validToDate }: X509Certificate,
  now: number,
): 'expired-certificate' | 'certificate-not-yet-valid' | undefined {
  // an unreadable date compares as false, so the certificate is invalid
  if (!(now <= validToDate.getTime())) return 'expired-certificate'
  return now >= validFromDate.getTime() ? undefined : 'certificate-not-yet-valid'
}

interface Ground {
  /** Each is tried once, so circles of certificates cost nothing extra. */
  readonly untried: Set<X509Certificate>
  readonly authorities: readonly Authority[]
  readonly now: number
}

/** The most intermediate CAs. */
const mostBetween = 4

/** Tries every authority that has signed: one that is over, or of another root, may stand beside the good one of the same name and key.
 *  X509ChainBuilder of @peculiar/x509 takes the first.
 *  @param depth the number of intermediates so far
 *  @returns the CAs up to a trust anchor, or why there is no path */
function climb(
  certificate: X509Certificate,
  depth: number,
  ground: Ground,
): readonly X509Certificate[] | CertificateRefusal {
  let why: CertificateRefusal = 'unknown-issuer'
  for (const authority of ground.authorities) {
    if (!isIssuedBy(certificate, authority.certificate)) continue
    if (mayHaveIssued(authority, depth, ground.now)) return [authority.certificate]
    why = 'unusable-issuer'
  }
  if (depth >= mostBetween) return why
  for (const next of ground.untried) {
    if (!isIssuedBy(certificate, next)) continue
    ground.untried.delete(next)
    const facts = tryFacts(next)
    const way =
      facts !== undefined && mayHaveIssued({ certificate: next, facts }, depth, ground.now)
        ? climb(next, depth + 1, ground)
        : 'unusable-issuer'
    if (typeof way !== 'string') return [next, ...way]
    if (way !== 'unknown-issuer') why = way
  }
  return why
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
  } catch {
    // a kind of key that OpenSSL does not know
    return false
  }
}

/** @param depth the number of intermediates below it */
function mayHaveIssued({ certificate, facts }: Authority, depth: number, now: number): boolean {
  return (
    timeFault(certificate, now) === undefined &&
    authorityFault(certificate, facts) === undefined &&
    (facts.pathLength === undefined || depth <= facts.pathLength)
  )
}

/** @returns why a certificate is unusable as a CA, for the administrator */
export function authorityFault(certificate: X509Certificate, facts: CertificateFacts): string | undefined {
  if (!facts.isAuthority) return 'is that of no authority (CA:TRUE is missing)'
  if (facts.mayIssue === false) return 'may sign no certificates (its key usage lacks keyCertSign)'
  if (!isForClients(facts)) return 'may name no clients (its extended key usage lacks clientAuth)'
  if (facts.extensions.includes(nameConstraints))
    return 'is limited to some names (name constraints), which are not checked here; take an authority without them'
  if (hasUnknownCritical(facts)) return 'has a critical extension that is not known here'
  return isWeak(certificate, facts) ? 'has a key or a signature that is too weak' : undefined
}

function leafFault(leaf: X509Certificate, facts: CertificateFacts): CertificateRefusal | undefined {
  if (facts.isAuthority || facts.maySign === false || hasUnknownCritical(facts)) return 'not-for-clients'
  if (!isForClients(facts)) return 'not-for-clients'
  return isWeak(leaf, facts) ? 'weak-certificate' : undefined
}

const nameConstraints = '2.5.29.30'

/** Known extensions. Checked: basic constraints, key usage, extended key usage, subject alternative name. Ignored: certificate policies,
 *  key identifiers. */
const knownExtensions = ['2.5.29.19', '2.5.29.15', '2.5.29.37', '2.5.29.17', '2.5.29.32', '2.5.29.14', '2.5.29.35']

/** A repeated extension is ambiguous, so it is refused too. */
const hasUnknownCritical = ({ critical, extensions }: CertificateFacts): boolean =>
  critical.some((oid) => !knownExtensions.includes(oid)) || new Set(extensions).size < extensions.length

const isWeak = ({ publicKey }: X509Certificate, { hash }: CertificateFacts): boolean =>
  weakKeyFault(publicKey) !== undefined || (hash !== undefined && /^(md|sha-?1$)/i.test(hash))

/** @returns undefined when it cannot be read */
export function tryFacts(certificate: X509Certificate): CertificateFacts | undefined {
  try {
    return factsOf(certificate.raw)
  } catch {
    return undefined
  }
}
