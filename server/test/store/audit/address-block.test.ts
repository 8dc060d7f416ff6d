import { expect } from 'chai'
import { addressBlock, widerBlockPrefix } from '../../../src/store/audit/address-block.ts'

describe(addressBlock.name, () => {
  const cases: [string, string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ]
  for (const [address, block] of cases) {
    it(`counts ${address} as ${block}`, () => expect(addressBlock(address)).to.equal(block))
  }
})

describe(widerBlockPrefix.name, () => {
  const cases: [string, string | undefined][] = [
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:'],
    ['2001:0DB8:0001::9', '2001:db8:1:'],
    ['2001:db8::1', '2001:db8:0:'],
    ['fe80::1%eth0', 'fe80:0:0:'],
    ['192.0.2.1', undefined],
    ['::ffff:192.0.2.1', undefined],
  ]
  for (const [address, prefix] of cases) {
    it(`of ${address} is ${prefix ?? 'none'}`, () => {
      expect(widerBlockPrefix(address)).to.equal(prefix)
      if (prefix !== undefined) expect(addressBlock(address).startsWith(prefix)).to.equal(true)
    })
  }
})
