import { globSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { leftOut, readContents } from '../site/contents.ts'
import { placeOf, textOf, withLinksOfSite } from '../site/stage.ts'

describe('the site of the documentation', () => {
  const placed = readContents().flatMap(({ pages }) => pages)

  it('shows every page of docs/ once', () => {
    expect(globSync('docs/**/*.md').filter((page) => !placed.includes(page))).to.deep.equal([leftOut])
    expect(placed).to.have.length(new Set(placed).size)
    expect(placed.map(placeOf)).to.have.length(new Set(placed.map(placeOf)).size)
  })

  it('has a home page whose links lead to pages', () => {
    const links = [...readFileSync('site/home.md', 'utf8').matchAll(/link: \/(\S+)/g)].map(([, link]) => `${link}.md`)
    expect(links).to.have.length.greaterThan(5)
    expect(links.filter((link) => !placed.map(placeOf).includes(link))).to.deep.equal([])
  })

  it('leaves out the lists of tests, which are long and lead nowhere', () => {
    const text = textOf('docs/threat-model.md')
    expect(readFileSync('docs/threat-model.md', 'utf8')).to.include('\nTests: `')
    expect(text).to.include('\n## Tokens and keys\n').and.not.include('\nTests: ')
    expect(textOf('docs/keys.md')).to.equal(readFileSync('docs/keys.md', 'utf8'))
  })

  const repository = 'https://example.org/nauthera/blob/main'
  const pages = new Set(['README.md', 'docs/keys.md', 'docs/adr/README.md', 'docs/adr/0019-keys.md', 'SECURITY.md'])
  for (const [what, page, text, wanted] of [
    ['another page', 'README.md', '[keys](docs/keys.md#rings)', '[keys](./keys.md#rings)'],
    ['the page that it stands for', 'docs/keys.md', '[start](../README.md)', '[start](./start.md)'],
    ['a page further up', 'docs/adr/0019-keys.md', '[keys](../keys.md)', '[keys](../keys.md)'],
    ['the page of a folder', 'docs/keys.md', '[decisions](adr/)', '[decisions](./adr/index.md)'],
    [
      'a page by its file',
      'docs/keys.md',
      '[SECURITY.md](../SECURITY.md#reporting)',
      '[Security](./security.md#reporting)',
    ],
    ['a page in capitals', 'docs/keys.md', '[security](../SECURITY.md)', '[security](./security.md)'],
    ['a heading of its own', 'docs/keys.md', '[rings](#rings)', '[rings](#rings)'],
    ['another host', 'docs/keys.md', '[RFC](https://example.org/rfc)', '[RFC](https://example.org/rfc)'],
    ['a picture', 'docs/keys.md', '![growth](measurements/a.svg)', '![growth](./measurements/a.svg)'],
    ['a file of the repository', 'docs/keys.md', '[code](../ci/report.ts)', `[code](${repository}/ci/report.ts)`],
  ] as const)
    it(`turns a link to ${what}`, () => {
      expect(withLinksOfSite(`See ${text}.`, page, pages, repository)).to.equal(`See ${wanted}.`)
    })

  it('shows the name of a file alone when it is told of no repository', () => {
    expect(withLinksOfSite('See [`report.ts`](../ci/report.ts).', 'docs/keys.md', pages, undefined)).to.equal(
      'See `report.ts`.',
    )
  })
})
