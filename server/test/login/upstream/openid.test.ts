import { expect } from 'chai'
import { mergeClaims } from '../../../src/login/upstream/openid.ts'

describe(mergeClaims.name, () => {
  const answers = ['a@example.com', 'b@example.com', undefined].flatMap((email) =>
    [true, false, undefined].map((verified) => ({
      ...(email === undefined ? {} : { email }),
      ...(verified === undefined ? {} : { email_verified: verified }),
    })),
  )

  it('takes an address as verified only where an answer says both, whatever the other one says', () => {
    for (const signed of answers) {
      for (const userinfo of answers) {
        const merged = mergeClaims(signed, userinfo)
        const what = JSON.stringify([signed, userinfo])
        expect(merged['email'], what).to.equal(signed.email ?? userinfo.email)
        const isSaid = [signed, userinfo].some(
          ({ email, email_verified: verified }) => verified === true && email === merged['email'],
        )
        const isDenied = signed.email !== undefined && signed.email_verified === false
        const isKnown = merged['email'] !== undefined
        expect(merged['email_verified'] === true, what).to.equal(isKnown && isSaid && !isDenied)
      }
    }
  })

  it('takes every other claim of both, and the signed one first', () => {
    const merged = mergeClaims({ name: 'Ada', nickname: 'ada' }, { name: 'Eve', zoneinfo: 'UTC' })
    expect(merged).to.include({ name: 'Ada', nickname: 'ada', zoneinfo: 'UTC' })
  })
})
