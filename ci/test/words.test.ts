import { globSync, readFileSync } from 'node:fs'
import { expect } from 'chai'

// Words that make a reader stop, on every page for people. The pages of settings, errors, fields, metrics and commands are written from the code,
// so this holds for its texts too. STYLE.md section 7 has the sentences.

const pages = globSync(['*.md', 'docs/**/*.md', 'charts/nauthera/*.md', 'examples/**/*.md', 'site/*.md'], {
  // STYLE.md shows what not to write; a decision keeps the words of its time
  exclude: [
    'STYLE.md',
    'docs/adr/**',
    'docs/tree.md',
    'docs/measurements.md',
    'docs/measurements/**',
    '**/node_modules/**',
  ],
})

/** The help of our commands stands in blocks of these. */
const helpPages = ['docs/cli.md', 'docs/plugin.md']

/** Without blocks of code, inline code, comments and addresses of links. */
const proseOf = (page: string): string =>
  readFileSync(page, 'utf8')
    .replaceAll(/<!--[^]*?-->/g, '')
    .replaceAll(helpPages.includes(page) ? /^```\w*$/gm : /^( *)```[^]*?^\1```$/gm, '')
    .replaceAll(/`[^`\n]*`/g, '')
    .replaceAll(/\]\([^)]*\)/g, ']')

const words: readonly (readonly [RegExp, string])[] = [
  [/\bbelongs? into\b/gi, 'belongs in'],
  [/\bof before\b/gi, 'previous, earlier'],
  [/\banew\b/gi, 'again'],
  [/, since (?!when\b|then\b|whether\b)/gi, 'because'],
  [/\b(mend(s|ed)?)\b/gi, 'fix'],
  [/\b(ends? to be|lately)\b/gi, 'the plain verb'],
  [/\blog(s|ged|ging)? (in|out)\b(?! the namespace)/gi, 'sign in, sign out'],
  [/\b(whitelist|blacklist)\w*\b/gi, 'list'],
  [/\b(simply|obviously|utili[sz]e\w*|in order to)\b/gi, 'nothing, or use, or to'],
  [/\bemail address/gi, 'e-mail address'],
  [/\b(two|multi)-factor\b/gi, 'second factor'],
  [/\bwhoever\b/gi, 'who, people who, anybody who'],
  // "the password alone" is English; "takes the header alone" is read twice
  [/(?<!password |session |it |these |fail |left |let )\balone\b/gi, 'only, before what it limits'],
]

/** What the product says: texts in quotes, without those that a comment has. */
const saidIn = (file: string): string =>
  [
    ...readFileSync(file, 'utf8')
      .replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, '')
      .matchAll(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\\n]|\\.)*"/g),
  ]
    .map(([text]) => text)
    .filter((text) => text.includes(' '))
    .join('\n')
const products = globSync('{server,operator,config-agent,runtime,rules}/src/**/*.ts').filter(
  (file) => !file.includes('/generated/'),
)
const english = ['server/locales/en.json']

describe('the words of the pages', () => {
  for (const [unwanted, instead] of words)
    it(`are not ${unwanted.source}, but: ${instead}`, () => {
      const texts = [
        ...pages.map((page) => [page, proseOf(page)] as const),
        ...[...products, ...english].map((file) => [file, saidIn(file)] as const),
      ]
      const found = texts.flatMap(([file, prose]) =>
        [...prose.matchAll(unwanted)].map(({ 0: word, index, input }) => {
          const around = input.slice(Math.max(0, index - 30), index + word.length + 30).replaceAll('\n', ' ')
          return `${file}: ${around}`
        }),
      )
      expect(found).to.deep.equal([])
    })

  const lengthOf = (sentence: string) => [...sentence.matchAll(/[\w'’-]+/g)].length
  const sentencesOf = (page: string) =>
    proseOf(page)
      .split(/(?<=[.!?:;|]\**)\s+|\n\s*\n|\n(?=[-*|#] )/)
      .filter((sentence) => lengthOf(sentence) > 2)

  it('are at most 20 a sentence on average, on each page', () => {
    const long = pages.filter((page) => {
      const sentences = sentencesOf(page)
      return sentences.reduce((sum, sentence) => sum + lengthOf(sentence), 0) > 20 * sentences.length
    })
    expect(long).to.deep.equal([])
  })

  it('are at most 30 in any sentence', () => {
    const long = pages
      .filter((page) => !helpPages.includes(page))
      .flatMap((page) => sentencesOf(page).map((sentence) => ({ page, sentence })))
    expect(long.filter(({ sentence }) => lengthOf(sentence) > 30)).to.deep.equal([])
  })
})
