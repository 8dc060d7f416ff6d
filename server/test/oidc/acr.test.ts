import { acrLevels } from '@nauthera/rules/acr'
import { expect } from 'chai'
import type { AcrRequest } from '../../src/oidc/acr.ts'
import {
  acrOfArtefact,
  acrToTell,
  acrValues,
  essentialAcr,
  isEnough,
  neededAcr,
  signInProofOf,
  withoutSecondFactor,
} from '../../src/oidc/acr.ts'

const [byPassword, byTwoFactors] = acrLevels
const essential = (acr: object) => ({ id_token: { acr: { essential: true, ...acr } } })
const nobody: AcrRequest = {
  claims: {},
  acrValues: undefined,
  ofClient: [],
  secondFactor: false,
  reachable: acrValues({ policy: 'optional' }),
}

describe('neededAcr', () => {
  const cases: readonly [sentence: string, request: Partial<AcrRequest>, values: string[]][] = [
    ['what acr_values name', { acrValues: `urn:other ${byTwoFactors}` }, [byTwoFactors]],
    ['what the client must have, or what is stronger', { ofClient: [byPassword] }, [byPassword, byTwoFactors]],
    ['two factors, where the settings ask for them', { secondFactor: true }, [byTwoFactors]],
    [
      'what is enough for all who ask, not for one of them',
      { claims: essential({ value: byPassword }), ofClient: [byTwoFactors] },
      [byTwoFactors],
    ],
    ['nothing that there is, for what nobody reaches', { claims: essential({ value: 'urn:other' }) }, []],
  ]
  for (const [sentence, request, values] of cases)
    it(`is ${sentence}`, () => expect(neededAcr({ ...nobody, ...request })).to.deep.equal({ kind: 'one-of', values }))

  it('is any when nobody asks, and for values that nobody reaches when they are a wish', () => {
    expect(neededAcr(nobody)).to.deep.equal({ kind: 'any' })
    expect(neededAcr({ ...nobody, acrValues: 'urn:other' })).to.deep.equal({ kind: 'any' })
    expect(neededAcr({ ...nobody, acrValues: byTwoFactors, reachable: [byPassword] })).to.deep.equal({ kind: 'any' })
  })
})

describe('essentialAcr', () => {
  const cases: readonly [claims: object, needed: object][] = [
    [essential({ value: 'a', values: ['b'] }), { kind: 'one-of', values: ['a', 'b'] }],
    [essential({ values: ['a', 'b'] }), { kind: 'one-of', values: ['a', 'b'] }],
    [essential({ essential: false, value: 'a' }), { kind: 'any' }],
    [essential({}), { kind: 'any' }],
    [essential({ values: 'a' }), { kind: 'malformed' }],
    [essential({ values: ['a', 7] }), { kind: 'malformed' }],
    [{ id_token: null }, { kind: 'any' }],
  ]
  for (const [claims, needed] of cases)
    it(`of ${JSON.stringify(claims)} is ${JSON.stringify(needed)}`, () =>
      expect(essentialAcr(claims)).to.deep.equal(needed))
})

describe('what a sign-in proved', () => {
  it('is said by acr and auth_time, as far as they are known', () => {
    expect(signInProofOf({ amr: ['pwd'], authTime: 7 })).to.deep.equal({ acr: byPassword, auth_time: 7 })
    expect(signInProofOf({ amr: ['pwd', 'otp', 'mfa'] })).to.deep.equal({ acr: byTwoFactors })
    expect(signInProofOf({ amr: ['fed'], authTime: 7 })).to.deep.equal({ auth_time: 7 })
  })

  it('stands in a code or token by its amr, else by its acr', () => {
    expect(acrOfArtefact({ amr: ['mfa'], extra: { acr: byPassword } })).to.equal(byTwoFactors)
    expect(acrOfArtefact({ extra: { acr: byPassword } })).to.equal(byPassword)
    expect(acrOfArtefact({ extra: { acr: 7 } })).to.equal(undefined)
    expect(acrOfArtefact(undefined)).to.equal(undefined)
  })

  it('is the password alone once the last second factor is gone', () =>
    expect(withoutSecondFactor(['pwd', 'otp', 'mfa', 'hwk', 'user'])).to.deep.equal(['pwd']))
})

describe('isEnough', () => {
  it('takes a listed value, and anything where any will do', () => {
    const needed = { kind: 'one-of', values: [byTwoFactors] } as const
    expect([isEnough(needed, byTwoFactors), isEnough(needed, byPassword), isEnough(needed, undefined)]).to.deep.equal([
      true,
      false,
      false,
    ])
    expect(isEnough({ kind: 'any' }, undefined)).to.equal(true)
  })
})

describe('acrToTell', () => {
  it('is the asked value for a sign-in that is stronger, and else that of the sign-in', () => {
    expect(acrToTell(essential({ value: byPassword }), byTwoFactors)).to.equal(byPassword)
    expect(acrToTell(essential({ value: byTwoFactors }), byPassword)).to.equal(byPassword)
    expect(acrToTell(essential({ values: [byPassword, byTwoFactors] }), byTwoFactors)).to.equal(byTwoFactors)
    expect(acrToTell({}, byTwoFactors)).to.equal(byTwoFactors)
    expect(acrToTell(essential({ value: byPassword }), undefined)).to.equal(undefined)
  })
})
