import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { measureHouse } from '../house.ts'

const lines = (count: number, text = '  call()') => Array.from({ length: count }, () => text).join('\n')

const tree = {
  'server/src/app.ts': `import { serve } from './http/server.ts'\nimport type { Page } from './reply.ts'\n`,
  'server/src/reply.ts': `import type { App } from './http/server.ts'\n`,
  'server/src/http/server.ts': [
    `import type { Page } from '../reply.ts'`,
    `/* as unknown as */`,
    `// as any`,
    `const page = {} as unknown as Page`,
    `const words = ['as Page'] as const`,
    `const other = <Page>page`,
    `export function serve() {\n${lines(81)}\n}`,
  ].join('\n'),
  'server/src/oidc/library/provider.ts': `const page = {} as never\n${lines(299, '// a line')}\n`,
  'server/src/generated/long.ts': lines(400),
  'server/test/app.test.ts': `import '../src/app.ts'\nconst page = {} as never\nfunction f() {\n${lines(200)}\n}\n`,
  'scripts/dev.ts': `function dev() {\n${lines(200)}\n}\n`,
}

describe('measureHouse', () => {
  const root = temporaryDirectory('house-test')

  it('counts rooms, arrows, circles, long functions, long files and casts of the product, and nothing of its tests', () => {
    for (const [path, text] of Object.entries(tree)) {
      mkdirSync(join(root, dirname(path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    expect(measureHouse(root)).to.deep.equal({
      'files of the product': [
        '2 server/src/app.ts',
        '88 server/src/http/server.ts',
        '300 server/src/oidc/library/provider.ts',
        '1 server/src/reply.ts',
      ],
      'files over 300 lines': [],
      rooms: ['server/src', 'server/src/http', 'server/src/oidc/library'],
      'rooms with more than a dozen entries': [],
      'arrows between the entries of the rooms': [
        'server/src/app.ts -> server/src/http',
        'server/src/app.ts -> server/src/reply.ts',
        'server/src/http -> server/src/reply.ts',
        'server/src/reply.ts -> server/src/http',
      ],
      'circles of the entries of a room': ['server/src/http <-> server/src/reply.ts'],
      'circles of files, in all sources': ['server/src/http/server.ts <-> server/src/reply.ts'],
      'longest chain of imports': ['server/src/app.ts', 'server/src/http/server.ts', 'server/src/reply.ts'],
      'longest chain of imports without types': ['server/src/app.ts', 'server/src/http/server.ts'],
      'functions over 60 lines': ['83 server/src/http/server.ts:7 function `serve`'],
      'functions over 80 lines': ['83 server/src/http/server.ts:7 function `serve`'],
      'functions over 100 lines': [],
      casts: [...[4, 4, 6].map((line) => `server/src/http/server.ts:${line}`), 'server/src/oidc/library/provider.ts:1'],
    })
  })
})
