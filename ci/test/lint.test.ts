import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'

/** Lints files as if they stood at their paths; the configuration is the repository's.
 *  @param sources path -> text
 *  @returns path -> what the linter says of it */
function lint(sources: ReadonlyMap<string, string>): Map<string, string> {
  const directory = temporaryDirectory('lint')
  cpSync('oxlint.config.ts', join(directory, 'oxlint.config.ts'))
  symlinkSync(join(process.cwd(), 'node_modules'), join(directory, 'node_modules'))
  cpSync('tsconfig.json', join(directory, 'tsconfig.json'))
  for (const [path, source] of sources) {
    mkdirSync(join(directory, dirname(path)), { recursive: true })
    writeFileSync(join(directory, path), source)
  }
  const oxlint = join(process.cwd(), 'node_modules/oxlint/bin/oxlint')
  const run = spawnSync(process.execPath, [oxlint, '--config', 'oxlint.config.ts', '--format', 'json'], {
    cwd: directory,
    encoding: 'utf8',
  })
  const report = JSON.parse(run.stdout) as Report
  expect(report.number_of_files).to.equal(sources.size + 1)
  const said = new Map<string, string>()
  for (const { filename, code, message, help } of report.diagnostics)
    said.set(filename, [said.get(filename), code, message, help].join('\n'))
  return said
}

interface Report {
  readonly number_of_files: number
  readonly diagnostics: readonly { filename: string; code: string; message: string; help?: string }[]
}

const refused: readonly [sentence: string, path: string, source: string, message: string][] = [
  [
    'a second door to pg-promise',
    'server/src/users/x.ts',
    `import 'pg-promise'\n`,
    'Only server/src/store/driver/guarded-client.ts',
  ],
  ['a second door to gRPC', 'operator/src/replicas/x.ts', `import '@grpc/grpc-js'\n`, 'Only proto/src/channel/**'],
  [
    'CEL beside its door',
    'operator/src/decide/x.ts',
    `import '@marcbachmann/cel-js'\n`,
    'Only operator/src/api/cel.ts',
  ],
  ['a cast', 'server/src/login/x.ts', `export const name = JSON.parse('1') as string\n`, 'type assertions'],
  ['express outside http', 'server/src/login/x.ts', `import 'express'\n`, 'Only server/src/http/**'],
  [
    'a process that imports another',
    'operator/src/x.ts',
    `import '@nauthera/server/app'\n`,
    'do not import one another',
  ],
  ['a process that imports the stand-in', 'operator/src/x.ts', `import '@nauthera/stand-in/store'\n`, 'in no image'],
  ['a door that imports the harness', 'server/src/http/x.ts', `import '@nauthera/harness/browser'\n`, 'in no image'],
  [
    'local that imports a process',
    'local/src/x.ts',
    `import '@nauthera/server/app'\n`,
    'imports proto and the stand-in',
  ],
  ['a process that imports local', 'server/src/x.ts', `import '@nauthera/local/programs/postgres'\n`, 'in no image'],
  ['the stand-in by its path', 'proto/src/x.ts', `import '../../stand-in/src/store.ts'\n`, 'in no image'],
  ['a stand-in that imports us', 'stand-in/src/x.ts', `import '@nauthera/operator/app'\n`, 'imports proto alone'],
  ['proto that imports rules', 'proto/src/x.ts', `import '@nauthera/rules/limits'\n`, 'do not import one another'],
  ['runtime that imports rules', 'runtime/src/x.ts', `import '@nauthera/rules/limits'\n`, 'do not import one another'],
  ['rules that import runtime', 'rules/src/x.ts', `import '@nauthera/runtime/log'\n`, 'do not import one another'],
  ['rules that import a process', 'rules/src/x.ts', `import '@nauthera/server/app'\n`, 'do not import one another'],
  ['proto that imports runtime', 'proto/src/x.ts', `import '@nauthera/runtime/log'\n`, 'do not import one another'],
  [
    'the mount that imports the push',
    'config-agent/src/mount/x.ts',
    `import '../push/session.ts'\n`,
    'Imports go one way',
  ],
  [
    'a room of the agent that imports its wiring',
    'config-agent/src/report/x.ts',
    `import '../app.ts'\n`,
    'Imports go one way',
  ],
  ['store that imports oidc', 'server/src/store/x.ts', `import '../oidc/sealed.ts'\n`, 'Imports go one way'],
  ['users that import clients', 'server/src/users/x.ts', `import '../clients/registry.ts'\n`, 'Imports go one way'],
  [
    'oidc-provider outside its room',
    'server/src/oidc/interaction/x.ts',
    `import 'oidc-provider'\n`,
    'Only server/src/oidc/library/**',
  ],
  [
    'interaction that imports artefacts',
    'server/src/oidc/interaction/x.ts',
    `import '../artefacts/grants.ts'\n`,
    'Imports between the rooms of server/src/oidc',
  ],
  [
    'artefacts that import the library’s room',
    'server/src/oidc/artefacts/x.ts',
    `import '../library/shapes.ts'\n`,
    'Imports between the rooms of server/src/oidc',
  ],
  [
    'a file in no room that imports one',
    'server/src/oidc/claims.ts',
    `import './clients/access.ts'\n`,
    'Imports between the rooms of server/src/oidc',
  ],
  [
    'the door of jsonwebtoken that imports a room',
    'server/src/oidc/session-cookie.ts',
    `import './interaction/consent.ts'\n`,
    'Imports between the rooms of server/src/oidc',
  ],
  [
    'keys that import what stands above them',
    'server/src/oidc/keys/x.ts',
    `import '../lifetimes.ts'\n`,
    'Imports between the rooms of server/src/oidc',
  ],
  [
    'keys that import clients of oidc',
    'server/src/oidc/keys/x.ts',
    `import '../clients/access.ts'\n`,
    'Imports between the rooms of server/src/oidc',
  ],
  [
    'a room of the store that imports one above it',
    'server/src/store/tokens/x.ts',
    `import '../people/users.ts'\n`,
    'Imports between the rooms of server/src/store',
  ],
  [
    'a room of the store that imports a file of no room',
    'server/src/store/driver/x.ts',
    `import '../store.ts'\n`,
    'Imports between the rooms of server/src/store',
  ],
  [
    'a folder that imports a part of the wiring',
    'server/src/mail/x.ts',
    `import '../app/web.ts'\n`,
    'Imports go one way',
  ],
  [
    'what a page shows that imports its store',
    'server/src/reply/x.ts',
    `import '../store/users.ts'\n`,
    'Imports go one way',
  ],
  ['a folder that imports the wiring', 'server/src/oidc/keys/x.ts', `import '../../app.ts'\n`, 'Imports go one way'],
  ['shards that import intake', 'operator/src/shards/x.ts', `import '../intake/watch.ts'\n`, 'Imports go one way'],
  ['status that imports secret', 'operator/src/status/x.ts', `import '../secret/look.ts'\n`, 'Imports go one way'],
  ['replicas that import intake', 'operator/src/replicas/x.ts', `import '../intake/wake.ts'\n`, 'Imports go one way'],
  [
    'a door that imports what decides',
    'operator/src/kubernetes/x.ts',
    `import '../decide/fences.ts'\n`,
    'Imports go one way',
  ],
  ['a room that imports reconcile', 'operator/src/secret/x.ts', `import '../reconcile.ts'\n`, 'Imports go one way'],
  [
    'an import of a type against the way',
    'operator/src/shards/x.ts',
    `import type { A } from '../secret/a.ts'\nexport type B = A\n`,
    'Imports go one way',
  ],
  ['decide that imports a door', 'operator/src/decide/x.ts', `import '../kubernetes/objects.ts'\n`, 'is pure'],
  [
    'a room of decide that imports a door',
    'operator/src/decide/status/x.ts',
    `import '../../kubernetes/x.ts'\n`,
    'is pure',
  ],
  ['a room that imports one above it', 'operator/src/decide/client/x.ts', `import '../secret/x.ts'\n`, 'go one way'],
  ['decide that imports a clock', 'operator/src/decide/x.ts', `import '../time/clock.ts'\n`, 'is pure'],
  ['decide that imports settings', 'operator/src/decide/x.ts', `import '../settings.ts'\n`, 'is pure'],
  ['decide that reads files', 'operator/src/decide/x.ts', `import 'node:fs'\n`, 'is pure'],
  ['decide that waits', 'operator/src/decide/x.ts', `setTimeout(() => {}, 1)\n`, 'no-restricted-globals'],
  ['api that imports decide', 'operator/src/api/x.ts', `import '../decide/fences.ts'\n`, 'is pure'],
  ['the environment away from main', 'operator/src/x.ts', `export const x = process.env['HOME']\n`, 'no-process-env'],
]

const accepted: readonly [sentence: string, path: string, source: string][] = [
  ['the door of pg-promise', 'server/src/store/driver/guarded-client.ts', `import 'pg-promise'\n`],
  ['express in http', 'server/src/http/server.ts', `import 'express'\n`],
  ['oidc that imports store', 'server/src/oidc/x.ts', `import '../store/grants.ts'\n`],
  [
    'secret that imports intake and shards',
    'operator/src/secret/x.ts',
    `import '../intake/judge.ts'\nimport '../shards/shards.ts'\n`,
  ],
  [
    'decide that imports api, rules and proto',
    'operator/src/decide/x.ts',
    `import '../api/duration.ts'\nimport '@nauthera/rules/limits'\nimport '@nauthera/proto/names'\n`,
  ],
  ['a room that imports one below it', 'operator/src/decide/status/x.ts', `import '../secret/x.ts'\n`],
  [
    'decide that imports what is secret, and codes',
    'operator/src/decide/x.ts',
    `import '@nauthera/runtime/log'\nimport '@nauthera/runtime/coded-error'\n`,
  ],
  [
    'reconcile that imports every room',
    'operator/src/reconcile.ts',
    `import './secret/look.ts'\nimport './status/patience.ts'\n`,
  ],
  [
    'yaml in kubectl, whose arrows hold too',
    'operator/src/kubectl/x.ts',
    `import 'yaml'\nimport '../decide/policy.ts'\n`,
  ],
  ['a test that imports the harness', 'server/test/x.test.ts', `import '@nauthera/harness/browser'\n`],
  ['a stand-in that imports proto', 'stand-in/src/x.ts', `import '@nauthera/proto/names'\n`],
  ['a harness that imports a process', 'harness/src/x.ts', `import '@nauthera/server/app'\n`],
  ['rules that import proto', 'rules/src/x.ts', `import '@nauthera/proto/names'\n`],
  ['a process that imports rules', 'server/src/oidc/x.ts', `import '@nauthera/rules/limits'\n`],
  ['an override that imports oidc-provider', 'server/src/oidc/library/overrides/x.ts', `import 'oidc-provider'\n`],
  [
    'an override that imports the other rooms',
    'server/src/oidc/library/overrides/x.ts',
    `import '../../artefacts/grants.ts'\nimport '../../clients/access.ts'\nimport '../../lifetimes.ts'\n`,
  ],
  [
    'artefacts that import interaction and keys',
    'server/src/oidc/artefacts/x.ts',
    `import '../interaction/consent.ts'\nimport '../keys/key-set.ts'\nimport '../lifetimes.ts'\n`,
  ],
  ['keys that import the clients of the server', 'server/src/oidc/keys/x.ts', `import '../../clients/registry.ts'\n`],
  [
    'jsonwebtoken and keys in the session cookie',
    'server/src/oidc/session-cookie.ts',
    `import 'jsonwebtoken'\nimport './keys/key-set.ts'\n`,
  ],
  ['eta in pages, which may import express too', 'server/src/http/pages/pages.ts', `import 'eta'\nimport 'express'\n`],
]

/** One run of the linter takes as long as one file. Files of one name get names of their own. */
const ownPath = (path: string, index: number) => path.replace(/\/x\./, `/x${index}.`)
const circle = {
  'proto/src/a.ts': `import type { B } from './b.ts'\nexport interface A {\n  b: B\n}\n`,
  'proto/src/b.ts': `import type { A } from './a.ts'\nexport interface B {\n  a: A\n}\n`,
}

describe('the lint rules', function () {
  this.timeout(60_000)
  // a file may be refused for one import and accepted for another
  let [ofRefused, ofAccepted] = [new Map<string, string>(), new Map<string, string>()]
  before(() => {
    const rowsOf = (rows: typeof refused | typeof accepted) =>
      rows.map(([, path, source], index) => [ownPath(path, index), source] as const)
    ofRefused = lint(new Map([...rowsOf(refused), ...Object.entries(circle)]))
    ofAccepted = lint(new Map(rowsOf(accepted)))
  })

  for (const [index, [sentence, path, , message]] of refused.entries()) {
    it(`refuse ${sentence}`, () => expect(ofRefused.get(ownPath(path, index))).to.contain(message))
  }

  it('refuse two files that import one another, for a type alone too', () => {
    expect([...ofRefused.values()].join('\n')).to.contain('Dependency cycle detected')
  })

  for (const [index, [sentence, path]] of accepted.entries()) {
    it(`accept ${sentence}`, () =>
      expect(ofAccepted.get(ownPath(path, index)) ?? '').not.to.match(/no-restricted-imports/))
  }
})
