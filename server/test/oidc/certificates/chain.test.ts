import { expect } from 'chai'
import { createCertificate, x509 } from '@nauthera/harness/certificates'
import type { Made, Wanted } from '@nauthera/harness/certificates'
import { judgeChain, tryFacts } from '../../../src/oidc/certificates/chain.ts'
import type { Authority, Judged } from '../../../src/oidc/certificates/chain.ts'

// Certificates that lead to an authority, and all those that only seem to (RFC 5280 section 6).

const authorityOf = ({ certificate }: Made): Authority => ({ certificate, facts: tryFacts(certificate)! })
const judge = (leaf: Made, known: readonly Made[], between: readonly Made[] = [], now = Date.now()): Judged =>
  judgeChain(
    { leaf: leaf.certificate, between: between.map(({ certificate }) => certificate) },
    known.map(authorityOf),
    now,
  )
const outcome = (judged: Judged): string => (judged.kind === 'trusted' ? 'trusted' : judged.why)
const ca = (wanted: Wanted = {}) => createCertificate({ name: 'authority', authority: true, ...wanted })
const oid = (type: string, critical: boolean) => new x509.Extension(type, critical, Uint8Array.of(0x05, 0x00))
/** Only names below example.com. */
const nameConstraints = (critical: boolean) =>
  new x509.Extension('2.5.29.30', critical, Buffer.from('3011a00f300d820b6578616d706c652e636f6d', 'hex'))

describe('judgeChain', () => {
  let root: Made
  let middle: Made
  let leaf: Made
  before(async () => {
    root = await ca({ name: 'root' })
    middle = await ca({ name: 'middle', issuer: root })
    leaf = await createCertificate({ name: 'leaf', issuer: middle, dnsNames: ['a.example.com'] })
  })

  it('takes a leaf of a known authority, with what it says and how long the whole chain is valid', async () => {
    const direct = await createCertificate({ issuer: root, until: 500, uris: ['urn:a'] })
    const judged = judge(direct, [root])
    expect(judged).to.deep.include({ kind: 'trusted', until: root.certificate.validToDate.getTime() })
    expect(judged.kind === 'trusted' && judged.facts.uris).to.deep.equal(['urn:a'])
  })

  it('takes one whose authority came with it, in whatever company, or is known itself', async () => {
    expect(outcome(judge(leaf, [root], [middle]))).to.equal('trusted')
    expect(outcome(judge(leaf, [root], [root, leaf, await ca(), middle]))).to.equal('trusted')
    expect(outcome(judge(leaf, [middle]))).to.equal('trusted')
    expect(outcome(judge(leaf, [root]))).to.equal('unknown-issuer')
  })

  it('does not take the authority of another that has the same name', async () => {
    const forged = await ca({ name: 'root' })
    const bad = await createCertificate({ issuer: forged })
    expect(outcome(judge(bad, [root], [forged]))).to.equal('unknown-issuer')
    expect(outcome(judge(bad, [root, forged]))).to.equal('trusted')
  })

  it('does not take a leaf that names others, nor one that signs itself', async () => {
    const clever = await createCertificate({ name: 'clever', issuer: root })
    const below = await createCertificate({ issuer: clever })
    expect(outcome(judge(below, [root], [clever]))).to.equal('unknown-issuer')
    expect(outcome(judge(clever, [root]))).to.equal('trusted')
    const own = await createCertificate({ name: 'root' })
    expect(outcome(judge(own, [root], [own]))).to.equal('unknown-issuer')
  })

  const leaves: readonly [sentence: string, wanted: Wanted, outcome: string][] = [
    ['is over', { from: -3, until: -2 }, 'expired-certificate'],
    ['begins later', { from: 2, until: 3 }, 'certificate-not-yet-valid'],
    ['is for servers alone', { usages: ['1.3.6.1.5.5.7.3.1'] }, 'not-for-clients'],
    ['is for any use, and does not name clients', { usages: ['2.5.29.37.0'] }, 'not-for-clients'],
    ['is for clients and servers', { usages: ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'] }, 'trusted'],
    ['says nothing of its use', { usages: null, keyUsage: null }, 'trusted'],
    ['may not sign', { keyUsage: x509.KeyUsageFlags.keyEncipherment }, 'not-for-clients'],
    ['is that of an authority', { authority: true }, 'not-for-clients'],
    ['has a critical extension that nobody knows', { extensions: [oid('1.2.3.4', true)] }, 'not-for-clients'],
    ['has another one that is not critical', { extensions: [oid('1.2.3.4', false)] }, 'trusted'],
    [
      'has two lists of names',
      {
        uris: ['urn:a'],
        extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: 'urn:b' }])],
      },
      // OpenSSL itself takes such a one for damaged
      'unknown-issuer',
    ],
    ['has RSA with 2048 bits', { rsaBits: 2048 }, 'trusted'],
    ['has RSA with 1024 bits', { rsaBits: 1024 }, 'weak-certificate'],
    ['is signed with SHA-1', { hash: 'SHA-1' }, 'weak-certificate'],
  ]
  for (const [sentence, wanted, expected] of leaves) {
    it(`a leaf that ${sentence}: ${expected}`, async () => {
      const made = await createCertificate({ issuer: root, ...wanted })
      expect(outcome(judge(made, [root]))).to.equal(expected)
    })
  }

  const authorities: readonly [sentence: string, wanted: Wanted, outcome: string][] = [
    ['is over', { from: -3, until: -2 }, 'unusable-issuer'],
    ['may issue leaves alone', { pathLength: 0 }, 'trusted'],
    ['may not sign certificates', { keyUsage: x509.KeyUsageFlags.cRLSign }, 'unknown-issuer'],
    ['is none', { authority: false }, 'unknown-issuer'],
    ['is for servers alone', { usages: ['1.3.6.1.5.5.7.3.1'] }, 'unusable-issuer'],
    ['is for clients alone', { usages: ['1.3.6.1.5.5.7.3.2'] }, 'trusted'],
    ['is limited to some names', { extensions: [nameConstraints(true)] }, 'unusable-issuer'],
    ['is limited to some names, not critically', { extensions: [nameConstraints(false)] }, 'unusable-issuer'],
    ['has a critical extension that nobody knows', { extensions: [oid('1.2.3.4', true)] }, 'unusable-issuer'],
  ]
  for (const [sentence, wanted, expected] of authorities) {
    it(`an authority that ${sentence}: ${expected}, in the settings and in between`, async () => {
      const known = await ca({ name: 'known', ...wanted })
      expect(outcome(judge(await createCertificate({ issuer: known }), [known]))).to.equal(expected)
      const between = await ca({ name: 'between', issuer: root, ...wanted })
      expect(outcome(judge(await createCertificate({ issuer: between }), [root], [between]))).to.equal(expected)
    })
  }

  it('keeps to how many authorities another allows below itself', async () => {
    const short = await ca({ name: 'short', pathLength: 0 })
    const below = await ca({ name: 'below', issuer: short })
    const far = await createCertificate({ issuer: below })
    expect(outcome(judge(far, [short], [below]))).to.equal('unusable-issuer')
    const enough = await ca({ name: 'enough', pathLength: 1 })
    const next = await ca({ name: 'next', issuer: enough })
    expect(outcome(judge(await createCertificate({ issuer: next }), [enough], [next]))).to.equal('trusted')
  })

  it('goes by the one of several certificates of an authority that is good, in whatever order', async () => {
    const over = await ca({ renews: middle, issuer: root, from: -3, until: -2 })
    const ofStranger = await ca({ renews: middle, issuer: await ca({ name: 'stranger' }) })
    for (const between of [
      [middle, over, ofStranger],
      [over, ofStranger, middle],
      [ofStranger, over, middle],
    ])
      expect(outcome(judge(leaf, [root], between))).to.equal('trusted')
    expect(outcome(judge(leaf, [root], [over, ofStranger]))).to.equal('unusable-issuer')
    // why the chain is not built by the library: it takes the first that has signed
    const known = [over, middle, root].map(({ der }) => new x509.X509Certificate(der))
    const [, built] = await new x509.X509ChainBuilder({ certificates: known }).build(new x509.X509Certificate(leaf.der))
    expect(built?.serialNumber).to.equal(known[0]!.serialNumber)
  })

  it('does not climb for ever: authorities that name one another in circles lead nowhere', async () => {
    const circle = await ca({ name: 'circle' })
    const copies = await Promise.all(Array.from({ length: 5 }, () => ca({ name: 'circle', issuer: circle })))
    expect(outcome(judge(await createCertificate({ issuer: circle }), [root], [circle, ...copies]))).to.equal(
      'unknown-issuer',
    )
  })

  it('asks the clock each time: what is good now is not good later', () => {
    const later = leaf.certificate.validToDate.getTime() + 1000
    expect(outcome(judge(leaf, [root], [middle], later))).to.equal('expired-certificate')
  })
})
