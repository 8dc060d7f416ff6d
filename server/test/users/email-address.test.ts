import { expect } from 'chai'
import { isEmailAddress } from '../../src/users/email-address.ts'

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
  ['more than fits', `${'a'.repeat(320)}@example.com`, false],
]

describe(isEmailAddress.name, () => {
  for (const [what, text, is] of texts)
    it(`${what}: ${is ? 'one' : 'none'}`, () => expect(isEmailAddress(text)).to.equal(is))
})
