import { expect } from 'chai'
import { contains, isNeverAllowed, networksOf, parseRanges, unmapped } from '../src/address-ranges.ts'

describe('parseRanges', () => {
  for (const entry of ['10.0.0.0/8', '10.0.0.1', '2001:db8::/32', '::1']) {
    it(`reads ${entry}`, () => expect(parseRanges([entry])).not.to.equal(undefined))
  }
  for (const entry of ['10.0.0.0/33', '10.0.0.0/', 'proxy', '', '10.0.0.0/x', '::1/129']) {
    it(`refuses ${entry === '' ? 'an empty entry' : entry}`, () => expect(parseRanges([entry])).to.equal(undefined))
  }
})

describe('contains', () => {
  const list = parseRanges(['10.0.0.0/8', '2001:db8::/32', '192.0.2.7'])!
  const cases: [string, boolean][] = [
    ['10.255.0.1', true],
    ['11.0.0.1', false],
    ['2001:db8:ffff::1', true],
    ['2001:db9::1', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['', false],
    ['localhost', false],
  ]
  for (const [address, inside] of cases)
    it(`${inside ? 'has' : 'does not have'} ${address === '' ? 'an empty text' : address}`, () =>
      expect(contains(list, address)).to.equal(inside))
})

describe('unmapped', () => {
  it('writes an IPv4 address as one', () => {
    for (const mapped of ['::ffff:127.0.0.1', '::127.0.0.1', '::FFFF:7f00:1'])
      expect(unmapped(mapped)).to.equal('127.0.0.1')
    expect(unmapped('fe80::1%eth0')).to.equal('fe80::1')
  })
})

describe('isNeverAllowed', () => {
  it('is so for this machine, link-local and metadata addresses, whatever the range', () => {
    for (const range of ['127.0.0.1', '127.0.0.0/8', '::1', '169.254.169.254/32', 'fe80::/10', '::ffff:127.0.0.1'])
      expect(isNeverAllowed(range), range).to.equal(true)
    for (const range of ['10.0.0.0/8', 'fd00::/8', '192.168.1.1']) expect(isNeverAllowed(range), range).to.equal(false)
  })
})

describe('networksOf', () => {
  const rows: readonly [address: string, wide: string, narrow: string][] = [
    ['203.0.113.9', '203:0', '203:0:113:9'],
    ['::ffff:203.0.113.9', '203:0', '203:0:113:9'],
    ['2001:DB8:1:2:3::4', '2001:db8', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8', '2001:db8:0:0'],
    ['::1', '0:0', '0:0:0:0'],
    ['', '', ''],
    ['no address', 'no address', 'no address'],
  ]
  for (const [address, wide, narrow] of rows)
    it(`has of ${address || 'nothing'} a wide one and a narrow one`, () => {
      expect(networksOf(address)).to.deep.equal({ wide, narrow })
    })
})
