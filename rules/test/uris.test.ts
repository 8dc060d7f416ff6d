import { expect } from 'chai'
import fc from 'fast-check'
import { redirectFault } from '../src/uris.ts'

describe('redirectFault', () => {
  it('A2 lets nothing through but https, loopback http and reverse-domain schemes', () => {
    fc.assert(
      fc.property(
        fc.webUrl({ validSchemes: ['http', 'https', 'ftp', 'data'], withFragments: true, withQueryParameters: true }),
        (uri) => {
          if (redirectFault(uri, 'Web') !== undefined) return
          const { protocol, hostname, hash } = new URL(uri)
          expect(hash).to.equal('')
          if (protocol !== 'https:') expect(['localhost', '127.0.0.1', '[::1]']).to.include(hostname)
        },
      ),
    )
  })
  for (const uri of [
    'https://a.test/',
    'https://a.test?@',
    'https://a.test/x@y',
    'http://localhost/cb',
    'http://127.0.0.1:8080/',
    'http://[::1]/',
  ]) {
    it(`takes ${uri}`, () => expect(redirectFault(uri, 'Web')).to.equal(undefined))
  }
  for (const uri of [
    'https://u@a.test/',
    'https://a.test/#x',
    'https://a.test/\\x',
    'https://a.test/ x',
    'ftp://a.test/',
    'data:text/html,x',
    'vbscript:x',
  ]) {
    it(`refuses ${uri}`, () => expect(redirectFault(uri, 'Native')).to.be.a('string'))
  }
})
