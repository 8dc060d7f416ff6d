import { BerReader } from 'ldapts'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { PasswordPolicyQuestion, demandsChange, isChangeDemanded } from '../../../src/users/ldap/password-policy.ts'

const answered = (...bytes: number[]): boolean => {
  const question = new PasswordPolicyQuestion()
  question.parse(new BerReader(Buffer.from(bytes)))
  return question.mustChange
}

describe(PasswordPolicyQuestion.name, () => {
  const rows: readonly (readonly [string, number[], boolean])[] = [
    ['nothing', [], false],
    ['an empty answer', [0x30, 0], false],
    ['expired', [0x30, 3, 0x81, 1, 0], true],
    ['locked', [0x30, 3, 0x81, 1, 1], false],
    ['must be changed after a reset', [0x30, 3, 0x81, 1, 2], true],
    ['too young', [0x30, 3, 0x81, 1, 7], false],
    ['expires in some seconds', [0x30, 5, 0xa0, 3, 0x80, 1, 60], false],
    ['a sign-in of grace', [0x30, 5, 0xa0, 3, 0x81, 1, 4], true],
    ['the last sign-in of grace', [0x30, 5, 0xa0, 3, 0x81, 1, 0], true],
    ['a warning and an error', [0x30, 8, 0xa0, 3, 0x80, 1, 60, 0x81, 1, 2], true],
    ['a part of an answer', [0x30, 9, 0x81, 1, 2], false],
  ]
  for (const [what, bytes, is] of rows)
    it(`${what}: ${is ? 'must be changed' : 'need not'}`, () => expect(answered(...bytes)).to.equal(is))

  it('L11 ends for every answer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => typeof answered(...bytes) === 'boolean'),
      { numRuns: propertyRuns(300) },
    )
  })
})

describe(isChangeDemanded.name, () => {
  const said = (data: string) =>
    `80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data ${data}, v3839`
  for (const [data, is] of [
    ['773', true],
    ['532', true],
    ['52e', false],
    ['533', false],
    ['701', false],
    ['775', false],
    ['7731', false],
  ] as const)
    it(`data ${data} of Active Directory: ${is}`, () => expect(isChangeDemanded(said(data))).to.equal(is))
})

describe(demandsChange.name, () => {
  it('goes by the marks in an entry, in any letters', () => {
    const says = (values: Record<string, string>) =>
      demandsChange({ dn: 'uid=x', values: (name) => [values[name] ?? []].flat(), bytes: () => [] })
    expect([says({}), says({ pwdReset: 'FALSE' }), says({ pwdReset: 'true' })]).to.deep.equal([false, false, true])
    expect([says({ pwdLastSet: '0' }), says({ pwdLastSet: '1' })]).to.deep.equal([true, false])
    expect(says({ pwdLastSet: '0', userAccountControl: '66048' })).to.equal(false)
  })
})
