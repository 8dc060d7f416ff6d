import { expect } from 'chai'
import fc from 'fast-check'
import { originFault, redirectFault } from '../src/uris.ts'

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
  const byType: readonly (readonly [uri: string, taken: { readonly Web: boolean; readonly Native: boolean }])[] = [
    ['https://a.test/cb', { Web: true, Native: true }],
    ['http://a.test/cb', { Web: false, Native: false }],
    ['https://localhost/cb', { Web: true, Native: false }],
    ['http://localhost/cb', { Web: true, Native: true }],
    ['com.example.app:/cb', { Web: false, Native: true }],
    ['example:/cb', { Web: false, Native: false }],
  ]
  for (const [uri, taken] of byType)
    for (const type of ['Web', 'Native'] as const)
      it(`${taken[type] ? 'takes' : 'refuses'} ${uri} of type ${type}`, () => {
        expect(redirectFault(uri, type) === undefined).to.equal(taken[type])
      })
  for (const uri of [
    'https://u@a.test/',
    'https://:secret@a.test/',
    'https://@a.test/',
    'https://*.a.test/',
    'no address',
    'https:a.test/cb',
    'https:/a.test/cb',
    'https:///a.test/cb',
    'http:localhost/cb',
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

describe('originFault', () => {
  for (const origin of ['https://a.test', 'https://a.test:8443', 'http://localhost:3000', 'http://127.0.0.1'])
    it(`takes ${origin}`, () => expect(originFault(origin)).to.equal(undefined))
  for (const origin of ['http://a.test', 'https://a.test/', 'https://A.test', 'ftp://localhost', 'urn:a:b', 'a.test'])
    it(`refuses ${origin}`, () => expect(originFault(origin)).to.be.a('string'))
})
