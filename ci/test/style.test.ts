import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'

// Every page for people: its links, anchors, paths and commands lead to what is there.

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
const pages = globSync(['*.md', '{docs,stand-in,harness,ci,charts}/**/*.md'], {
  exclude: ['**/node_modules/**'],
}).sort()
const textOf = (page: string) => readFileSync(page, 'utf8')

/** Each page with what is wrong there, for those that have something. */
function faultsIn(among: readonly string[], faultsOf: (text: string, page: string) => readonly string[]): string[] {
  return among.flatMap((page) => faultsOf(textOf(page), page).map((fault) => `${page}: ${fault}`))
}

/** @returns the files that a path in a page stands for: a pattern, a folder, or a file without its ending */
function filesOf(path: string): string[] {
  if (path.endsWith('/')) return existsSync(path) && statSync(path).isDirectory() ? [path] : []
  return globSync([path, `${path}.{ts,mjs,sh}`])
}

/** The anchors of a page, as forges make them of its headings. */
function anchorsOf(page: string): string[] {
  const headings = [...textOf(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => heading!)
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

describe('the pages of the repository', () => {
  it('have no merge that was left half done', () => {
    expect(faultsIn(pages, (text) => text.match(/^(<{7}|>{7}) /gm) ?? [])).to.deep.equal([])
  })

  it('name npm commands that package.json has', () => {
    const unknown = faultsIn(pages, (text) =>
      [...text.matchAll(/\bnpm (?:(?:run|-s|--silent|run -s) )+([a-z][\w-]*)/g)]
        .map(([, name]) => name!)
        .filter((name) => !(name in scripts)),
    )
    expect(unknown).to.deep.equal([])
  })

  it('lead to files that are there, and to headings that they have', () => {
    const broken = faultsIn(pages, (text, page) =>
      [...text.matchAll(/\]\(([^)#\s]*)(?:#([^)\s]*))?\)/g)]
        .filter(([, link]) => !/^[a-z]+:/.test(link!))
        .filter(([, link, anchor]) => {
          const target = link === '' ? page : join(dirname(page), link!)
          return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor))
        })
        .map(([whole]) => whole),
    )
    expect(broken).to.deep.equal([])
  })

  it('name paths of this repository that are there', () => {
    const tops = globSync('*/').map((folder) => folder.replace(/\/$/, ''))
    const named = pages.filter((page) =>
      /^[A-Z]+\.md$|^docs\/(how-to\/|concepts\/)?[^/]+\.md$|^(stand-in|harness)\/[^/]+\.md$/.test(page),
    )
    const gone = faultsIn(
      named.filter((page) => page !== 'CHANGELOG.md'),
      (text, page) =>
        [...text.matchAll(/`((?:[\w.-]+\/)+[\w.*-]*)`/g)]
          .map(([, path]) => path!)
          .filter((path) => tops.includes(path.split('/')[0]!) && !/node_modules|generated/.test(path))
          .filter((path) => ![path, join(dirname(page), 'src', path)].some((place) => filesOf(place).length > 0)),
    )
    expect(gone).to.deep.equal([])
  })

  for (const workspace of ['stand-in', 'harness']) {
    it(`${workspace}/README.md: each name of its table is there`, () => {
      const text = textOf(`${workspace}/README.md`)
      const names = [...text.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) => cell!.replaceAll('`', '').split(', '))
      expect(names).to.have.length.greaterThan(5)
      expect(names.filter((name) => filesOf(`${workspace}/src/${name}`).length === 0)).to.deep.equal([])
    })
  }

  it('can all be reached from README.md, by links', () => {
    const reached = new Set(['README.md'])
    for (const page of reached) {
      if (!page.endsWith('.md')) continue
      for (const [, link] of textOf(page).matchAll(/\]\(([^)#\s]+)/g)) {
        const target = join(dirname(page), link!)
        if (!/^[a-z]+:/.test(link!) && existsSync(target)) reached.add(target.replace(/\/$/, ''))
      }
    }
    // a link to a folder shows all in it
    const isReached = (page: string) => reached.has(page) || reached.has(dirname(page))
    expect(globSync('docs/**/*.md').filter((page) => !isReached(page))).to.deep.equal([])
  })

  it('tell of each script that people run, in CONTRIBUTING.md', () => {
    const people = Object.keys(scripts).filter((name) => !(name.startsWith('pre') && name.slice(3) in scripts))
    const isTold = (name: string) =>
      new RegExp(`\\bnpm (run )?(-s |--silent )?${name}\\b`).test(textOf('CONTRIBUTING.md'))
    expect(people.filter((name) => !isTold(name))).to.deep.equal([])
  })

  it('say how the code is written in 12 kB: docs/tree.md is generated, so that STYLE.md need not list anything', () => {
    expect(statSync('STYLE.md').size).to.be.at.most(12_288)
  })
})
