import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect } from 'chai'

// Adds a field to OIDCClient in a copy of the tree, by the files that CONTRIBUTING.md names and by no other.

/** File -> text that stands in it, and what stands before that text afterwards. */
const patches: Readonly<Record<string, readonly [before: string, added: string]>> = {
  'operator/src/api/oidc-client.ts': [
    "    description: plainText('",
    "    releaseName: plainText('Release of the application.', 64),\n",
  ],
  'proto/nauthera/config/v1/config.proto': [
    '  bool suspended = 5;',
    '  string client_release = 9000 [(spec_path) = "releaseName"];\n',
  ],
  'operator/src/decide/metadata.ts': ['    contacts: [', "    clientRelease: spec.releaseName ?? '',\n"],
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
  let copy: string
  before(() => {
    copy = copyTree()
    for (const file of Object.keys(all)) patch(file)
    expectSuccess(['scripts/generate.ts'])
  })
  after(() => rmSync(copy, { recursive: true, force: true }))

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
    expectSuccess(['node_modules/typescript/bin/tsc', '--noEmit'])
    expectSuccess(mocha())
  })

  for (const file of Object.keys(all)) {
    it(`fails a test while ${file} is forgotten`, () => {
      cpSync(file, join(copy, file))
      if (file.endsWith('.proto')) expectSuccess(['scripts/generate.ts'])
      const { status, output } = run(mocha())
      patch(file)
      if (file.endsWith('.proto')) expectSuccess(['scripts/generate.ts'])
      expect(status, output).not.to.equal(0)
      expect(output)
        .to.match(/AssertionError/)
        .and.to.match(/clientRelease|releaseName|client_release/)
    })
  }

  const mocha = () => ['node_modules/mocha/bin/mocha.js', '--config', '.mocharc.json', '--reporter', 'dot', ...tests]

  function run(args: readonly string[]) {
    const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
      cwd: copy,
      encoding: 'utf8',
      timeout: timeoutMs,
    })
    return { status, output: `${args.join(' ')}\n${stdout}${stderr}${error ?? ''}` }
  }

  function expectSuccess(args: readonly string[]): void {
    const { status, output } = run(args)
    expect(status, output).to.equal(0)
  }

  function patch(file: string): void {
    const [before, added] = all[file]!
    const text = readFileSync(file, 'utf8')
    expect(text.split(before), `${file} has ${before} once`).to.have.length(2)
    writeFileSync(
      join(copy, file),
      text.replace(before, () => added + before),
    )
  }
})

/** Everything that is not installed or built; the packages stay where they are, but for our own workspaces. */
function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), 'nauthera-new-field-'))
  const isLeft = (path: string): boolean => ['node_modules', '.git', '.nauthera', 'coverage'].includes(basename(path))
  for (const entry of readdirSync('.')) {
    if (!isLeft(entry)) cpSync(entry, join(copy, entry), { recursive: true, filter: (path) => !isLeft(path) })
  }
  mkdirSync(join(copy, 'node_modules/@nauthera'), { recursive: true })
  const { workspaces } = JSON.parse(readFileSync('package.json', 'utf8')) as { workspaces: string[] }
  for (const name of workspaces) {
    symlinkSync(join(copy, name), join(copy, 'node_modules/@nauthera', name))
    const own = join(name, 'node_modules')
    if (existsSync(own)) symlinkSync(join(process.cwd(), own), join(copy, own))
  }
  for (const entry of readdirSync('node_modules')) {
    if (entry !== '@nauthera')
      symlinkSync(join(process.cwd(), 'node_modules', entry), join(copy, 'node_modules', entry))
  }
  return copy
}
