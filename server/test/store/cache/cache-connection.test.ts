import { Secret } from '@nauthera/runtime/secret'
import { expect } from 'chai'
import { parseCacheUrl } from '../../../src/store/cache/cache-connection.ts'

describe(parseCacheUrl.name, () => {
  it('reads where the cache is, as whom, and whether by TLS', () => {
    const { password, ...rest } = parseCacheUrl(new Secret('rediss://app:p%40ss@[::1]:7000/3'))
    expect(rest).to.deep.equal({ place: { kind: 'host', host: '::1', port: 7000 }, user: 'app', database: 3, tls: {} })
    expect(password?.reveal()).to.equal('p@ss')
    expect(parseCacheUrl(new Secret('redis://cache'))).to.deep.equal({
      place: { kind: 'host', host: 'cache', port: 6379 },
    })
  })

  for (const url of [
    'cache:6379',
    'http://cache',
    'redis://cache/x',
    'redis://cache?tls=true',
    'redis://:%zz@cache',
    '',
  ])
    it(`refuses ${url || 'nothing'}`, () =>
      expect(() => parseCacheUrl(new Secret(url)))
        .to.throw('cache.urlFile')
        .with.property('code', 'SETTINGS_INVALID'))
})
