import { expect } from 'chai'
import { readNewPassword, ruleMistakes } from '../../../src/users/passwords/new-password.ts'

describe('readNewPassword', () => {
  const cases: [string, Record<string, string>, string[]][] = [
    ['takes a password that is typed twice', { 'new-password': 'a', 'repeat-password': 'a' }, []],
    ['wants a password', { 'repeat-password': 'a' }, ['new-password-missing']],
    ['wants it twice', { 'new-password': 'a' }, ['passwords-differ']],
    ['takes no space away', { 'new-password': 'a ', 'repeat-password': 'a' }, ['passwords-differ']],
  ]
  for (const [sentence, fields, keys] of cases)
    it(sentence, () => {
      const { next, mistakes } = readNewPassword(new URLSearchParams(fields))
      expect([next, mistakes.map(({ key }) => key)]).to.deep.equal([fields['new-password'] ?? '', keys])
    })
})

describe('ruleMistakes', () => {
  it('says each broken rule at the field of the new password, with its limits', () => {
    const [mistake] = ruleMistakes([{ code: 'too-short', path: 'password', message: 'is too short' }])
    expect(mistake).to.deep.equal({ key: 'password-too-short', control: 'new-password', values: { min: 12, max: 128 } })
  })
})
