import { expect } from 'chai'
import { hasHiddenCharacters, hiddenRanges, showHiddenCharacters } from '../src/hidden-characters.ts'

/** What Unicode says of a character, and what it does not: an empty braille cell, notes between the lines, no characters yet. */
const showsNothing = /[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb]/u
const isJoiner = (character: string) => ['\u200c', '\u200d', '\ufe0f'].includes(character)
const inText = new RegExp(`[${hiddenRanges}]`, 'u')

describe('hidden characters', () => {
  it('are, of all that Unicode has, those that show nothing; text for people may have the joiners', () => {
    const wrong: string[] = []
    for (let code = 0; code <= 0x10ffff; code++) {
      const character = String.fromCodePoint(code)
      const isHidden = showsNothing.test(character)
      if (hasHiddenCharacters(character) !== isHidden || inText.test(character) !== (isHidden && !isJoiner(character)))
        wrong.push(code.toString(16))
    }
    expect(wrong).to.deep.equal([])
  })

  it('are shown one by one, and all else stays', () =>
    expect(showHiddenCharacters('a\u200bb\u{e0041}\u{1f600}\n', () => '?')).to.equal('a?b?\u{1f600}?'))
})
