import { expect } from 'chai'
import { certificateFaults } from '../src/certificates.ts'
import type { MutualTls } from '../src/certificates.ts'
import { config } from './configs.ts'

const fields = (change: object, mutualTls?: MutualTls | 'off') =>
  certificateFaults(config(change), { mutualTls }).map(({ field }) => field)
const byName = { tokenEndpointAuthMethod: 'tls_client_auth' }
const byItself = { tokenEndpointAuthMethod: 'self_signed_tls_client_auth' }

describe('certificateFaults', () => {
  const taken: readonly [sentence: string, change: object][] = [
    ['a subject', { ...byName, tlsClientAuthSubjectDn: 'CN=worker,O=Example' }],
    ['a host', { ...byName, tlsClientAuthSanDns: 'worker.example.com' }],
    ['a SPIFFE id', { ...byName, tlsClientAuthSanUri: 'spiffe://example.org/ns/demo/sa/worker' }],
    ['no name, where the certificate itself is known', byItself],
    ['nothing, of a client with a secret', {}],
  ]
  for (const [sentence, change] of taken)
    it(`takes ${sentence}`, () => expect(fields(change, { authorities: true })).to.deep.equal([]))

  const refused: readonly [sentence: string, change: object, field: string][] = [
    ['no name', byName, 'spec.auth.tls'],
    ['two names', { ...byName, tlsClientAuthSanDns: 'a.test', tlsClientAuthSanUri: 'urn:a' }, 'spec.auth.tls'],
    ['a name of a client with a secret', { tlsClientAuthSanDns: 'a.test' }, 'spec.auth.tls'],
    ['a name beside a known certificate', { ...byItself, tlsClientAuthSanDns: 'a.test' }, 'spec.auth.tls'],
    ['no subject', { ...byName, tlsClientAuthSubjectDn: 'worker' }, 'spec.auth.tls.subjectDN'],
    ['a subject as OpenSSL writes it', { ...byName, tlsClientAuthSubjectDn: '/CN=worker' }, 'spec.auth.tls.subjectDN'],
    ['an unknown type', { ...byName, tlsClientAuthSubjectDn: 'XY=worker' }, 'spec.auth.tls.subjectDN'],
    ['a wildcard', { ...byName, tlsClientAuthSanDns: '*.a.test' }, 'spec.auth.tls.sanDNS'],
    ['a URI without a scheme', { ...byName, tlsClientAuthSanUri: 'worker' }, 'spec.auth.tls.sanURI'],
    ['a URI with a space', { ...byName, tlsClientAuthSanUri: 'urn:a b' }, 'spec.auth.tls.sanURI'],
  ]
  for (const [sentence, change, field] of refused)
    it(`refuses ${sentence}`, () => expect(fields(change)).to.deep.equal([field]))

  it('refuses what the server cannot prove; who does not know the server leaves that to it', () => {
    const named = { ...byName, tlsClientAuthSanUri: 'urn:a' }
    expect(fields(named)).to.deep.equal([])
    expect(fields(named, 'off')).to.deep.equal(['spec.auth.method'])
    expect(fields(named, { authorities: false })).to.deep.equal(['spec.auth.method'])
    expect(fields(byItself, { authorities: false })).to.deep.equal([])
    expect(fields(byItself, 'off')).to.deep.equal(['spec.auth.method'])
  })
})
