import { expect } from 'chai'
import { entriesOf, findCircles, longestChain, readImports, withoutTypes } from '../../house/imports.ts'

const read = (sources: Record<string, string>) => readImports(new Map(Object.entries(sources)))

describe('readImports', () => {
  it('reads every form of import: relative, of another workspace, over several lines, of types, dynamic', () => {
    const source = [
      `import { b } from './b.ts'`,
      `import type { C } from '../c.ts'`,
      `import {\n  one,\n  two,\n} from '@nauthera/proto/names'`,
      `export { d } from './d.ts'`,
      `const late = await import('./late.ts')`,
      `import 'node:fs'`,
      `import { gone } from './gone.ts'`,
    ].join('\n')
    const others = [
      'server/src/a/b.ts',
      'server/src/c.ts',
      'proto/src/names.ts',
      'server/src/a/d.ts',
      'server/src/a/late.ts',
    ]
    const imports = read({ 'server/src/a/a.ts': source, ...Object.fromEntries(others.map((name) => [name, ''])) })
    expect(imports.get('server/src/a/a.ts')).to.deep.equal(others)
  })
})

describe('entriesOf', () => {
  it('counts each folder of a room as one entry, and ignores imports from outside the room', () => {
    const imports = new Map([
      ['src/app.ts', ['src/http/server.ts', 'src/http/pages.ts', 'other/src/log.ts']],
      ['src/http/server.ts', ['src/http/pages.ts', 'src/reply.ts']],
      ['src/http/pages.ts', []],
      ['src/reply.ts', []],
      ['other/src/log.ts', ['src/app.ts']],
    ])
    expect([...entriesOf('src', imports)]).to.deep.equal([
      ['src/app.ts', ['src/http']],
      ['src/http', ['src/reply.ts']],
      ['src/reply.ts', []],
    ])
  })
})

describe('findCircles', () => {
  it('finds each circle once, without the files that only lead into it or out of it', () => {
    const imports = new Map([
      ['start', ['a']],
      ['a', ['b']],
      ['b', ['c', 'end']],
      ['c', ['a']],
      ['end', []],
      ['x', ['y', 'a']],
      ['y', ['x']],
    ])
    expect(findCircles(imports)).to.deep.equal([
      ['a', 'b', 'c'],
      ['x', 'y'],
    ])
  })
})

describe('longestChain', () => {
  it('is the longest way along imports, with or without those of types', () => {
    const sources = {
      'a/src/a.ts': `import { c } from './c.ts'\nimport type {\n  B,\n} from './b.ts'\n`,
      'a/src/b.ts': `import { c } from './c.ts'\n`,
      'a/src/c.ts': '',
    }
    expect(longestChain(read(sources))).to.deep.equal(['a/src/a.ts', 'a/src/b.ts', 'a/src/c.ts'])
    const values = Object.fromEntries(Object.entries(sources).map(([file, text]) => [file, withoutTypes(text)]))
    expect(longestChain(read(values))).to.deep.equal(['a/src/a.ts', 'a/src/c.ts'])
  })
})
