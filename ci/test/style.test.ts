import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect } from 'chai'
import { doors } from '../../oxlint.config.ts'

// STYLE.md and CONTRIBUTING.md say what is there: the tree, the doors, the commands.

const style = readFileSync('STYLE.md', 'utf8')

interface Line {
  /** Folder or file as it is written, from the root. */
  readonly paths: readonly string[]
  readonly text: string
  readonly isLater: boolean
}

/** A line of the tree: as many spaces as it lies deep, names with two spaces between them, then words with one space between them. */
function parseTree(block: string): Line[] {
  const folders: string[] = []
  return block.split('\n').map((text) => {
    const depth = /^ */.exec(text)![0].length
    const chunks = text.trim().split(/ {2,}/)
    const isLater = chunks.some((chunk) => chunk.startsWith('(later)'))
    const end = chunks.findIndex((chunk) => chunk.includes(' '))
    const names = isLater ? [] : chunks.slice(0, end === -1 ? chunks.length : end)
    const folder = folders.slice(0, depth).join('')
    folders.splice(depth, folders.length, names[0]?.endsWith('/') ? names[0] : '')
    return { paths: names.map((name) => `${folder}${name}`), text: text.trim(), isLater }
  })
}

/** @returns the files that a name of the tree stands for: a pattern, a folder, or a file without its ending */
function filesOf(path: string): string[] {
  if (path.endsWith('/')) return existsSync(path) && statSync(path).isDirectory() ? [path] : []
  return globSync([path, `${path}.{ts,mjs,sh}`])
}

/** Rooms of which every file is named; a folder below them that is named without lines of its own is named whole. */
const rooms = [
  ...['proto', 'rules', 'runtime', 'operator', 'config-agent', 'server', 'stand-in', 'harness'].map(
    (name) => `${name}/src`,
  ),
  'scripts',
  'ci',
].map((path) => `${path}/`)
/** Said once for all, above the tree. */
const everywhere = new Set(['main', 'app', 'settings', 'errors'])

/** @returns what the tree should name and does not */
function unnamed(lines: readonly Line[]): string[] {
  const linesOf = (folder: string) => {
    const own = lines.filter(({ paths }) => paths.includes(folder))
    const below = lines.filter(
      ({ paths, isLater }) => !isLater && paths.some((path) => dirname(path) === folder.slice(0, -1)),
    )
    return { own, below }
  }
  const isNamed = (folder: string, name: string) => {
    const { own, below } = linesOf(folder)
    return [...own, ...below].some(({ text }) => text.split(/[^\w./-]+/).includes(name))
  }
  return rooms.flatMap((room) => {
    const files = globSync(`${room}**/*.{ts,mjs}`, { exclude: ['**/test/**', '**/generated/**'] }).sort()
    return files.flatMap((file) => {
      const name = basename(file).replace(/\.ts$/, '')
      for (let folder = `${dirname(file)}/`; folder.length >= room.length; folder = `${dirname(folder)}/`) {
        const { own, below } = linesOf(folder)
        if (own.length === 0) continue
        const inside = file.slice(folder.length).split('/')
        if (below.length === 0) return []
        if (inside.length === 1)
          return isNamed(folder, name) || everywhere.has(name) ? [] : [`${file} is not named below ${folder}`]
        return isNamed(folder, `${inside[0]}/`)
          ? []
          : [`the folder ${folder}${inside[0]}/ is not named below ${folder}`]
      }
      return [`${file}: no line of the tree names a folder that it lies in`]
    })
  })
}

describe('STYLE.md', () => {
  const [, block = ''] = /\n## 3\. The tree[\s\S]*?\n```\n([\s\S]*?)\n```\n/.exec(style) ?? []
  const lines = parseTree(block)

  it('has a tree', () => expect(lines.length).to.be.greaterThan(50))

  it('names no file and no folder that is not there', () => {
    const missing = lines.flatMap(({ paths }) => paths.filter((path) => filesOf(path).length === 0))
    expect(missing, 'names of the tree without a file or folder').to.deep.equal([])
  })

  it('names every source file, or its folder', () => expect([...new Set(unnamed(lines))]).to.deep.equal([]))

  it('names every workspace', () => {
    const { workspaces } = JSON.parse(readFileSync('package.json', 'utf8')) as { workspaces: string[] }
    expect(lines.flatMap(({ paths }) => paths)).to.include.members(workspaces.map((name) => `${name}/src/`))
  })

  it('lists the doors that lint holds, and no others', () => {
    const [, table = ''] = /\n\| Library \| Door \|\n\|---\|---\|\n((?:\|.*\n)+)/.exec(style) ?? []
    const rows = table
      .trim()
      .split('\n')
      .map((row) => {
        const [libraries, open] = row.split('|').slice(1, 3)
        const names = (cell: string | undefined) => [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
        return { libraries: names(libraries), open: names(open) }
      })
    const faults = Object.entries(doors).flatMap(([regex, files]) => {
      const row = rows.find(({ libraries }) => libraries.some((name) => new RegExp(regex).test(name)))
      const wanted = files.map((file) => file.replace(/\/\*\*$/, '/'))
      if (row === undefined) return [`no row for ${regex}`]
      const strange = row.libraries.filter((name) => !new RegExp(regex).test(name))
      if (strange.length > 0) return [`${strange.join(', ')} in the row of ${regex}: another door, another row`]
      return row.open.join() === wanted.join()
        ? []
        : [`${row.libraries.join(', ')}: ${wanted.join(', ')}, not ${row.open.join(', ')}`]
    })
    const known = Object.keys(doors).map((regex) => new RegExp(regex))
    const unknown = rows.filter(({ libraries }) => !known.some((regex) => libraries.some((name) => regex.test(name))))
    expect([
      ...faults,
      ...unknown.map(({ libraries }) => `${libraries.join(', ')}: lint holds no such door`),
    ]).to.deep.equal([])
  })
})

describe('CONTRIBUTING.md and README.md', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }

  for (const page of [
    'CONTRIBUTING.md',
    'README.md',
    'STYLE.md',
    'CHANGELOG.md',
    'SECURITY.md',
    ...globSync('{docs,stand-in,harness,ci,charts}/**/*.md'),
  ].sort()) {
    const text = readFileSync(page, 'utf8')

    it(`${page}: no merge was left half done`, () => expect(text).to.not.match(/^(<{7}|>{7}) /m))

    it(`${page}: each npm command is a script of package.json`, () => {
      const named = [...text.matchAll(/\bnpm (?:(?:run|-s|--silent|run -s) )+([a-z][\w-]*)/g)].map(([, name]) => name!)
      expect(named.filter((name) => !(name in scripts))).to.deep.equal([])
    })

    it(`${page}: each link leads to a file`, () => {
      const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link]) => link!)
      const local = links.filter((link) => !/^[a-z]+:/.test(link))
      expect(local.filter((link) => !existsSync(join(dirname(page), link)))).to.deep.equal([])
    })
  }

  const tops = globSync('*/').map((folder) => folder.replace(/\/$/, ''))
  for (const page of ['STYLE.md', 'CONTRIBUTING.md', 'README.md', ...globSync('{docs,stand-in,harness}/*.md')].sort()) {
    it(`${page}: each path of this repository is there`, () => {
      // the anchors are files of other repositories
      const text = readFileSync(page, 'utf8').replace(/\n## 2\. Anchors[\s\S]*?\n## /, '')
      const places = (path: string) => [path, join(dirname(page), 'src', path)]
      const quoted = [...text.matchAll(/`((?:[\w.-]+\/)+[\w.*-]*)`/g)].map(([, path]) => path!)
      const ours = quoted.filter((path) => tops.includes(path.split('/')[0]!) && !/node_modules|generated/.test(path))
      expect(ours.filter((path) => !places(path).some((place) => filesOf(place).length > 0))).to.deep.equal([])
    })
  }

  for (const workspace of ['stand-in', 'harness']) {
    it(`${workspace}/README.md: each name of its table is there`, () => {
      const text = readFileSync(`${workspace}/README.md`, 'utf8')
      const names = [...text.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) => cell!.replaceAll('`', '').split(', '))
      expect(names).to.have.length.greaterThan(5)
      expect(names.filter((name) => filesOf(`${workspace}/src/${name}`).length === 0)).to.deep.equal([])
    })
  }

  it('README.md names each page of docs/', () => {
    const text = readFileSync('README.md', 'utf8')
    const pages = [...globSync('docs/*.md'), ...globSync('docs/*/').map((folder) => folder.replace(/\/$/, ''))]
    expect(pages.filter((page) => !text.includes(`(${page})`))).to.deep.equal([])
  })

  it('CONTRIBUTING.md names at most eight files or folders for each feature, and all are there', () => {
    const text = readFileSync('CONTRIBUTING.md', 'utf8')
    const [, section = ''] = /\n### A second factor,[^\n]*\n([\s\S]*?)\n## /.exec(text) ?? []
    const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| To add'))
    expect(rows).to.have.length.of.at.least(4)
    for (const row of rows) {
      const [name, ...cells] = row.split('|').slice(1)
      const named = (cell: string) => [...cell.matchAll(/`([\w.-]+(?:\/[\w.-]*)*)`/g)].map(([, path]) => path!)
      const files = named(cells.slice(0, 2).join()).filter((path) => /[./]/.test(path))
      expect(files.length, name).to.be.within(2, 8)
      const all = named(cells.join()).filter((path) => /[./]/.test(path))
      expect(
        all.filter((path) => filesOf(path).length === 0),
        name,
      ).to.deep.equal([])
    }
  })

  it('CONTRIBUTING.md has a row or a line for each script that people run', () => {
    const text = readFileSync('CONTRIBUTING.md', 'utf8')
    const people = Object.keys(scripts).filter((name) => !(name.startsWith('pre') && name.slice(3) in scripts))
    expect(people.filter((name) => !new RegExp(`\\bnpm (run )?(-s |--silent )?${name}\\b`).test(text))).to.deep.equal(
      [],
    )
  })
})
