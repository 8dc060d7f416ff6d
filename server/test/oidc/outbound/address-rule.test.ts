import { expect } from 'chai'
import fc from 'fast-check'
import { addressRule } from '../../../src/oidc/outbound/address-rule.ts'
import type { OutboundSettings } from '../../../src/settings/outbound.ts'

const rule = (allow: OutboundSettings['allow'] = [], loopback = false) => addressRule('jwks', { allow, loopback })
const private_ = [
  '10.96.0.10',
  '172.20.1.1',
  '192.168.1.1',
  '100.64.0.1',
  '198.18.0.1',
  '240.0.0.1',
  'fd00::10',
  '2001:db8::1',
]
const never = [
  '127.0.0.1',
  '127.8.8.8',
  '0.0.0.0',
  '169.254.169.254',
  '100.100.100.200',
  '168.63.129.16',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '0:0:0:0:0:ffff:7f00:1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:169.254.169.254',
  '64:ff9b::7f00:1',
  '::ffff:0:127.0.0.1',
  '::ffff:0:a00:1',
  'fd00:ec2::254',
  'fe80::1',
  'fe80::1%eth0',
  '2002:7f00:1::',
  'localhost',
  '',
]
const everything = [
  { to: '1.0.0.0/1', for: ['jwks' as const] },
  { to: '128.0.0.0/1', for: ['jwks' as const] },
  { to: '100::/1', for: ['jwks' as const] },
  { to: '8000::/1', for: ['jwks' as const] },
  { to: '.test', for: ['jwks' as const] },
]

describe('addressRule', () => {
  for (const address of ['93.184.215.14', '2606:2800:21f:cb07::1'])
    it(`L16 allows ${address}`, () => expect(rule()(address, address)).to.equal(undefined))

  for (const address of private_) {
    it(`L16 refuses ${address} unless it is listed`, () => {
      expect(rule()(address, address)).to.equal('not-listed')
      expect(rule(everything)(address, address)).to.equal(undefined)
    })
  }

  for (const address of never) {
    it(`L16 refuses ${address === '' ? 'an empty address' : address}, even when all addresses and names are listed`, () => {
      expect(rule()(address, address)).to.equal('never')
      expect(rule(everything)(address, 'host.test')).to.equal('never')
    })
  }

  const entries: [sentence: string, to: string, address: string, host: string, allowed: boolean][] = [
    ['an address of a listed range', '10.0.0.0/8', '10.1.1.1', 'a.test', true],
    ['an address beside the range', '10.0.0.0/16', '10.1.1.1', 'a.test', false],
    ['a listed address', '10.1.1.1', '10.1.1.1', 'a.test', true],
    ['a host below a listed domain', '.svc.cluster.local', '10.1.1.1', 'app.shop.svc.cluster.local', true],
    ['the same with a dot at its end', '.svc.cluster.local', '10.1.1.1', 'app.shop.svc.cluster.local.', true],
    ['a host that only ends like the domain', '.svc.cluster.local', '10.1.1.1', 'evilsvc.cluster.local', false],
    ['a listed host', 'keys.corp.test', '10.1.1.1', 'keys.corp.test', true],
    ['a host below a listed host', 'keys.corp.test', '10.1.1.1', 'a.keys.corp.test', false],
  ]
  for (const [sentence, to, address, host, allowed] of entries) {
    it(`${allowed ? 'allows' : 'refuses'} ${sentence}`, () =>
      expect(rule([{ to, for: ['jwks'] }])(address, host)).to.equal(allowed ? undefined : 'not-listed'))
  }

  it('allows what is listed for its own purpose alone', () => {
    const allow = [{ to: '10.0.0.0/8', for: ['backchannel' as const] }]
    expect(rule(allow)('10.1.1.1', 'a.test')).to.equal('not-listed')
    expect(addressRule('backchannel', { allow, loopback: false })('10.1.1.1', 'a.test')).to.equal(undefined)
  })

  it('allows this machine to an issuer on a loopback host, and nothing else of what is never allowed', () => {
    expect(rule([], true)('127.0.0.1', 'localhost')).to.equal(undefined)
    expect(rule([], true)('169.254.169.254', 'a.test')).to.equal('never')
  })

  it('L16 never allows what hides an address of this machine, whatever is listed', () => {
    const loopback = fc
      .tuple(fc.nat(255), fc.nat(255), fc.nat(255))
      .map(([a, b, c]) => ({ dotted: `127.${a}.${b}.${c}`, a, b, c }))
    const hex = (high: number, low: number) => ((high << 8) | low).toString(16)
    fc.assert(
      fc.property(loopback, ({ dotted, a, b, c }) => {
        for (const address of [dotted, `::ffff:${dotted}`, `::${dotted}`, `64:ff9b::${hex(127, a)}:${hex(b, c)}`])
          expect(rule(everything)(address, 'host.test'), address).to.equal('never')
      }),
    )
  })
})
