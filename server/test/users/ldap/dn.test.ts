import { expect } from 'chai'
import fc from 'fast-check'
import { firstValueOf, isWithin, partsOf } from '../../../src/users/ldap/dn.ts'

const base = 'ou=groups,dc=example,dc=com'
const ofSpecials = fc.string({ unit: fc.constantFrom(' ', '\\', ',', '#', '\t', 'a', '2', 'c'), minLength: 1 })

describe(firstValueOf.name, () => {
  const cases: readonly (readonly [dn: string, value: string | undefined])[] = [
    [`cn=dev,${base}`, 'dev'],
    [`CN = dev ,${base}`, 'dev'],
    [`cn=a\\,b\\+c\\"d\\\\e,${base}`, 'a,b+c"d\\e'],
    [`cn=a\\2cb,${base}`, 'a,b'],
    [`cn=\\c3\\bc,${base}`, 'ü'],
    [`cn=\\ lead and trail\\ ,${base}`, ' lead and trail '],
    [`cn=ü😀,${base}`, 'ü😀'],
    [`cn=,${base}`, undefined],
    ['no name', undefined],
    ['', undefined],
    ['cn=ends with \\', undefined],
    [`cn=dev+ou=a,${base}`, 'dev'],
    [`cn=dev,${base},`, undefined],
    [`cn=a\\\\ ,${base}`, 'a\\'],
  ]
  for (const [dn, value] of cases)
    it(`L11 reads ${JSON.stringify(dn)} as ${JSON.stringify(value)}`, () => {
      expect(firstValueOf(dn)).to.equal(value)
    })

  it('E3 reads a hundred thousand spaces and backslashes within a value at once', () => {
    for (const [run, read] of [
      [' ', ' '],
      ['\\\\', '\\'],
    ] as const)
      expect(firstValueOf(`cn=a${run.repeat(100_000)}b,${base}`)).to.equal(`a${read.repeat(100_000)}b`)
  })

  it('L11 reads back every value, escaped as RFC 4514 wants it', () => {
    const escaped = (value: string) =>
      Array.from(value, (character, n) => {
        const isOuter = n === 0 || n === Array.from(value).length - 1
        const needs = /[,+"\\<>;=]/.test(character) || (character === ' ' && isOuter) || (character === '#' && n === 0)
        return needs ? `\\${character}` : character
      }).join('')
    fc.assert(
      fc.property(fc.oneof(fc.string({ minLength: 1 }), ofSpecials), (value) => {
        expect(firstValueOf(`cn=${escaped(value)},${base}`)).to.equal(value)
      }),
    )
  })
})

describe(isWithin.name, () => {
  it('compares parts, not text', () => {
    expect(isWithin(`cn=dev,${base}`, base.toUpperCase())).to.equal(true)
    expect(isWithin(`cn=dev, OU = groups,dc=example,dc=com`, base)).to.equal(true)
    expect(isWithin(base, base)).to.equal(true)
    expect(isWithin(`cn=dev,ou=more${base}`, base)).to.equal(false)
    expect(isWithin(`cn=ou\\=groups\\,dc\\=example\\,dc\\=com,dc=other`, base)).to.equal(false)
    expect(isWithin('dc=com', base)).to.equal(false)
  })
})

describe(partsOf.name, () => {
  it('gives the same for every spelling of a name, and ends for every text', () => {
    expect(partsOf('ou=b+cn=a,dc=x')).to.deep.equal(partsOf('CN=A + OU=B, DC=X'))
    expect(partsOf('CN=A\\2CB, OU=x')).to.deep.equal(partsOf('cn=a\\,b,ou=X'))
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(partsOf(text))))
  })
})
