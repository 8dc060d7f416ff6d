import { expect } from 'chai'
import { mintRecoveryCodes, parseRecoveryCode } from '../../../src/users/factors/recovery-codes.ts'

describe(mintRecoveryCodes.name, () => {
  it('makes ten, all different, without letters that look like digits', () => {
    const codes = mintRecoveryCodes()
    expect(new Set(codes).size).to.equal(10)
    for (const code of codes) expect(code).to.match(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/)
  })
})

describe(parseRecoveryCode.name, () => {
  const [code = ''] = mintRecoveryCodes()
  const plain = code.replaceAll('-', '')

  it('takes a code as people type it', () => {
    for (const typed of [code, plain, plain.toLowerCase(), ` ${code.replaceAll('-', ' ')} `])
      expect(parseRecoveryCode(typed)).to.equal(plain)
    expect([100, 101].map((length) => parseRecoveryCode(plain.padEnd(length)))).to.deep.equal([plain, undefined])
    expect(parseRecoveryCode('o000-l111-i111-0000')).to.equal('0000111111110000')
  })

  for (const [sentence, typed] of [
    ['an empty text', ''],
    ['a code of six digits', '123456'],
    ['a code that is too long', `${code}0`],
    ['other letters', 'UUUU-UUUU-UUUU-UUUU'],
    ['a very long text', '0'.repeat(10_000)],
  ] as const)
    it(`refuses ${sentence}`, () => expect(parseRecoveryCode(typed)).to.equal(undefined))
})
