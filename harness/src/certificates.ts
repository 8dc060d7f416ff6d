// Certificates as others make them: good, and wrong in every way.
import { X509Certificate, webcrypto } from 'node:crypto'
// brings reflect-metadata, without which the library below does not load
import '@nauthera/proto/certificate-facts'
import * as x509 from '@peculiar/x509'

/** A certificate and its key. */
export interface Made {
  readonly pem: string
  readonly der: Buffer
  readonly certificate: X509Certificate
  readonly keyPem: string
  readonly keys: webcrypto.CryptoKeyPair
  readonly subject: x509.Name
}

export interface Wanted {
  /** Undefined: it signs itself. */
  readonly issuer?: Made
  /** From the widest name to the narrowest. Default: CN=name. */
  readonly subject?: x509.JsonName
  /** It is a new one of the same name and key. */
  readonly renews?: Made
  readonly name?: string
  readonly dnsNames?: readonly string[]
  readonly uris?: readonly string[]
  /** It may issue others. */
  readonly authority?: boolean
  readonly pathLength?: number
  /** Hours from now. */
  readonly from?: number
  readonly until?: number
  /** OIDs; null: it has none. Default for a leaf: that of clients. */
  readonly usages?: readonly string[] | null
  readonly keyUsage?: x509.KeyUsageFlags | null
  readonly hash?: 'SHA-1' | 'SHA-256'
  /** RSA with so many bits, in place of P-256. */
  readonly rsaBits?: number
  readonly extensions?: readonly x509.Extension[]
}

const hour = 3_600_000
const clientAuth = '1.3.6.1.5.5.7.3.2'

export async function createCertificate(wanted: Wanted = {}): Promise<Made> {
  const { hash = 'SHA-256', rsaBits, issuer } = wanted
  const algorithm = rsaBits
    ? { name: 'RSASSA-PKCS1-v1_5', hash, modulusLength: rsaBits, publicExponent: Uint8Array.of(1, 0, 1) }
    : { name: 'ECDSA', namedCurve: 'P-256', hash }
  const keys =
    wanted.renews?.keys ??
    ((await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair)
  const subject = new x509.Name(
    wanted.subject ?? wanted.renews?.subject.toJSON() ?? [{ CN: [wanted.name ?? 'a certificate'] }],
  )
  const signer = issuer?.keys.privateKey ?? keys.privateKey
  const made = await x509.X509CertificateGenerator.create({
    serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(15)))
      .toString('hex')
      .replace(/^./, '1'),
    subject: subject.toJSON(),
    issuer: (issuer?.subject ?? subject).toJSON(),
    notBefore: new Date(Date.now() + (wanted.from ?? -1) * hour),
    notAfter: new Date(Date.now() + (wanted.until ?? 1) * hour),
    signingAlgorithm: { ...(signer.algorithm as object), hash } as never,
    publicKey: keys.publicKey as never,
    signingKey: signer as never,
    extensions: extensionsOf(wanted),
  })
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const der = Buffer.from(made.rawData)
  return {
    pem: made.toString('pem'),
    der,
    certificate: new X509Certificate(der),
    keyPem: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    keys,
    subject,
  }
}

function extensionsOf(wanted: Wanted): x509.Extension[] {
  const { authority = false, pathLength, dnsNames = [], uris = [] } = wanted
  const { usages = authority ? null : [clientAuth] } = wanted
  const { keyUsage = authority ? x509.KeyUsageFlags.keyCertSign : x509.KeyUsageFlags.digitalSignature } = wanted
  const names: x509.JsonGeneralName[] = [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...uris.map((value) => ({ type: 'url' as const, value })),
  ]
  return [
    new x509.BasicConstraintsExtension(authority, pathLength, true),
    ...(keyUsage === null ? [] : [new x509.KeyUsagesExtension(keyUsage, true)]),
    ...(usages === null ? [] : [new x509.ExtendedKeyUsageExtension(usages.slice())]),
    ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
    ...(wanted.extensions ?? []),
  ]
}

export { x509 }

/** As `jwks` has the certificate of a client that signs its own (RFC 8705 section 2.2.2). */
export const keySetOf = (...made: readonly Made[]) => ({
  keys: made.map(({ certificate, der }) => ({
    ...certificate.publicKey.export({ format: 'jwk' }),
    x5c: [der.toString('base64')],
  })),
})
