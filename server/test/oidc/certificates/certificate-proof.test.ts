import { expect } from 'chai'
import { createCertificate } from '@nauthera/harness/certificates'
import type { Made } from '@nauthera/harness/certificates'
import { createCertificateProofs } from '../../../src/oidc/certificates/certificate-proof.ts'
import { tryFacts } from '../../../src/oidc/certificates/chain.ts'
import type { Authority } from '../../../src/oidc/certificates/chain.ts'

describe('createCertificateProofs', () => {
  const name = { kind: 'sanDNS', value: 'a.example.com' } as const
  let root: Made
  let leaf: Made
  let known: readonly Authority[]
  let now: number
  before(async () => {
    root = await createCertificate({ name: 'root', authority: true, until: 10 })
    leaf = await createCertificate({ issuer: root, dnsNames: ['a.example.com'] })
  })
  beforeEach(() => {
    now = Date.now()
    known = [{ certificate: root.certificate, facts: tryFacts(root.certificate)! }]
  })
  const proofs = () => createCertificateProofs({ authorities: () => known, now: () => now })
  const shown = (isDoubted = false) =>
    ({ kind: 'certificate', leaf: leaf.certificate, between: [], isDoubted }) as const

  it('takes a certificate until it expires, and not because it was taken before', () => {
    const { byName } = proofs()
    expect(byName(shown(), name)).to.equal(undefined)
    now = leaf.certificate.validToDate.getTime()
    expect(byName(shown(), name)).to.equal(undefined)
    now++
    expect(byName(shown(), name)).to.equal('expired-certificate')
  })

  it('takes none that it took before its authority went', () => {
    const { byName } = proofs()
    expect(byName(shown(), name)).to.equal(undefined)
    known = []
    expect(byName(shown(), name)).to.equal('unknown-issuer')
  })

  it('knows whether there are authorities at all', () => {
    expect(proofs().knowsAuthorities).to.equal(true)
    expect(createCertificateProofs({ authorities: undefined, now: () => now }).knowsAuthorities).to.equal(false)
  })

  it('takes none that the proxy doubts, that has another name, or that nobody shows', () => {
    const { byName } = proofs()
    expect(byName(shown(true), name)).to.equal('doubted-by-proxy')
    expect(byName(shown(), { kind: 'sanDNS', value: 'b.example.com' })).to.equal('wrong-name')
    expect(byName({ kind: 'none' }, name)).to.equal('no-certificate')
  })

  it('says of one that proves itself whether its time is now', () => {
    const { byItself } = proofs()
    expect(byItself(shown())).to.equal(undefined)
    now = leaf.certificate.validToDate.getTime() + 1
    expect(byItself(shown())).to.equal('expired-certificate')
    expect(byItself({ kind: 'unreadable' })).to.equal('unreadable-certificate')
  })

  it('T40 refuses a weak key, also of one that proves itself', async () => {
    const weak = await createCertificate({ rsaBits: 1024 })
    const { byItself } = proofs()
    expect(byItself({ ...shown(), leaf: weak.certificate })).to.equal('weak-certificate')
  })
})
