import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { chooseLanguage, languagesIn, parseAcceptLanguage } from '../../../src/http/branding/languages.ts'

describe('chooseLanguage', () => {
  const rules: [string, string[], string | undefined, string][] = [
    ['prefers the languages of the request to those of the browser', ['de'], 'en', 'de'],
    ['ignores the region of a language', ['de-AT'], undefined, 'de'],
    ['tries the next language', ['sv', 'de'], 'en', 'de'],
    ['uses the browser’s languages when the request has none of ours', ['sv'], 'de;q=0.5, sv', 'de'],
    ['prefers the browser’s best language', [], 'en;q=0.4, de;q=0.8', 'de'],
    ['leaves out what the browser refuses', [], 'de;q=0, en', 'en'],
    ['is English for all others', [], 'ja, zh', 'en'],
    ['is English for a broken header', [], ';;q=,,*', 'en'],
  ]
  for (const [sentence, wished, header, language] of rules) {
    it(sentence, () => expect(chooseLanguage(['en', 'de'], wished, header)).to.equal(language))
  }
})

describe('parseAcceptLanguage', () => {
  it('reads at most 20 tags of at most 500 characters', () => {
    expect(parseAcceptLanguage('de,'.repeat(200))).to.have.length(20)
    expect(parseAcceptLanguage(`${'x'.repeat(600)},de`)).to.deep.equal([])
  })
})

describe(languagesIn.name, () => {
  it('finds a language for each file of texts, English first, and nothing else', () => {
    const directory = temporaryDirectory('locales')
    for (const file of ['fr.json', 'README.md', 'en.json', 'de.json', '.x.json'])
      writeFileSync(join(directory, file), '{}')
    expect(languagesIn(directory)).to.deep.equal(['en', 'de', 'fr'])
  })
})
