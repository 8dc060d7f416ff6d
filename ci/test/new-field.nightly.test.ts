import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { copyTree, mocha } from './support/tree-copy.ts'
import type { Insertion, TreeCopy } from './support/tree-copy.ts'

// Adds a field to OIDCClient in a copy of the tree, by the files that CONTRIBUTING.md names and by no other.

const patches: Readonly<Record<string, Insertion>> = {
  'operator/src/api/oidc-client.ts': [
    "    description: plainText('",
    "    releaseName: plainText('Release of the application.', 64),\n",
  ],
  'proto/nauthera/config/v1/config.proto': [
    '  bool suspended = 5;',
    '  string client_release = 9000 [(spec_path) = "releaseName"];\n',
  ],
  'operator/src/decide/client/metadata.ts': ['    contacts: [', "    clientRelease: spec.releaseName ?? '',\n"],
  'server/src/oidc/clients/mapping.ts': ["  contacts: 'contacts; admin/clients',", "  clientRelease: 'pages only',\n"],
}
const rows: typeof patches = {
  'operator/test/decide/metadata.test.ts': [
    "  ['contacts', {",
    "  ['clientRelease', { releaseName: '1.2' }, '1.2', ''],\n",
  ],
  'ci/test/support/client-fields.ts': [
    "  ['suspended', true, 'yes', ",
    `  ['releaseName', '1.2', 'x'.repeat(65), 'spec.releaseName: may not be more than 64 bytes', \`\${decide}/metadata.test.ts\`, 'maps \${field}', web],\n`,
  ],
  'examples/clients/demo-web.yaml': ['  description: ', "  releaseName: '1.2'\n"],
}
const all = { ...patches, ...rows }

const tests = [
  'operator/test/decide/metadata.test.ts',
  'server/test/oidc/clients/mapping.test.ts',
  'ci/test/fields.test.ts',
]
const timeoutMs = 240_000

describe('a new field of OIDCClient', function () {
  this.timeout(timeoutMs)
  let copy: TreeCopy
  const patch = (file: string) => copy.insert(file, [all[file]!])
  before(() => {
    copy = copyTree({ timeoutMs })
    for (const file of Object.keys(all)) patch(file)
    copy.expectSuccess(['scripts/generate.ts'])
  })
  after(() => copy?.remove())

  it('needs the files that CONTRIBUTING.md names: at most four, rows of tests and an example', () => {
    const [, , files = '', tables = ''] =
      readFileSync('CONTRIBUTING.md', 'utf8')
        .split('\n')
        .find((line) => line.startsWith('| a field of OIDCClient |'))
        ?.split('|') ?? []
    const named = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, file]) => file)
    expect(named(files)).to.have.members(Object.keys(patches)).and.to.have.length.at.most(4)
    expect(named(tables)).to.have.members(Object.keys(rows))
  })

  it('is then known everywhere: types are right, tests pass', () => {
    copy.expectSuccess(['node_modules/typescript/bin/tsc', '--noEmit'])
    copy.expectSuccess(mocha(tests))
  })

  for (const file of Object.keys(all)) {
    it(`fails a test while ${file} is forgotten`, () => {
      copy.restore(file)
      if (file.endsWith('.proto')) copy.expectSuccess(['scripts/generate.ts'])
      const { status, output } = copy.run(mocha(tests))
      patch(file)
      if (file.endsWith('.proto')) copy.expectSuccess(['scripts/generate.ts'])
      expect(status, output).not.to.equal(0)
      expect(output)
        .to.match(/AssertionError/)
        .and.to.match(/clientRelease|releaseName|client_release/)
    })
  }
})
