import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { copyTree, mocha } from './support/tree-copy.ts'
import type { Insertion, TreeCopy } from './support/tree-copy.ts'

// Adds a preset to a copy of the tree, by the two files that CONTRIBUTING.md names and by no other.

const rows = 'operator/src/api/preset-rows.ts'
const row: Insertion = [
  '} as const satisfies Readonly<Record<string, PresetRow>>',
  `  Tickets: {
    page: 'tickets',
    version: '5.2',
    callback: '/oidc/callback',
    pkce: 'pkce = true in tickets.toml',
    keys: {
      TICKETS_HOME: '<address>',
      'tickets.toml': {
        format: 'toml',
        lines: ['issuer = "<issuer>"', 'client_id = "<client_id>"', 'client_secret = "<client_secret>"'],
      },
    },
  },
`,
]
const page = 'docs/integrations/tickets.md'
const text = `# Tickets

| Version | Checked | Preset | Callback | PKCE |
|---|---|---|---|---|
| 5.2 | by documentation | \`Tickets\` | \`/oidc/callback\` | on, with \`pkce\` |

## What you get

People sign in with their Nauthera account.

## The client

\`\`\`yaml
apiVersion: auth.nauthera.io/v1alpha1
kind: OIDCClient
metadata: { name: tickets, namespace: tickets }
spec:
  type: Web
  redirectURIs: [https://tickets.example.com/oidc/callback]
  secret:
    presets: [Tickets]
\`\`\`

The preset adds to its Secret:

\`\`\`yaml
apiVersion: v1
kind: Secret
metadata: { name: tickets-oidc, namespace: tickets }
stringData:
  TICKETS_HOME: https://tickets.example.com
  tickets.toml: |
    issuer = "https://login.example.com"
    client_id = "tickets.tickets"
    client_secret = "the-client-secret"
\`\`\`

## How the Secret reaches it

As a mounted file.

## Groups and roles

None.

## Signing out

Only there.

## Rotation

Restart the pods.

## How it was checked

By documentation: <https://tickets.example.com>.
`

const quick = ['operator/test/decide/presets.test.ts', 'ci/test/integrations.test.ts']
const whole = [
  'operator/test/api/bad-manifests.test.ts',
  'operator/test/kubectl/clients/rotate.test.ts',
  'ci/test/fields.test.ts',
  'ci/test/documents.test.ts',
  'charts/test/schema.test.ts',
]
const timeoutMs = 400_000

describe('a new preset', function () {
  this.timeout(timeoutMs)
  let copy: TreeCopy
  const write = { [rows]: () => copy.insert(rows, [row]), [page]: () => copy.add(page, text) }
  before(() => {
    copy = copyTree({ timeoutMs })
    for (const file of Object.values(write)) file()
    copy.expectSuccess(['scripts/generate.ts'])
  })
  after(() => copy?.remove())

  it('needs the files that CONTRIBUTING.md names: a row and a page, and no row of a test', () => {
    const [, , files = '', tables = ''] =
      readFileSync('CONTRIBUTING.md', 'utf8')
        .split('\n')
        .find((line) => line.startsWith('| a preset |'))
        ?.split('|') ?? []
    const named = [...files.matchAll(/`([^`]+)`/g)].map(([, file]) => file)
    expect(named).to.deep.equal([rows, dirname(page)])
    expect(tables.trim()).to.equal('')
  })

  it('is then known everywhere: types are right, tests pass', () => {
    copy.expectSuccess(['node_modules/typescript/bin/tsc', '--noEmit'])
    copy.expectSuccess(mocha([...quick, ...whole]))
    const generated = copy.run(['scripts/generate.ts', '--check'])
    expect(generated.status, generated.output).to.equal(0)
  })

  for (const [file, again] of Object.entries(write)) {
    it(`fails a test while ${file} is forgotten`, () => {
      copy.restore(file)
      const { status, output } = copy.run(mocha(quick))
      again()
      expect(status, output).not.to.equal(0)
      expect(output)
        .to.match(/AssertionError|ENOENT/)
        .and.to.match(/Tickets/)
    })
  }
})
