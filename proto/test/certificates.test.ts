import { X509Certificate } from 'node:crypto'
import { expect } from 'chai'
import {
  bundleAuthorities,
  createAuthority,
  dnsNamesOf,
  isIssuedBy,
  issueLeaf,
  renewalOf,
  splitPem,
  validityOf,
} from '../src/certificates.ts'

const hourMs = 3_600_000
const now = Date.parse('2026-11-25T00:00:00Z')

describe('createAuthority', () => {
  it('makes a self-signed CA that may issue only leaf certificates', async () => {
    const { cert, key } = await createAuthority({ name: 'pod', lifetimeMs: 24 * hourMs, now })
    const certificate = new X509Certificate(cert)
    expect(certificate.ca).to.equal(true)
    expect(certificate.verify(certificate.publicKey)).to.equal(true)
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).to.equal('prime256v1')
    expect(key).to.match(/^-----BEGIN PRIVATE KEY-----/)
    expect(validityOf(cert).notAfter).to.equal(now + 24 * hourMs)
  })

  it('never uses a serial number twice', async () => {
    const serials = new Set<string>()
    for (let index = 0; index < 20; index++) {
      serials.add(new X509Certificate((await createAuthority({ name: 'pod', lifetimeMs: hourMs })).cert).serialNumber)
    }
    expect(serials.size).to.equal(20)
  })
})

describe('issueLeaf', () => {
  it('has the names that were asked for, is issued by its CA and is no CA itself', async () => {
    const authority = await createAuthority({ name: 'pod', lifetimeMs: 240 * hourMs, now })
    const leaf = await issueLeaf(authority, {
      usage: 'client',
      dnsNames: ['login-agent.auth', 'second.auth'],
      uris: ['spiffe://auth/agent'],
      now,
    })
    const certificate = new X509Certificate(leaf.cert)
    expect(dnsNamesOf(leaf.cert)).to.deep.equal(['login-agent.auth', 'second.auth'])
    expect(certificate.subjectAltName).to.contain('URI:spiffe://auth/agent')
    expect(certificate.ca).to.equal(false)
    expect(certificate.keyUsage).to.deep.equal(['1.3.6.1.5.5.7.3.2'])
    expect(isIssuedBy(leaf.cert, authority.cert)).to.equal(true)
    const stranger = await createAuthority({ name: 'pod', lifetimeMs: hourMs, now })
    expect(isIssuedBy(leaf.cert, stranger.cert)).to.equal(false)
  })

  it('F17 is valid for 24 h by default, also for a peer whose clock is an hour slow', async () => {
    const authority = await createAuthority({ name: 'pod', lifetimeMs: 240 * hourMs, now })
    const { notBefore, notAfter } = validityOf((await issueLeaf(authority, { usage: 'both', now })).cert)
    expect(notAfter).to.equal(now + 24 * hourMs)
    expect(notBefore).to.be.at.most(now - hourMs)
    const short = validityOf((await issueLeaf(authority, { usage: 'both', lifetimeMs: 4_000, now })).cert)
    expect(short).to.deep.equal({ notBefore: now - 1_000, notAfter: now + 4_000 })
  })

  it('F17 is due for renewal after two thirds of its lifetime', async () => {
    const authority = await createAuthority({ name: 'pod', lifetimeMs: 240 * hourMs, now })
    const leaf = await issueLeaf(authority, { usage: 'both', lifetimeMs: 8 * hourMs, now })
    // Its life began 2 h before now.
    expect(renewalOf(leaf.cert)).to.be.closeTo(now - 2 * hourMs + (10 * hourMs * 2) / 3, 1_000)
  })
})

describe('bundleAuthorities', () => {
  it('puts the newest first and leaves out certificates that are expired, repeated or damaged', async () => {
    const newest = await createAuthority({ name: 'new', lifetimeMs: 10 * hourMs, now })
    const previous = await createAuthority({ name: 'old', lifetimeMs: 5 * hourMs, now })
    const ended = await createAuthority({ name: 'ended', lifetimeMs: hourMs, now: now - 2 * hourMs })
    const damaged = previous.cert.replace(/\n(.{10})/, '\n##########')
    const bundle = bundleAuthorities(newest.cert, [previous.cert + ended.cert, newest.cert, damaged, 'no PEM'], now)
    expect(splitPem(bundle).map((pem) => new X509Certificate(pem).subject)).to.deep.equal(['CN=new', 'CN=old'])
  })
})
