import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { languagesIn } from '../../src/http/branding/languages.ts'
import { localesDirectory, viewsDirectory } from '../../src/files.ts'
import { createTexts } from '../../src/http/branding/texts.ts'

const read = (language: string) =>
  JSON.parse(readFileSync(join(localesDirectory, `${language}.json`), 'utf8')) as Record<string, string>
const names = (text: string) =>
  [...text.matchAll(/\{(\w+)[|}]/g)].map(([, name]) => name ?? '').toSorted((a, b) => a.localeCompare(b))

describe('locales', () => {
  const english = read('en')

  for (const language of languagesIn(localesDirectory)) {
    it(`${language} has every text that English has, and no other`, () => {
      expect(Object.keys(read(language))).to.deep.equal(Object.keys(english))
    })

    it(`${language} leaves no text empty, and uses the same values`, () => {
      for (const [key, text] of Object.entries(read(language))) {
        expect(text.trim(), key).not.to.equal('')
        expect([...new Set(names(text))], key).to.deep.equal([...new Set(names(english[key] ?? ''))])
      }
    })
  }

  it('has the words of a number in every form that the language has', () => {
    // how many an integer needs; two are the usual
    const forms: Record<string, number> = { pl: 3, cs: 3, ja: 1 }
    for (const language of languagesIn(localesDirectory))
      for (const [key, text] of Object.entries(read(language)))
        for (const [, name, words = ''] of text.matchAll(/\{(\w+)\|([^}]*)\}/g)) {
          expect(words.split('|'), `${language} ${key}`).to.have.length(forms[language] ?? 2)
          expect(text, `${language} ${key}`).to.contain(`{${name}}`)
        }
  })

  it('keeps the signs of French on the line of their word', () => {
    for (const [key, text] of Object.entries(read('fr'))) expect(text, key).not.to.match(/ [?!:;»]|« /)
  })

  it('says nothing in more than 20 words at once, in English and German', () => {
    for (const language of ['en', 'de'])
      for (const [key, text] of Object.entries(read(language)))
        for (const sentence of text.replaceAll(/\|[^}]*/g, '').split(/(?<=[.?!:;])\s/))
          expect(sentence.match(/[\p{L}\p{N}{][^\s]*/gu)?.length ?? 0, `${language} ${key}`).to.be.at.most(20)
  })

  it('has every text that a view names', () => {
    const named = readdirSync(viewsDirectory).flatMap((file) => {
      const view = readFileSync(join(viewsDirectory, file), 'utf8')
      return [...view.matchAll(/(?:text|rich|key:)\(?\s*'([a-z][\w.-]+\.[\w.-]+)'/g)].map(([, key]) => key ?? '')
    })
    expect(named.length).to.be.greaterThan(30)
    expect(named.filter((key) => english[key] === undefined)).to.deep.equal([])
  })

  it('has a text for every mistake, error and notice that the sources name', () => {
    const keysIn = (folder: string) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => readFileSync(join(folder, file), 'utf8'))
        .flatMap((source) => [...source.matchAll(/\bkey: '([\w-]+)'/g)].map(([, key]) => key ?? ''))
    const sources = join(viewsDirectory, '../src')
    const keys = [
      ...keysIn(join(sources, 'http')),
      ...keysIn(join(sources, 'login')),
      ...keysIn(join(sources, 'account')),
    ]
    expect(keys.length).to.be.greaterThan(20)
    const namesOf = (key: string) => [`mistake.${key}`, `error.${key}.title`, `notice.${key}.title`]
    const missing = keys.filter((key) => namesOf(key).every((name) => !english[name]))
    expect(missing).to.deep.equal([])
  })

  it('has a title and a text for every error', () => {
    const errors = Object.keys(english).filter((key) => /^error\.[\w-]+\.(title|text)$/.test(key))
    for (const key of errors) {
      const other = key.endsWith('.title') ? key.replace(/title$/, 'text') : key.replace(/text$/, 'title')
      expect(english, key).to.have.property(other)
    }
  })
})

describe('createTexts', () => {
  const { text, rich } = createTexts('en', { greeting: 'Hello <{name}> & {other}' })

  it('fills in values, and leaves a name without a value as it is', () => {
    expect(text('greeting', { name: 'Ada' })).to.equal('Hello <Ada> & {other}')
  })

  it('L15 escapes the text and each value in HTML', () => {
    expect(rich('greeting', { name: '<b onclick="x">' })).to.equal(
      'Hello &lt;<bdi class="value">&lt;b onclick=&quot;x&quot;&gt;</bdi>&gt; &amp; {other}',
    )
  })

  it('E9 uses no value of the prototype', () => {
    expect(createTexts('en', { a: '{constructor}{toString}' }).text('a', {})).to.equal('{constructor}{toString}')
  })

  it('writes the word that goes with a number', () => {
    const said = (language: string, words: string, counts: readonly number[]) => {
      const texts = createTexts(language, { left: `{n} {n|${words}}.` })
      return counts.map((n) => texts.text('left', { n }))
    }
    expect(said('en', 'minute|minutes', [0, 1, 2])).to.deep.equal(['0 minutes.', '1 minute.', '2 minutes.'])
    expect(said('pl', 'grupa|grupy|grup', [1, 2, 5, 22])).to.deep.equal([
      '1 grupa.',
      '2 grupy.',
      '5 grup.',
      '22 grupy.',
    ])
    expect(said('cs', 'den|dny|dní', [1, 3, 7])).to.deep.equal(['1 den.', '3 dny.', '7 dní.'])
    expect(createTexts('en', { left: '{n} {n|<b>|&}' }).rich('left', { n: 1 })).to.contain('</bdi> &lt;b&gt;')
  })

  it('keeps the signs around an address with it, and leaves those around a word', () => {
    const { rich: shown } = createTexts('fr', { open: 'Une application ({uri}\u202f: {uri}), {uri}' })
    const address = '<bdi class="value">a.<wbr>b</bdi>'
    expect(shown('open', { uri: 'a.b' })).to.equal(
      `Une application <span translate="no">(${address}\u202f:</span> <span translate="no">${address}),</span> <bdi class="value" translate="no">a.<wbr>b</bdi>`,
    )
    expect(shown('open', { uri: 'An agent (a.b)' })).to.contain('An agent <span translate="no">(a.<wbr>b)</span>')
    expect(shown('open', { uri: 'word' })).to.contain('(<bdi class="value">word</bdi>\u202f:')
  })

  it('does not fill in names that are in a value', () => {
    expect(text('greeting', { name: '{other}', other: 'secret' })).to.equal('Hello <{other}> & secret')
  })
})
