// Makes a CA and issues leaves: X.509 version 3 (RFC 5280), ECDSA with P-256 and SHA-256 throughout. @peculiar/asn1-x509 writes what node:crypto signs.
// certificate-facts.ts reads the certificates of others.
import { X509Certificate, createHash, createPrivateKey, generateKeyPair, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import * as asn1 from '@peculiar/asn1-x509'
import { renewalOf, splitPem, validityOf } from './certificate-source.ts'

export { renewalOf, splitPem, validityOf }

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
  const subject = nameOf(options.name)
  return certify(keys, {
    subject,
    issuer: { name: subject, key: keys.privateKey },
    ...lifetime(options),
    extensions: [
      extension(asn1.id_ce_basicConstraints, new asn1.BasicConstraints({ cA: true, pathLenConstraint: 0 }), 'critical'),
      extension(asn1.id_ce_keyUsage, new asn1.KeyUsage(keyCertSign | cRLSign), 'critical'),
      extension(asn1.id_ce_subjectKeyIdentifier, identifierOf(keys.publicKey)),
    ],
  })
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
  const { dnsNames = [], uris = [] } = options
  const issuer = new X509Certificate(authority.cert)
  const key = createPrivateKey(authority.key)
  if (!issuer.checkPrivateKey(key)) throw new Error('the key is not that of the authority')
  if (key.asymmetricKeyDetails?.namedCurve !== curve) throw new Error('the key of the authority is not of P-256')
  const { subject: name, subjectPublicKeyInfo } = AsnConvert.parse(issuer.raw, asn1.Certificate).tbsCertificate
  const keys = await newKeys()
  const names = [
    ...dnsNames.map((dNSName) => new asn1.GeneralName({ dNSName })),
    ...uris.map((uniformResourceIdentifier) => new asn1.GeneralName({ uniformResourceIdentifier })),
  ]
  const keyIdentifier = identifierOf(subjectPublicKeyInfo)
  return certify(keys, {
    subject: nameOf(dnsNames[0] ?? uris[0] ?? 'nauthera'),
    issuer: { name, key },
    ...lifetime({ lifetimeMs: leafLifetimeMs, ...options }),
    extensions: [
      extension(asn1.id_ce_basicConstraints, new asn1.BasicConstraints(), 'critical'),
      extension(asn1.id_ce_keyUsage, new asn1.KeyUsage(digitalSignature), 'critical'),
      extension(asn1.id_ce_extKeyUsage, new asn1.ExtendedKeyUsage([...extendedUsages[options.usage]])),
      ...(names.length > 0 ? [extension(asn1.id_ce_subjectAltName, new asn1.SubjectAlternativeName(names))] : []),
      extension(asn1.id_ce_subjectKeyIdentifier, identifierOf(keys.publicKey)),
      extension(asn1.id_ce_authorityKeyIdentifier, new asn1.AuthorityKeyIdentifier({ keyIdentifier })),
    ],
  })
}

/** @returns a bundle of the newest CA and the earlier ones that have not expired: a peer with a leaf of an earlier CA
 *  is accepted until it has a new leaf. Duplicates are removed.
 *  @param previous earlier bundles; certificates in them that cannot be read are left out */
export function bundleAuthorities(newest: string, previous: readonly string[], now = Date.now()): string {
  const kept = new Map<string, string>()
  for (const pem of [newest, ...previous].flatMap(splitPem)) {
    try {
      const certificate = new X509Certificate(pem)
      if (Date.parse(certificate.validTo) > now) kept.set(certificate.fingerprint256, pem)
    } catch {
      // left out: one damaged certificate would make TLS refuse the whole bundle
    }
  }
  return [...kept.values()].map((pem) => `${pem}\n`).join('')
}

/** @returns whether the authority issued the certificate, by signature */
export function isIssuedBy(certificatePem: string, authorityPem: string): boolean {
  return new X509Certificate(certificatePem).verify(new X509Certificate(authorityPem).publicKey)
}

/** @returns the DNS names that a certificate is for */
export function dnsNamesOf(certificatePem: string): string[] {
  const names = new X509Certificate(certificatePem).subjectAltName?.split(', ') ?? []
  return names.filter((name) => name.startsWith('DNS:')).map((name) => name.slice(4))
}

const curve = 'prime256v1'

const oids = { commonName: '2.5.4.3', ecdsaWithSha256: '1.2.840.10045.4.3.2' } as const

const { digitalSignature, keyCertSign, cRLSign } = asn1.KeyUsageFlags
const extendedUsages: Readonly<Record<'server' | 'client' | 'both', readonly string[]>> = {
  server: [asn1.id_kp_serverAuth],
  client: [asn1.id_kp_clientAuth],
  both: [asn1.id_kp_serverAuth, asn1.id_kp_clientAuth],
}

function lifetime(options: { lifetimeMs: number; now?: number }): { notBefore: Date; notAfter: Date } {
  const now = options.now ?? Date.now()
  const early = Math.min(2 * hourMs, options.lifetimeMs / 4)
  return { notBefore: new Date(now - early), notAfter: new Date(now + options.lifetimeMs) }
}

interface Keys {
  readonly publicKey: asn1.SubjectPublicKeyInfo
  readonly privateKey: KeyObject
}

async function newKeys(): Promise<Keys> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: curve })
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return { publicKey: AsnConvert.parse(der, asn1.SubjectPublicKeyInfo), privateKey }
}

/** RFC 5280 section 4.1: signs what a certificate says of a key. */
function certify(
  { publicKey, privateKey }: Keys,
  says: {
    readonly subject: asn1.Name
    readonly issuer: { readonly name: asn1.Name; readonly key: KeyObject }
    readonly notBefore: Date
    readonly notAfter: Date
    readonly extensions: asn1.Extension[]
  },
): Identity {
  const { subject, issuer, notBefore, notAfter, extensions } = says
  const signatureAlgorithm = new asn1.AlgorithmIdentifier({ algorithm: oids.ecdsaWithSha256 })
  const tbsCertificate = new asn1.TBSCertificate({
    version: asn1.Version.v3,
    serialNumber: newSerial(),
    signature: signatureAlgorithm,
    issuer: issuer.name,
    validity: new asn1.Validity({ notBefore, notAfter }),
    subject,
    subjectPublicKeyInfo: publicKey,
    extensions: new asn1.Extensions(extensions),
  })
  const signed = new Uint8Array(AsnConvert.serialize(tbsCertificate))
  const signatureValue = Uint8Array.from(sign('sha256', signed, issuer.key)).buffer
  const certificate = new asn1.Certificate({ tbsCertificate, signatureAlgorithm, signatureValue })
  return {
    cert: new X509Certificate(new Uint8Array(AsnConvert.serialize(certificate))).toString(),
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  }
}

const extension = (extnID: string, value: object, criticality?: 'critical'): asn1.Extension =>
  new asn1.Extension({
    extnID,
    critical: criticality === 'critical',
    extnValue: new OctetString(AsnConvert.serialize(value)),
  })

function nameOf(commonName: string): asn1.Name {
  const value = new asn1.AttributeValue({ utf8String: commonName })
  const attribute = new asn1.AttributeTypeAndValue({ type: oids.commonName, value })
  return new asn1.Name([new asn1.RelativeDistinguishedName([attribute])])
}

/** RFC 5280 section 4.2.1.2, method 1. */
const identifierOf = ({ subjectPublicKey }: asn1.SubjectPublicKeyInfo): asn1.SubjectKeyIdentifier =>
  new asn1.SubjectKeyIdentifier(createHash('sha1').update(new Uint8Array(subjectPublicKey)).digest())

/** 16 bytes, 126 of their bits by chance: RFC 5280 section 4.1.2.2 wants them positive, and DER no zeros before them. */
function newSerial(): ArrayBuffer {
  const bytes = Uint8Array.from(randomBytes(16))
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return bytes.buffer
}
