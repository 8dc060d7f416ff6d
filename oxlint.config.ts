// Lint: correctness with types, the arrows between layers and the one door of each outside library (docs/tree.md lists them).
import { defineConfig } from 'oxlint'

/** Outside library (a regular expression on the import) -> the files that may import it. Tests, scripts and ci are free. */
export const doors: Readonly<Record<string, readonly string[]>> = {
  '^@kubernetes/client-node': ['operator/src/kubernetes/**'],
  '^@marcbachmann/cel-js$': ['operator/src/api/cel.ts'],
  '^chokidar$': ['config-agent/src/mount/watch-mount.ts'],
  '^@grpc/grpc-js': ['proto/src/channel/**'],
  '^@peculiar/asn1-': ['proto/src/certificates.ts'],
  '^(@peculiar/x509|reflect-metadata)$': ['proto/src/certificate-facts.ts'],
  '^pino': ['runtime/src/log.ts'],
  '^prom-client$': ['runtime/src/metrics.ts'],
  '^@opentelemetry/': ['runtime/src/export-traces.ts'],
  '^zod$': ['runtime/src/settings.ts'],
  '^yaml$': ['runtime/src/settings.ts', 'operator/src/kubectl/**'],
  '^croner$': ['operator/src/decide/client/schedule.ts'],
  '^commander$': ['server/src/cli/**', 'operator/src/kubectl/**'],
  '^express$': ['server/src/http/**'],
  '^helmet$': ['server/src/http/**'],
  '^eta$': ['server/src/http/pages/pages.ts'],
  '^oidc-provider': ['server/src/oidc/library/**'],
  '^jose$': ['server/src/oidc/keys/**'],
  '^openid-client$': ['server/src/login/upstream/relying-party.ts'],
  '^jsonwebtoken$': ['server/src/oidc/session-cookie.ts'],
  '^@node-rs/argon2$': ['server/src/users/passwords/passwords.ts'],
  '^@node-rs/bcrypt$': ['server/src/users/passwords/imported-hashes.ts'],
  '^otpauth$': ['server/src/users/factors/totp.ts'],
  '^@simplewebauthn/server': ['server/src/users/factors/passkeys.ts'],
  '^qrcode$': ['server/src/users/factors/qr-code.ts'],
  '^(pg-promise|pg)$': ['server/src/store/driver/guarded-client.ts'],
  '^node-pg-migrate$': ['server/src/store/migrate.ts'],
  '^ioredis$': ['server/src/store/cache/**'],
  '^nodemailer(/|$)': ['server/src/mail/smtp.ts'],
  '^ldapts$': ['server/src/users/ldap/**'],
}

/** A module of Node that opens connections, looks up names or starts programs -> what of it every file may import, beside types. */
const network: Readonly<Record<string, readonly string[]>> = {
  net: ['BlockList', 'createServer', 'isIP'],
  tls: ['TLSSocket', 'checkServerIdentity', 'createSecureContext'],
  http: ['IncomingMessage', 'ServerResponse', 'createServer'],
  https: ['createServer'],
  http2: [],
  dns: [],
  'dns/promises': [],
  dgram: [],
  child_process: [],
}

interface WayOut {
  /** Modules of Node, without `node:`, or the library that does it by itself. */
  readonly by: readonly string[]
  readonly to: string
}

/** Who opens a connection, looks up a name or starts a program. Nothing else does, and nobody uses the `fetch` of Node. */
export const waysOut: Readonly<Record<string, WayOut>> = {
  'server/src/oidc/outbound/outbound-fetch.ts': {
    by: ['http', 'https'],
    to: 'addresses of clients, providers and documents, each after the rule of addresses, with limits',
  },
  'server/src/oidc/outbound/look-up-name.ts': { by: ['dns/promises'], to: 'the resolver of the machine' },
  'server/src/store/driver/guarded-client.ts': { by: ['pg-promise'], to: 'the database of the settings' },
  'server/src/store/cache/cache-client.ts': {
    by: ['net', 'tls'],
    to: 'the cache of the settings, or what its Sentinel names',
  },
  'server/src/users/ldap/secure-socket.ts': { by: ['net', 'tls'], to: 'the directory of the settings' },
  'server/src/mail/smtp.ts': { by: ['nodemailer'], to: 'the mail server of the settings' },
  'server/src/cli/doctor/request-address.ts': {
    by: ['http', 'https'],
    to: 'the issuer and the metrics of the settings, for `nauthera doctor`',
  },
  'server/src/http/pages/headers.ts': { by: ['net'], to: 'nobody: the socket of a request that nobody sent' },
  'server/src/oidc/library/provider.ts': { by: ['net'], to: 'nobody: the socket of a request that nobody sent' },
  'operator/src/kubernetes/connection.ts': {
    by: ['http', 'https'],
    to: 'the API server of the pod, the kubeconfig or the joined cluster',
  },
  'operator/src/kubectl/main.ts': { by: ['child_process'], to: '`kubectl`, on the machine of whoever types' },
  'proto/src/channel/**': {
    by: ['@grpc/grpc-js'],
    to: 'pods of the release and the hub of the settings, with a certificate',
  },
  'proto/src/unix-socket.ts': { by: ['net'], to: 'the socket file of a process that may be dead' },
  'runtime/src/export-traces.ts': {
    by: ['@opentelemetry/exporter-trace-otlp-http'],
    to: 'the collector of the settings',
  },
}

const processes = ['server', 'config-agent', 'operator']
/** Never in an image: what the tests of several workspaces use. */
const forTests = ['stand-in', 'local', 'harness']

/** What lies under the processes -> what of that it may not import. */
const floors: Readonly<Record<string, readonly string[]>> = {
  proto: ['rules', 'runtime'],
  rules: ['runtime'],
  runtime: ['rules'],
}

/** Folders of a process, outermost first; an import goes down the list only, and never sideways. */
const layers: Readonly<Record<string, readonly (readonly string[])[]>> = {
  server: [
    ['cli', 'app'],
    ['mail'],
    ['http'],
    ['admin'],
    ['login', 'account'],
    ['oidc'],
    ['clients', 'users'],
    ['store'],
    ['settings', 'reply'],
  ],
  operator: [
    ['app', 'kubectl', 'keys'],
    ['spoke'],
    ['reconcile'],
    ['secret', 'status'],
    ['intake', 'replicas'],
    ['shards'],
    ['kubernetes', 'decide'],
    ['api', 'time'],
  ],
  'config-agent': [['push'], ['report'], ['live', 'mount', 'certificates']],
}

/** What starts and wires a process, outermost first: no folder imports it. */
const wiring: Readonly<Record<string, readonly string[]>> = {
  server: ['main', 'app'],
  operator: ['main', 'app'],
  'config-agent': ['main', 'app'],
}

/** Folders that decide and do nothing else -> the one neighbour whose words they may use. */
const pure: Readonly<Record<string, string | undefined>> = {
  'operator/src/decide': 'api',
  'operator/src/api': undefined,
}

/** Rooms of one folder, outermost first; `.` is the files that lie in no room. An import goes down the list only.
 *  Rooms are flat, except for `library`. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  'server/src/oidc': [
    'library',
    'lane',
    'artefacts',
    'interaction',
    'apis',
    'authentication',
    'clients',
    '.',
    'outbound',
    'certificates',
    'keys',
  ],
  'server/src/store': ['.', 'sessions', 'factors', 'people', 'tokens', 'outbox', 'cache', 'audit', 'driver'],
  'server/src/http': ['.', 'edge', 'protocol', 'pages', 'branding', 'request'],
  'server/src/cli': ['.', 'backup', 'doctor', 'people', 'terminal'],
  'server/src/login': ['.', 'consent', 'proof', 'upstream', 'attempt'],
  'server/src/account': ['.', 'security', 'frame'],
  'server/src/users': ['import', 'links', 'ldap', 'sources', 'factors', 'passwords', '.'],
  'operator/src/decide': ['status', 'secret', 'access', 'client'],
}

interface Denied {
  regex: string
  message: string
  allowImportNames?: string[]
  allowTypeImports?: boolean
}

const closedDoors = (file: string): Denied[] => [
  ...Object.entries(doors)
    .filter(([, open]) => !open.includes(file))
    .map(([regex, open]) => ({ regex, message: `Only ${open.join(', ')} imports this library.` })),
  ...Object.entries(network)
    .filter(([name]) => !waysOut[file]?.by.includes(name))
    .map(([name, free]) => closedNetwork(name, free)),
]

function closedNetwork(name: string, free: readonly string[]): Denied {
  const message = 'Nothing opens a connection but our own doors: see waysOut in oxlint.config.ts.'
  const allowed = free.length > 0 ? { allowImportNames: [...free] } : {}
  return { regex: `^(node:)?${name}$`, message, allowTypeImports: true, ...allowed }
}

const otherProcesses = (workspace: string): Denied[] => [
  {
    regex: `^@nauthera/(${[...processes, ...(floors[workspace] ?? [])]
      .filter((name) => name !== workspace)
      .join('|')})(/|$)`,
    message:
      'Processes do not import one another; under them rules imports proto, and proto and runtime nothing of ours.',
  },
  {
    regex: `^(@nauthera|(\\.\\./)+)/?(${forTests.join('|')})(/|$)`,
    message: 'Tests, scripts and ci alone import the stand-in, local and the harness: they are in no image.',
  },
]

/** The stand-in takes nothing from what it is a stand-in for; the harness starts everything, and nothing in it is a test. */
const ofTheStandIn: Denied[] = [
  {
    regex: `^@nauthera/(${[...processes, 'runtime', 'local', 'harness'].join('|')})(/|$)`,
    message: 'The stand-in imports proto alone: it is what Kubernetes does, not what we do.',
  },
]

/** Local starts the processes by their files, as images do; it knows none of their code. */
const ofLocal: Denied[] = [
  {
    regex: `^@nauthera/(${[...processes, 'runtime', 'harness'].join('|')})(/|$)`,
    message: 'Local imports proto and the stand-in alone: it starts the processes, as a cluster does.',
  },
]

/** What a folder of a layered process may not import: its siblings, what lies above it, and the wiring.
 *  @param climb a regular expression for the way out of the folder */
function upward(workspace: string, folder: string, climb: string): Denied[] {
  const rows = layers[workspace] ?? []
  const outer = wiring[workspace] ?? []
  const row = rows.findIndex((names) => names.includes(folder))
  const denied = [...rows.slice(0, row).flat(), ...(rows[row] ?? []).filter((name) => name !== folder)]
  const names = denied.length > 0 ? [`(${denied.join('|')})/`] : []
  const way = [...outer, ...rows.map((each) => each.join(', '))].join(' -> ')
  return [
    {
      regex: `^${climb}(${[...names, `(${outer.join('|')})\\.ts$`].join('|')})`,
      message: `Imports go one way: ${way}.`,
    },
  ]
}

/** What a folder that only decides may not import: whatever acts, waits, reads a clock, or knows of those that do.
 *  @param climb as for upward */
function outward(workspace: string, folder: string, climb: string): Denied[] {
  const path = `${workspace}/src/${folder}`
  if (!(path in pure)) return []
  const neighbour = pure[path]
  const others = (layers[workspace] ?? []).flat().filter((name) => name !== folder && name !== neighbour)
  return [
    {
      regex: `^(node:|@nauthera/runtime/(health|lifecycle|metrics|settings)$|${climb}((${others.join('|')})/|[^/]+\\.ts$))`,
      message: `${path} is pure: it imports ${neighbour === undefined ? '' : `${neighbour}, `}rules and proto alone.`,
    },
  ]
}

/** What a room may not import: the rooms above it. */
function upperRooms(folder: string, room: string): Denied[] {
  const all = rooms[folder] ?? []
  const upper = all.slice(0, all.indexOf(room))
  if (upper.length === 0) return []
  const names = upper.filter((name) => name !== '.').join('|')
  const files = upper.includes('.') ? '|[^/]+\\.ts$' : ''
  return [
    {
      regex: `^${room === '.' ? '\\.' : '\\.\\.'}/((${names})/${files})`,
      message: `Imports between the rooms of ${folder} go one way: ${all.join(' -> ')}.`,
    },
  ]
}

/** The pattern of a room's files. */
const roomFiles = (folder: string, room: string): string => `${folder}/${room === '.' ? '*.ts' : `${room}/**`}`

const restrict = (files: string[], patterns: Denied[]) => {
  const rule: ['error', { patterns: Denied[] }] = ['error', { patterns }]
  return { files, rules: { 'no-restricted-imports': rule } }
}

function importRules() {
  const workspaces = [...Object.keys(floors), ...processes]
  const inLayer = (file: string): Denied[] => {
    const [workspace = '', source = '', folder = '', room = ''] = file.split('/')
    const parent = `${workspace}/${source}/${folder}`
    // of a room the first step up leads to the rooms beside it
    const climb = rooms[parent]?.includes(room) ? '(\\.\\./){2,}' : '(\\.\\./)+'
    return [
      ...upperRooms(parent, /^\*?[^/]*\.ts$/.test(room) ? '.' : room),
      ...otherProcesses(workspace),
      ...(layers[workspace]?.flat().includes(folder) ? upward(workspace, folder, climb) : []),
      ...outward(workspace, folder, climb),
    ]
  }
  const folders = processes.flatMap((name) => (layers[name] ?? []).flat().map((folder) => `${name}/src/${folder}/**`))
  const inRooms = Object.entries(rooms).flatMap(([folder, names]) => names.map((room) => roomFiles(folder, room)))
  const open = [...new Set([...Object.values(doors).flat(), ...Object.keys(waysOut)])].sort(
    (a, b) => a.length - b.length,
  )
  return [
    restrict(['stand-in/src/**'], ofTheStandIn),
    restrict(['local/src/**'], ofLocal),
    ...workspaces.map((name) => restrict([`${name}/src/**`], [...otherProcesses(name), ...closedDoors('')])),
    ...[...new Set([...folders, ...inRooms, ...open])]
      // From the wide to the narrow: the last override that matches a file replaces the earlier ones.
      .sort((a, b) => a.split('/').length - b.split('/').length || Number(!a.includes('*')) - Number(!b.includes('*')))
      .map((file) =>
        restrict([file], [...inLayer(file), ...closedDoors(file).filter((rule) => !openAbove(file, rule))]),
      ),
  ]
}

/** A file inside a folder that is a door for a library may import it too. */
function openAbove(file: string, rule: Denied): boolean {
  return (doors[rule.regex] ?? []).some((door) => door.endsWith('/**') && file.startsWith(door.slice(0, -2)))
}

export default defineConfig({
  plugins: ['typescript', 'import', 'unicorn', 'oxc', 'promise', 'node'],
  options: { typeAware: true, denyWarnings: true },
  ignorePatterns: ['**/generated/**', '.nauthera/**', 'node_modules/**', 'server/assets/**'],
  categories: { correctness: 'error' },
  env: { node: true, mocha: true },
  rules: {
    eqeqeq: 'error',
    'no-console': 'error',
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'no-control-regex': 'off',
    'typescript/no-explicit-any': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': ['error', { checksVoidReturn: false }],
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'typescript/only-throw-error': 'error',
    'typescript/consistent-type-imports': 'error',
    'typescript/restrict-template-expressions': 'off',
    'typescript/unbound-method': 'off',
  },
  overrides: [
    {
      files: ['{proto,rules,server,config-agent,operator}/src/**'],
      rules: { 'node/no-process-env': 'error', 'unicorn/no-process-exit': 'error' },
    },
    {
      files: ['**/main.ts', '**/*-main.ts', 'server/src/cli/**', 'operator/src/kubectl/**'],
      rules: { 'node/no-process-env': 'off', 'unicorn/no-process-exit': 'off', 'no-console': 'off' },
    },
    {
      files: ['{proto,runtime,rules,server,config-agent,operator}/src/**'],
      rules: { 'no-restricted-globals': ['error', 'fetch', 'WebSocket', 'EventSource'] },
    },
    {
      files: Object.keys(pure).map((folder) => `${folder}/**`),
      rules: { 'no-restricted-globals': ['error', 'process', 'performance', 'fetch', 'setTimeout', 'setInterval'] },
    },
    {
      files: ['{proto,runtime,rules,server,config-agent,operator}/src/**'],
      rules: {
        'max-lines-per-function': ['error', { max: 80 }],
        'typescript/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      },
    },
    { files: ['scripts/**', 'ci/**', 'examples/**'], rules: { 'no-console': 'off' } },
    { files: ['*/test/**', 'ci/**'], rules: { 'no-unused-expressions': 'off' } },
    ...importRules(),
  ],
})
