import { expect } from 'chai'
import {
  asOneLine,
  hasHiddenCharacters,
  hasHiddenInName,
  hiddenRanges,
  showHiddenCharacters,
} from '../src/hidden-characters.ts'

/** What Unicode says of a character, and what it does not: an empty braille cell, notes between the lines, no characters yet. */
const showsNothing = /[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb]/u
const isJoiner = (character: string) => ['\u200c', '\u200d', '\ufe0f'].includes(character)
const inText = new RegExp(`[${hiddenRanges}]`, 'u')

describe('hidden characters', () => {
  it('are, of all that Unicode has, those that show nothing; text for people may have the joiners', () => {
    const wrong: string[] = []
    for (let code = 0; code <= 0x10ffff; code++) {
      const character = String.fromCodePoint(code)
      // half of a character is none; no database takes it
      if (!character.isWellFormed()) {
        if (!hasHiddenCharacters(character)) wrong.push(code.toString(16))
        continue
      }
      const isHidden = showsNothing.test(character)
      if (hasHiddenCharacters(character) !== isHidden || inText.test(character) !== (isHidden && !isJoiner(character)))
        wrong.push(code.toString(16))
    }
    expect(wrong).to.deep.equal([])
  })

  it('are shown one by one, and all else stays', () =>
    expect(showHiddenCharacters('a\u200bb\u{e0041}\u{1f600}\n', () => '?')).to.equal('a?b?\u{1f600}?'))

  const names: readonly (readonly [string, string, boolean])[] = [
    ['a name', 'Ada Lovelace', false],
    ['no name', '', false],
    ['one with a joiner, as in Persian', 'نیک\u200cنام', false],
    ['one with the variant of a character, as in Japanese', '葛\u{e0100}城', false],
    ['a face that is joined of several', '\u{1f469}\u200d\u{1f4bb}\ufe0f', false],
    ['a NUL', 'a\u0000b', true],
    ['a line break', 'a\nb', true],
    ['half of a character', 'a\ud800b', true],
    ['one that turns the direction', 'Ada \u202eecalevoL', true],
    ['a space that has no width', 'a\u200bb', true],
    ['joiners and spaces alone', '\u200d \ufe0f', true],
  ]
  for (const [what, name, has] of names)
    it(`${what}: ${has ? 'not possible' : 'possible'} in the name of a person`, () =>
      expect(hasHiddenInName(name)).to.equal(has))

  it('become one space in a line, and joiners stay', () =>
    expect(asOneLine(' a\r\n\u202e b\u200c\u0000\u2028c ')).to.equal('a b\u200c c'))
})
