// The certificates that we make, beside those of a library for the same keys, times and names.
import 'reflect-metadata'
import { X509Certificate, webcrypto } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import { Certificate } from '@peculiar/asn1-x509'
import * as x509 from '@peculiar/x509'
import { expect } from 'chai'
import { createAuthority, issueLeaf } from '../src/certificates.ts'
import type { Identity } from '../src/certificates.ts'

x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0])
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** What is signed; the signature is another one each time. */
const signedPartOf = (raw: Uint8Array): string =>
  Buffer.from(AsnConvert.parse(raw, Certificate).tbsCertificateRaw!).toString('hex')
/** The library itself would take a PrintableString where it can; RFC 5280 section 4.1.2.4 takes both. Its types know only that. */
const utf8Name = (text: string): x509.JsonName => [{ CN: [{ utf8String: text } as unknown as string] }]
const rawOf = ({ cert }: Identity) => new X509Certificate(cert).raw
const keyOf = ({ key }: Identity) =>
  webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(key), algorithm, true, ['sign'])
/** Serial number, times and key of one that we made. */
function fieldsOf(identity: Identity) {
  const { serialNumber, notBefore, notAfter, publicKey } = new x509.X509Certificate(rawOf(identity))
  return { fields: { serialNumber, notBefore, notAfter, signingAlgorithm: algorithm }, publicKey }
}

describe('a certificate of ours', () => {
  const years = ['2026-11-25T00:00:00Z', '2051-01-02T03:04:05Z'].map((text) => Date.parse(text))

  for (const now of years) {
    it(`is byte for byte that of a library: an authority of ${new Date(now).getUTCFullYear()}`, async () => {
      for (let turn = 0; turn < 20; turn++) {
        const ours = await createAuthority({ name: 'nauthera pod é', lifetimeMs: 3_600_000, now })
        const { fields, publicKey } = fieldsOf(ours)
        const theirs = await x509.X509CertificateGenerator.createSelfSigned({
          ...fields,
          name: utf8Name('nauthera pod é'),
          keys: { publicKey: await publicKey.export(algorithm, ['verify']), privateKey: await keyOf(ours) },
          extensions: [
            new x509.BasicConstraintsExtension(true, 0, true),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
            await x509.SubjectKeyIdentifierExtension.create(publicKey),
          ],
        })
        expect(signedPartOf(rawOf(ours))).to.equal(signedPartOf(Buffer.from(theirs.rawData)))
      }
    })
  }

  for (const usage of ['server', 'client', 'both'] as const) {
    it(`is byte for byte that of a library: a leaf for ${usage}, of an authority of ours or of theirs`, async () => {
      const own = await createAuthority({ name: 'pod', lifetimeMs: 3_600_000 })
      for (const authority of [own, await authorityOfLibrary()]) {
        const dnsNames = ['login-agent.auth', `${'long'.repeat(40)}.auth`]
        const uris = ['spiffe://auth/agent']
        const ours = await issueLeaf(authority, { usage, dnsNames, uris })
        const { fields, publicKey } = fieldsOf(ours)
        const issuer = new x509.X509Certificate(authority.cert)
        const { serverAuth, clientAuth } = x509.ExtendedKeyUsage
        const usages = { server: [serverAuth], client: [clientAuth], both: [serverAuth, clientAuth] }[usage]
        const theirs = await x509.X509CertificateGenerator.create({
          ...fields,
          subject: utf8Name(dnsNames[0]!),
          issuer: issuer.subjectName,
          publicKey,
          signingKey: await keyOf(authority),
          extensions: [
            new x509.BasicConstraintsExtension(false, undefined, true),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
            new x509.ExtendedKeyUsageExtension(usages),
            new x509.SubjectAlternativeNameExtension([
              ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
              ...uris.map((value) => ({ type: 'url' as const, value })),
            ]),
            await x509.SubjectKeyIdentifierExtension.create(publicKey),
            await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
          ],
        })
        expect(signedPartOf(rawOf(ours))).to.equal(signedPartOf(Buffer.from(theirs.rawData)))
        const [leaf, parent] = [ours, authority].map(({ cert }) => new X509Certificate(cert))
        expect([leaf!.checkIssued(parent!), leaf!.verify(parent!.publicKey)]).to.deep.equal([true, true])
      }
    })
  }

  /** As another program makes it. */
  async function authorityOfLibrary(): Promise<Identity> {
    const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: '01',
      name: [{ CN: ['nauthera link'] }],
      notBefore: new Date(),
      notAfter: new Date(Date.now() + 3_600_000),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
    return { cert: certificate.toString('pem'), key }
  }
})
