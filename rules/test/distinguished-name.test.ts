import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { attributeOf, isSameName, parseDistinguishedName, typeOid } from '../src/distinguished-name.ts'

const [cn, o] = ['2.5.4.3', '2.5.4.10']

describe('parseDistinguishedName', () => {
  const read: readonly [text: string, names: readonly (readonly string[])[]][] = [
    ['CN=a', [[`${cn}=a`]]],
    ['cn = a , o= b ', [[`${cn}=a`], [`${o}=b`]]],
    ['2.5.4.3=a', [[`${cn}=a`]]],
    ['CN=a\\, b', [[`${cn}=a, b`]]],
    ['CN=a\\2C b', [[`${cn}=a, b`]]],
    ['CN=\\ a\\ ', [[`${cn}= a `]]],
    ['CN=\\#a', [[`${cn}=#a`]]],
    ['CN=a=b', [[`${cn}=a=b`]]],
    ['CN=L\\C3\\BC', [[`${cn}=Lü`]]],
    ['CN=ü😀', [[`${cn}=ü😀`]]],
    ['O=b+CN=a', [[`${o}=b`, `${cn}=a`]]],
  ]
  for (const [text, names] of read) it(`reads ${text}`, () => expect(parseDistinguishedName(text)).to.deep.equal(names))

  for (const text of [
    '',
    'a',
    'CN',
    'CN=',
    'CN=a,',
    ',CN=a',
    'XY=a',
    'CN=a+XY=b',
    'CN=#04',
    'CN="a"',
    'CN=a;O=b',
    'CN=\\',
    'CN=\\zz',
  ])
    it(`is nothing: ${JSON.stringify(text)}`, () => expect(parseDistinguishedName(text)).to.equal(undefined))

  it('is nothing: bytes that are no UTF-8', () => expect(parseDistinguishedName('CN=\\FF')).to.equal(undefined))

  it('reads back every value, however odd, and never fails on anything', () => {
    const escape = (value: string) => [...Buffer.from(value)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`)
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), fc.string(), (value, junk) => {
        expect(parseDistinguishedName(`O=x,CN=${escape(value).join('')}`)).to.deep.equal([
          [`${o}=x`],
          [`${cn}=${value}`],
        ])
        parseDistinguishedName(junk)
      }),
      { numRuns: propertyRuns(200) },
    )
  })
})

describe('isSameName', () => {
  it('compares values letter by letter, in their order', () => {
    expect(isSameName([['1=a'], ['2=b']], [['1=a'], ['2=b']])).to.equal(true)
    for (const other of [[['2=b'], ['1=a']], [['1=a']], [['1=a'], ['2=B']], [['1=a', '2=b']]])
      expect(isSameName([['1=a'], ['2=b']], other)).to.equal(false)
    expect(isSameName([['1=a', '2=b']], [['1=a', '2=c']])).to.equal(false)
  })
})

describe('attributeOf', () => {
  it('knows types by their names in any letters, and by their OID', () => {
    expect(attributeOf('Cn', 'a')).to.equal('2.5.4.3=a')
    expect(attributeOf('1.2.3', 'a')).to.equal('1.2.3=a')
    expect(attributeOf('XY', 'a')).to.equal(undefined)
  })
})

describe('typeOid', () => {
  it('knows the names of RFC 4514', () =>
    expect(['CN', 'L', 'ST', 'O', 'OU', 'C', 'STREET', 'DC', 'UID'].map(typeOid)).not.to.include(undefined))
})
