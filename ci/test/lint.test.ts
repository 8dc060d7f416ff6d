import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, matchesGlob } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { doors, waysOut } from '../../oxlint.config.ts'

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

const ownDoors = 'Nothing opens a connection but our own doors'

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
  [
    'a room that imports reconcile',
    'operator/src/secret/x.ts',
    `import '../reconcile/outlet.ts'\n`,
    'Imports go one way',
  ],
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
  ['a socket of its own', 'server/src/oidc/x.ts', `import { connect } from 'node:net'\nconnect(1)\n`, ownDoors],
  ['a socket by the whole module', 'runtime/src/x.ts', `import * as net from 'net'\nnet.connect(1)\n`, ownDoors],
  ['TLS of its own', 'proto/src/x.ts', `import { connect } from 'node:tls'\nconnect(1)\n`, ownDoors],
  ['a request of its own', 'operator/src/secret/x.ts', `import { get } from 'node:https'\nget('x:')\n`, ownDoors],
  ['an agent for requests', 'server/src/login/x.ts', `import { Agent } from 'node:http'\nnew Agent()\n`, ownDoors],
  ['HTTP/2', 'config-agent/src/push/x.ts', `export { connect } from 'node:http2'\n`, ownDoors],
  ['a look-up', 'server/src/mail/x.ts', `import dns from 'node:dns'\ndns.lookup('a', () => {})\n`, ownDoors],
  ['a look-up that is awaited', 'rules/src/x.ts', `export * from 'node:dns/promises'\n`, ownDoors],
  ['a datagram', 'server/src/cli/x.ts', `import { createSocket } from 'dgram'\ncreateSocket('udp4')\n`, ownDoors],
  ['a program', 'operator/src/kubectl/x.ts', `import { spawn } from 'node:child_process'\nspawn('x')\n`, ownDoors],
  [
    'a look-up in the door of requests',
    'server/src/oidc/outbound/outbound-fetch.ts',
    `import { lookup } from 'node:dns/promises'\nlookup('a')\n`,
    ownDoors,
  ],
  ['the fetch of Node', 'server/src/login/x.ts', `void fetch('https://x.test')\n`, 'no-restricted-globals'],
  ['a web socket', 'operator/src/kubernetes/x.ts', `new WebSocket('wss://x.test')\n`, 'no-restricted-globals'],
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
    'reconcile that imports what is below it',
    'operator/src/reconcile/x.ts',
    `import '../secret/look.ts'\nimport '../status/patience.ts'\n`,
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
  [
    'what opens nothing, and types',
    'server/src/login/x.ts',
    `import { isIP, type Socket } from 'node:net'\nimport type { ClientRequest } from 'node:http'\nexport const f = (a: Socket | ClientRequest) => isIP(String(a))\n`,
  ],
  [
    'requests in their door',
    'server/src/oidc/outbound/outbound-fetch.ts',
    `import { request } from 'node:https'\nrequest('https://x.test')\n`,
  ],
  ['eta in pages, which may import express too', 'server/src/http/pages/pages.ts', `import 'eta'\nimport 'express'\n`],
]

/** One run of the linter takes as long as one file. Files of one name get names of their own. */
const ownPath = (path: string, index: number) => path.replace(/\/x\./, `/x${index}.`)
const circle = {
  'proto/src/a.ts': `import type { B } from './b.ts'\nexport interface A {\n  b: B\n}\n`,
  'proto/src/b.ts': `import type { A } from './a.ts'\nexport interface B {\n  a: A\n}\n`,
}

describe('the lint rules', () => {
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

  it('hold where a module is loaded later, which the linter does not read', () => {
    const closed = [
      ...Object.entries(waysOut).flatMap(([file, { by }]) =>
        by.map((name) => [new RegExp(`^(node:)?${name}$`), [file]] as const),
      ),
      ...Object.entries(doors).map(([name, files]) => [new RegExp(name), files] as const),
    ]
    const found = globSync('{proto,runtime,rules,server,config-agent,operator}/src/**/*.ts').flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/\b(?:import|require|getBuiltinModule)\(\s*['"`]([^'"`]+)/g)]
        .map(([, name]) => ({ name: name!, file }))
        .filter(({ name }) => !name.startsWith('.')),
    )
    const isOpen = ({ name, file }: (typeof found)[number]) =>
      closed.filter(([of]) => of.test(name)).every(([, files]) => files.some((open) => matchesGlob(file, open)))
    // each of these is loaded with its first use
    expect([...new Set(found.map(({ name }) => name))]).to.include.members(['ioredis', 'nodemailer', '@node-rs/bcrypt'])
    expect(found.filter((one) => !isOpen(one))).to.deep.equal([])
  })

  it('know only doors that are there, and open what they say', () => {
    for (const [file, { by }] of Object.entries(waysOut)) {
      const text = globSync(file).flatMap((path) => (path.endsWith('.ts') ? [readFileSync(path, 'utf8')] : []))
      for (const name of by) expect(text.join('\n'), file).to.match(new RegExp(`['"](node:)?${name}['"]`))
    }
  })

  for (const [index, [sentence, path]] of accepted.entries()) {
    it(`accept ${sentence}`, () =>
      expect(ofAccepted.get(ownPath(path, index)) ?? '').not.to.match(/no-restricted-imports/))
  }
})
