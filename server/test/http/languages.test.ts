import { expect } from 'chai'
import { chooseLanguage, parseAcceptLanguage } from '../../src/http/languages.ts'

describe('chooseLanguage', () => {
  const rules: [string, string[], string | undefined, string][] = [
    ['takes what the request wishes before the browser', ['de'], 'en', 'de'],
    ['matches a region by its language', ['de-AT'], undefined, 'de'],
    ['goes on to the next wish', ['fr', 'de'], 'en', 'de'],
    ['asks the browser when no wish can be met', ['fr'], 'de;q=0.5, fr', 'de'],
    ['takes the browser’s best', [], 'en;q=0.4, de;q=0.8', 'de'],
    ['leaves out what the browser refuses', [], 'de;q=0, en', 'en'],
    ['is English for everybody else', [], 'ja, zh', 'en'],
    ['is English for a broken header', [], ';;q=,,*', 'en'],
  ]
  for (const [sentence, wished, header, language] of rules) {
    it(sentence, () => expect(chooseLanguage(wished, header)).to.equal(language))
  }
})

describe('parseAcceptLanguage', () => {
  it('reads at most 20 tags of at most 500 characters', () => {
    expect(parseAcceptLanguage('de,'.repeat(200))).to.have.length(20)
    expect(parseAcceptLanguage(`${'x'.repeat(600)},de`)).to.deep.equal([])
  })
})
