// The one door to the X.509 builder: makes a CA, issues leaves (ECDSA P-256 throughout), and reads what a certificate of others says.
import 'reflect-metadata'
import { X509Certificate as NodeCertificate, randomBytes, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { renewalOf, splitPem, validityOf } from './certificate-source.ts'

export { renewalOf, splitPem, validityOf }

x509.cryptoProvider.set(webcrypto)

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const hourMs = 3_600_000

/** The default lifetime of a leaf. Milliseconds. */
export const leafLifetimeMs = 24 * hourMs

/** A certificate and its private key (PKCS #8), both PEM. */
export interface Identity {
  readonly cert: string
  readonly key: string
}

/** Makes a self-signed CA that may issue leaves and nothing else.
 *  @param options.lifetimeMs from now on */
export async function createAuthority(options: { name: string; lifetimeMs: number; now?: number }): Promise<Identity> {
  const keys = await newKeys()
  const { notBefore, notAfter } = lifetime(options)
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: [options.name] }],
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: certificate.toString('pem') + '\n', key: await exportKey(keys.privateKey) }
}

/** Issues a leaf. It is valid from 2 hours before now, or a quarter of a shorter lifetime, so that a peer whose clock
 *  is slow accepts it.
 *  @param options.usage TLS refuses a leaf that is used for the other side
 *  @param options.lifetimeMs from now on; default 24 h
 *  @throws Error when the authority cannot be read */
export async function issueLeaf(
  authority: Identity,
  options: {
    usage: 'server' | 'client' | 'both'
    dnsNames?: readonly string[]
    uris?: readonly string[]
    lifetimeMs?: number
    now?: number
  },
): Promise<Identity> {
  const issuer = new x509.X509Certificate(authority.cert)
  const signingKey = await importKey(authority.key)
  const keys = await newKeys()
  const { notBefore, notAfter } = lifetime({ lifetimeMs: leafLifetimeMs, ...options })
  const names: x509.JsonGeneralName[] = [
    ...(options.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(options.uris ?? []).map((value) => ({ type: 'url' as const, value })),
  ]
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: [options.dnsNames?.[0] ?? options.uris?.[0] ?? 'nauthera'] }],
    issuer: issuer.subjectName,
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(extendedUsages[options.usage]),
      new x509.SubjectAlternativeNameExtension(names),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  return { cert: certificate.toString('pem') + '\n', key: await exportKey(keys.privateKey) }
}

/** @returns a bundle of the newest CA and the earlier ones that have not expired: a peer with a leaf of an earlier CA
 *  is accepted until it has a new leaf. Duplicates are removed.
 *  @param previous earlier bundles; certificates in them that cannot be read are left out */
export function bundleAuthorities(newest: string, previous: readonly string[], now = Date.now()): string {
  const kept = new Map<string, string>()
  for (const pem of [newest, ...previous].flatMap(splitPem)) {
    try {
      const certificate = new NodeCertificate(pem)
      if (Date.parse(certificate.validTo) > now) kept.set(certificate.fingerprint256, pem)
    } catch {
      // left out: one damaged certificate would make TLS refuse the whole bundle
    }
  }
  return [...kept.values()].map((pem) => `${pem}\n`).join('')
}

/** @returns whether the authority issued the certificate, by signature */
export function isIssuedBy(certificatePem: string, authorityPem: string): boolean {
  return new NodeCertificate(certificatePem).verify(new NodeCertificate(authorityPem).publicKey)
}

/** @returns the DNS names that a certificate is for */
export function dnsNamesOf(certificatePem: string): string[] {
  const names = new NodeCertificate(certificatePem).subjectAltName?.split(', ') ?? []
  return names.filter((name) => name.startsWith('DNS:')).map((name) => name.slice(4))
}

const extendedUsages: Record<'server' | 'client' | 'both', string[]> = {
  server: [x509.ExtendedKeyUsage.serverAuth],
  client: [x509.ExtendedKeyUsage.clientAuth],
  both: [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth],
}

function lifetime(options: { lifetimeMs: number; now?: number }): { notBefore: Date; notAfter: Date } {
  const now = options.now ?? Date.now()
  const early = Math.min(2 * hourMs, options.lifetimeMs / 4)
  return { notBefore: new Date(now - early), notAfter: new Date(now + options.lifetimeMs) }
}

/** 127 random bits: RFC 5280 section 4.1.2.2 wants them positive. */
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = bytes[0]! & 0x7f
  return bytes.toString('hex')
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY') + '\n'
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = x509.PemConverter.decodeFirst(pem)
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']) as Promise<webcrypto.CryptoKey>
}

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

/** What an extended key usage has to name for a client of TLS: one of these. */
export const clientUsages: readonly string[] = [x509.ExtendedKeyUsage.clientAuth, '2.5.29.37.0']

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
