import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { isLookAlike, looksLikeAnother } from '../../../src/store/people/look-alikes.ts'

describe(looksLikeAnother.name, () => {
  for (const [what, names] of [
    [
      'one alphabet',
      ['ada', 'Ada.Lovelace-1815', 'zoë', 'наташа', 'Ольга', 'νίκος', 'אדה', 'عادل', 'アダ', '김민준', 'ณัฐ'],
    ],
    ['Latin with Japanese, Korean or Chinese', ['ada東京', 'カナkana', 'minjun-민준']],
    ['an address, each side by itself', ['ada@example.com', 'наташа@example.com', "o'neil+x@example.co.uk"]],
    ['spaces and ASCII', ['john doe', 'CORP\\ada', 'a_b-c.d']],
  ] as const)
    it(`takes ${what}`, () => expect(names.filter(looksLikeAnother)).to.deep.equal([]))

  for (const [what, names] of [
    [
      'a letter of another alphabet',
      ['\u0430dmin', 'adm\u0456n', '\u03bfps', 'g\u0665gle', 'admin\u0578', 'root\u05d5'],
    ],
    [
      'letters of another alphabet that all look Latin',
      ['\u0440\u0430\u0443\u0440\u0430', '\u0412\u041e\u0412', '\u03bd\u03b9\u03ba\u03bf', '\u0421\u0430\u0440\u04301'],
    ],
    ['one side of an address', ['\u0430da@example.com', 'ada@ex\u0430mple.com']],
    ['a script that is in no everyday use', ['\u13aa\u13de', '\u{10400}\u{10410}']],
    [
      'signs that look like others',
      ['ada\u2010b', 'ada\u00b7b', 'ada\u2024com', 'o\u2019neil', 'ada\u{1f600}', 'ada\u2215b'],
    ],
  ] as const)
    it(`L12 refuses ${what}`, () => expect(names.filter((name) => !looksLikeAnother(name))).to.deep.equal([]))

  it('L12 one letter of another alphabet is noticed wherever it stands in a Latin name', () => {
    const other = fc.constantFrom(...Array.from('аеорсухіјѕԁԛԝһӏοαρνυικգհոսցօ'))
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,8}$/), fc.nat(8), other, (name, at, letter) => {
        expect(looksLikeAnother(name)).to.equal(false)
        expect(looksLikeAnother(name.slice(0, at) + letter + name.slice(at))).to.equal(true)
      }),
      { numRuns: propertyRuns(200) },
    )
  })
})

describe(isLookAlike.name, () => {
  it('looks at user name and address', () => {
    expect(isLookAlike({ username: 'ada', email: 'ada@example.com' })).to.equal(false)
    expect(isLookAlike({ username: '\u0430da' })).to.equal(true)
    expect(isLookAlike({ username: 'ada', email: '\u0430da@example.com' })).to.equal(true)
  })
})
