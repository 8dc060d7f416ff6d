// The one door to the library that reads X.509: what a certificate of others says. Only a server that takes certificates of clients loads it.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

/** What a certificate says, as far as whoever judges it needs to know. */
export interface CertificateFacts {
  /** The relative names of its subject in the order of the certificate, the widest first; each has the values by type: a short name such as
   *  CN, or an OID. A value that is no text begins with `#`. */
  readonly subject: readonly Readonly<Record<string, readonly string[]>>[]
  /** Subject alternative names. */
  readonly dnsNames: readonly string[]
  readonly uris: readonly string[]
  readonly isAuthority: boolean
  /** How many authorities may stand between this one and a leaf. */
  readonly pathLength: number | undefined
  /** Undefined where it does not say for what its key is. */
  readonly mayIssue: boolean | undefined
  readonly maySign: boolean | undefined
  /** Extended key usage; OIDs. */
  readonly usages: readonly string[] | undefined
  /** OIDs of its extensions, and of those that nobody may ignore. */
  readonly extensions: readonly string[]
  readonly critical: readonly string[]
  /** Of its signature, such as SHA-256; undefined where the algorithm has none of its own, such as Ed25519. */
  readonly hash: string | undefined
}

/** Whether a certificate, or an authority above it, may stand for a client of TLS: its extended key usage, where there is one, names clients. `Any` alone does
 *  not (RFC 5280 section 4.2.1.12 leaves it open; OpenSSL says no). */
export const isForClients = ({ usages }: Pick<CertificateFacts, 'usages'>): boolean =>
  usages === undefined || usages.includes(x509.ExtendedKeyUsage.clientAuth)

/** @throws Error when it cannot be read */
export function factsOf(der: Uint8Array): CertificateFacts {
  const certificate = new x509.X509Certificate(Uint8Array.from(der))
  const { extensions } = certificate
  const constraints = certificate.getExtension(x509.BasicConstraintsExtension)
  const usage = certificate.getExtension(x509.KeyUsagesExtension)?.usages
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? []
  const ofType = (type: string) => names.filter((name) => name.type === type).map(({ value }) => value)
  const { hash } = certificate.signatureAlgorithm as { hash?: { name?: string } | string }
  return {
    subject: certificate.subjectName.toJSON(),
    dnsNames: ofType('dns'),
    uris: ofType('url'),
    isAuthority: constraints?.ca === true,
    pathLength: constraints?.pathLength,
    mayIssue: usage === undefined ? undefined : (usage & x509.KeyUsageFlags.keyCertSign) !== 0,
    maySign: usage === undefined ? undefined : (usage & x509.KeyUsageFlags.digitalSignature) !== 0,
    usages: certificate.getExtension(x509.ExtendedKeyUsageExtension)?.usages.map(String),
    extensions: extensions.map(({ type }) => type),
    critical: extensions.filter(({ critical }) => critical).map(({ type }) => type),
    hash: typeof hash === 'string' ? hash : hash?.name,
  }
}
