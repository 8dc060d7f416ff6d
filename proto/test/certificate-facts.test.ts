import { X509Certificate } from 'node:crypto'
import { expect } from 'chai'
import { factsOf, isForClients } from '../src/certificate-facts.ts'
import { createAuthority, issueLeaf } from '../src/certificates.ts'

const derOf = (pem: string): Uint8Array => new X509Certificate(pem).raw

describe(factsOf.name, () => {
  it('says of a leaf who it is, for what, and that it is no authority', async () => {
    const authority = await createAuthority({ name: 'a CA', lifetimeMs: 3_600_000 })
    const names = { dnsNames: ['pod.example.com'], uris: ['spiffe://cluster.local/ns/apps/sa/report'] }
    const facts = factsOf(derOf((await issueLeaf(authority, { ...names, usage: 'client' })).cert))
    expect(facts).to.deep.include({ ...names, subject: [{ CN: ['pod.example.com'] }], isAuthority: false })
    expect(facts).to.deep.include({ mayIssue: false, maySign: true, pathLength: undefined, hash: 'SHA-256' })
    expect(isForClients(facts)).to.equal(true)
    expect(facts.extensions).to.include.members([...facts.critical])
  })

  it('says of an authority that it may issue, and for how long a chain', async () => {
    const { cert } = await createAuthority({ name: 'a CA', lifetimeMs: 3_600_000 })
    const facts = factsOf(derOf(cert))
    expect(facts).to.deep.include({ isAuthority: true, pathLength: 0, mayIssue: true, maySign: false })
    expect(facts).to.deep.include({ dnsNames: [], uris: [], usages: undefined })
  })

  it('refuses what is no certificate', () => {
    expect(() => factsOf(Buffer.from('no certificate'))).to.throw()
  })
})
