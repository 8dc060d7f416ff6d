import { expect } from 'chai'
import fc from 'fast-check'
import { listsHost, networkHost } from '../../src/decide/client/allowed-hosts.ts'

const isHostAllowed = (allowed: readonly string[], uri: string): boolean =>
  networkHost(uri).every((host) => listsHost(allowed, host))

describe('the hosts that a policy lists', () => {
  const table: readonly [host: string, uri: string, allowed: boolean][] = [
    ['.apps.example.com', 'https://a.apps.example.com/cb', true],
    ['.apps.example.com', 'https://a.b.apps.example.com/cb', true],
    ['.apps.example.com', 'https://apps.example.com/cb', false],
    ['.apps.example.com', 'https://.apps.example.com/cb', false],
    ['.apps.example.com', 'https://evilapps.example.com/cb', false],
    ['.apps.example.com', 'https://apps.example.com.evil.com/cb', false],
    ['.apps.example.com', 'https://a.apps.example.com@evil.com/cb', false],
    ['.apps.example.com', 'https://A.APPS.example.com/cb', true],
    ['app.example.com', 'https://app.example.com:8443/cb', true],
    ['app.example.com', 'https://a.app.example.com/cb', false],
    ['app.example.com', 'http://localhost:3000/cb', true],
    ['app.example.com', 'com.example.app:/cb', true],
    ['app.example.com', 'not a uri', false],
  ]
  for (const [host, uri, allowed] of table) {
    it(`${host} ${allowed ? 'allows' : 'does not allow'} ${uri}`, () => {
      expect(isHostAllowed([host], uri)).to.equal(allowed)
    })
  }

  it('K14 never allows a host that does not end at a label boundary', () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/)
    fc.assert(
      fc.property(
        fc.array(label, { minLength: 1, maxLength: 4 }),
        fc.array(label, { minLength: 2, maxLength: 3 }),
        (front, suffix) => {
          const host = [...front, ...suffix].join('.')
          expect(isHostAllowed([`.${suffix.join('.')}`], `https://${host}/`)).to.equal(true)
          expect(isHostAllowed([`.${suffix.join('.')}`], `https://x${suffix.join('.')}/`)).to.equal(false)
          expect(isHostAllowed([`.${suffix.join('.')}`], `https://${host}.evil.test/`)).to.equal(false)
        },
      ),
    )
  })
})
