import { expect } from 'chai'
import fc from 'fast-check'
import MimeNode from 'nodemailer/lib/mime-node'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { canonicalName } from '../../../src/store/people/canonical-name.ts'
import { domainOf, emailAddressOf, isEmailAddress } from '../../../src/store/people/email-address.ts'

const texts: readonly (readonly [string, string, boolean])[] = [
  ['an address', 'ada.lovelace+list@mail.example.com', true],
  ['letters of any script', 'ädä@пример.example', true],
  ['a domain without a dot', 'ada@localhost', true],
  ['nothing', '', false],
  ['no @', 'ada', false],
  ['two', 'ada@example.com@example.net', false],
  ['a second address', 'ada@example.com,eve@evil.test', false],
  ['a name around it', 'Ada <ada@example.com>', false],
  ['a comment', 'ada(eve)@example.com', false],
  ['a line break', 'ada@example.com\r\nBcc: eve@evil.test', false],
  ['a NUL', 'a\u0000da@example.com', false],
  ['one that turns the direction', 'ada@\u202eexample.com', false],
  ['a space without width', 'ada\u200b@example.com', false],
  ['a joiner', 'ada\u200d@example.com', false],
  ['one that is longer than fits in its compared form', `${'\ufdfa'.repeat(20)}@example.com`, false],
  ['letters that are compared as others', 'zo\u00aa@example.com', false],
  ['a sign that is compared as a letter', '\u212aim@example.com', false],
  ['a letter in two parts', 'e\u0301va@example.com', false],
  ['a domain with a dot at its end', 'ada@example.com.', false],
  ['a domain without a label', 'ada@example..com', false],
  ['a domain that is escaped', 'ada@ex%61mple.com', false],
  ['a domain with a path', 'ada@example.com/evil.test', false],
  ['a domain with a path in wide letters', 'ada@example.com\uff0fevil.test', false],
  ['a number for a domain', 'ada@1', false],
  ['more than fits', `${'a'.repeat(320)}@example.com`, false],
]

describe(isEmailAddress.name, () => {
  for (const [what, text, is] of texts)
    it(`${what}: ${is ? 'one' : 'none'}`, () => expect(isEmailAddress(text)).to.equal(is))
})

describe(emailAddressOf.name, () => {
  const stored: readonly (readonly [string, string])[] = [
    ['Ada@Example.COM', 'Ada@example.com'],
    ['ada@example\u3002com', 'ada@example.com'],
    ['ada@\uff45xample\uff0ecom', 'ada@example.com'],
    ['ada@b\u00fccher.example', 'ada@xn--bcher-kva.example'],
    ['ada@bu\u0308cher.example', 'ada@xn--bcher-kva.example'],
  ]
  for (const [text, address] of stored)
    it(`stores ${JSON.stringify(text)} as ${address}`, () => {
      expect(emailAddressOf(text)).to.equal(address)
      expect(domainOf(text)).to.equal(address.split('@')[1])
      expect(canonicalName(text)).to.equal(address.toLowerCase())
    })

  const locals = fc.constantFrom(
    'zoa',
    'zo\u00aa',
    'ZOA',
    'z\uff4fa',
    'zo\u0430',
    'kim',
    '\u212aim',
    '\u00e9va',
    'e\u0301va',
    'stra\u00dfe',
    '\u017fam',
  )
  const names = fc.constantFrom(
    'evil',
    'EVIL',
    '\uff45vil',
    'b\u00fccher',
    'bu\u0308cher',
    'xn--bcher-kva',
    'XN--BCHER-KVA',
    'fa\u00df',
    'fass',
    '\u2460',
    '1',
  )
  const dots = fc.constantFrom('.', '\u3002', '\uff0e', '\uff61')
  const addresses = fc.tuple(locals, names, dots).map(([local, name, dot]) => `${local}@${name}${dot}com`)
  /** Where a mailer sends: its envelope, in which case tells no mailbox from another. */
  const mailboxOf = (address: string): string =>
    String(new MimeNode().setHeader('to', address).getEnvelope().to).toLowerCase()

  it('two addresses that a mailer sends to one mailbox are one here, and no other two are', () => {
    let mailboxes = 0
    fc.assert(
      fc.property(addresses, addresses, (one, other) => {
        const [first, second] = [emailAddressOf(one), emailAddressOf(other)]
        if (first === undefined || second === undefined) return
        mailboxes++
        const isOne = mailboxOf(first) === mailboxOf(second)
        expect(canonicalName(first) === canonicalName(second), `${one} ${other}`).to.equal(isOne)
        // whoever types the one finds the other
        expect(canonicalName(one) === canonicalName(other), `${one} ${other} as typed`).to.equal(isOne)
        expect(emailAddressOf(first)).to.equal(first)
      }),
      { numRuns: propertyRuns(500) },
    )
    expect(mailboxes).to.be.greaterThan(50)
  })
})
