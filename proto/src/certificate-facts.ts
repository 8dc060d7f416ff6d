// Reads the X.509 certificates of others; the one door to @peculiar/x509. Only a server with mutual TLS for clients loads it.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

/** The fields of a certificate that decide whether it is trusted. */
export interface CertificateFacts {
  /** The relative names of its subject in the order of the certificate, the widest first; each has the values by type: a short name such as
   *  CN, or an OID. A value that is no text begins with `#`. */
  readonly subject: readonly Readonly<Record<string, readonly string[]>>[]
  /** Subject alternative names. */
  readonly dnsNames: readonly string[]
  readonly uris: readonly string[]
  readonly isAuthority: boolean
  /** pathLenConstraint (RFC 5280 section 4.2.1.9). */
  readonly pathLength: number | undefined
  /** Undefined without the extension keyUsage. */
  readonly mayIssue: boolean | undefined
  readonly maySign: boolean | undefined
  /** Extended key usage; OIDs. */
  readonly usages: readonly string[] | undefined
  /** OIDs of its extensions, and of the critical ones. */
  readonly extensions: readonly string[]
  readonly critical: readonly string[]
  /** Of its signature, such as SHA-256; undefined where the algorithm has none of its own, such as Ed25519. */
  readonly hash: string | undefined
}

/** Whether the extended key usage allows TLS clients. `anyExtendedKeyUsage` alone does not: RFC 5280 section 4.2.1.12 leaves it open, and
 *  OpenSSL refuses it. */
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
  const { hash } = certificate.signatureAlgorithm
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
