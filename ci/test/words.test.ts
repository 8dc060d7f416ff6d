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

/** Without blocks of code, inline code, comments and addresses of links. */
const proseOf = (page: string): string =>
  readFileSync(page, 'utf8')
    .replaceAll(/<!--[^]*?-->/g, '')
    .replaceAll(/^( *)```[^]*?^\1```$/gm, '')
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
]

describe('the words of the pages', () => {
  for (const [unwanted, instead] of words)
    it(`are not ${unwanted.source}, but: ${instead}`, () => {
      const found = pages.flatMap((page) =>
        [...proseOf(page).matchAll(unwanted)].map(({ 0: word, index, input }) => {
          const around = input.slice(Math.max(0, index - 30), index + word.length + 30).replaceAll('\n', ' ')
          return `${page}: ${around}`
        }),
      )
      expect(found).to.deep.equal([])
    })

  it('are at most 20 a sentence on average, on each page', () => {
    const long = pages.filter((page) => {
      const sentences = proseOf(page)
        .split(/(?<=[.!?:;|])\s+|\n\s*\n|\n(?=[-*|#] )/)
        .map((sentence) => [...sentence.matchAll(/[\w'’-]+/g)].length)
        .filter((count) => count > 2)
      return sentences.reduce((sum, count) => sum + count, 0) > 20 * sentences.length
    })
    expect(long).to.deep.equal([])
  })
})
