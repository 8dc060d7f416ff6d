// Real servers over HTTP on one real database. Clients are put into the registry directly, without an agent.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createHash, randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  ClientConfigSchema,
  ConsentMode,
  ShardEntrySchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { createHealth } from '@nauthera/runtime/health'
import { createLog } from '@nauthera/runtime/log'
import { createMetrics } from '@nauthera/runtime/metrics'
import type { Metrics } from '@nauthera/runtime/metrics'
import { loadSettings } from '@nauthera/runtime/settings'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import { renderVersion } from '@nauthera/proto/client-version'
import { configTlsFiles, podLocalNames } from '@nauthera/proto/names'
import { freePort } from '@nauthera/local/processes/ports'
import type { FreshDatabase } from '@nauthera/local/programs/fresh-database'
import type { MostPages } from '@nauthera/server/account/frame/page-limits'
import { startApp } from '@nauthera/server/app'
import type { App } from '@nauthera/server/app'
import { buildRegistry } from '@nauthera/server/clients/build-registry'
import { systemClocks } from '@nauthera/server/clients/verifiers'
import { settingsSchema } from '@nauthera/server/settings'
import type { QueueLimits } from '@nauthera/server/store/driver/bounded-queue'
import { createPasswords } from '@nauthera/server/users/passwords/passwords'
import { migratedDatabase } from './migrated-database.ts'
import { password } from './browser.ts'
import type { Target } from './browser.ts'

export interface ServerReplicas extends Target {
  /** Replica 0 listens there. */
  readonly issuer: string
  readonly apps: readonly App[]
  readonly lines: readonly string[]
  readonly database: FreshDatabase
  readonly keysDirectory: string
  readonly metrics: readonly Metrics[]
  readonly health: readonly ReturnType<typeof createHealth>[]
  /** Makes these the clients of every replica. */
  serve(clients: readonly ShardEntry[]): Promise<void>
  /** Where the settings have a port that asks for certificates. */
  certificateOrigin(replica: number): string
  /** `http://127.0.0.1:<port of replica n>`, for requests with the issuer's Host. */
  origin(replica: number): string
  stop(): Promise<void>
}

export { password }

/** @param options.path of the issuer, such as `/auth-here`
 *  @param options.databaseUrl another way to the database, such as a proxy
 *  @param options.keysFrom directory of a key-encryption ring that is copied; default: a new one
 *  @param options.settings of all replicas, or of each
 *  @param options.patience with the database; 1 for the one of a server
 *  @param options.clock of each replica, in epoch milliseconds; default: that of this machine
 *  @param options.keepsLines false where so many requests are sent that their lines would take memory
 *  @param options.cache default: nothing is cached; `timeout` as in the settings */
export async function startReplicas(
  options: {
    count?: number
    path?: string
    settings?: object | ((replica: number) => object)
    databaseUrl?: (url: string) => Promise<string>
    keysFrom?: string
    cache?: { url: string; timeout?: string }
    passwordQueue?: QueueLimits
    mostPages?: MostPages
    keepsLines?: boolean
    patience?: number
    clock?: (replica: number) => () => number
  } = {},
): Promise<ServerReplicas> {
  const database = await migratedDatabase()
  const lines: string[] = []
  const log = createLog({
    process: 'server',
    level: 'info',
    format: 'json',
    sink: { write: (line) => void (options.keepsLines !== false && lines.push(line)) },
  })
  const directory = mkdtempSync(join(tmpdir(), 'nauthera-test-'))
  const url = (await options.databaseUrl?.(database.url)) ?? database.url
  writeFileSync(join(directory, 'dsn'), url)
  const { cache } = options
  if (cache) writeFileSync(join(directory, 'cache'), cache.url)
  const keysDirectory = join(directory, 'keys')
  mkdirSync(keysDirectory)
  if (options.keysFrom === undefined) {
    writeFileSync(join(keysDirectory, 'k1'), randomBytes(32))
    writeFileSync(join(keysDirectory, 'current'), 'k1')
  } else cpSync(options.keysFrom, keysDirectory, { recursive: true })
  const authority = await createAuthority({ name: 'test', lifetimeMs: 3_600_000 })
  const leaf = await issueLeaf(authority, { usage: 'server', dnsNames: [podLocalNames.server] })
  writeFileSync(join(directory, configTlsFiles.ca), authority.cert)
  writeFileSync(join(directory, configTlsFiles.cert), leaf.cert)
  writeFileSync(join(directory, configTlsFiles.key), leaf.key)
  const port = await freePort()
  const issuer = `http://localhost:${port}${options.path ?? ''}`
  const apps: App[] = []
  const health: ReturnType<typeof createHealth>[] = []
  const metrics: Metrics[] = []
  for (let replica = 0; replica < (options.count ?? 1); replica++) {
    const settings = loadSettings(settingsSchema, {
      file: 'test',
      text: JSON.stringify({
        issuer,
        listen: { host: '127.0.0.1', port: replica === 0 ? port : 0 },
        log: { level: 'info' },
        config: { socket: join(directory, `config-${replica}.sock`), tlsDirectory: directory },
        keysDirectory,
        database: { dsnFile: join(directory, 'dsn'), sslMode: 'disable' },
        ...(cache ? { cache: { urlFile: join(directory, 'cache'), timeout: cache.timeout ?? '100ms' } } : {}),
        replica: `server-${replica}`,
        ...(typeof options.settings === 'function' ? options.settings(replica) : options.settings),
      }),
    })
    health.push(createHealth())
    metrics.push(createMetrics('server'))
    const app = await startApp({
      settings,
      log,
      health: health[replica]!,
      metrics: metrics[replica]!,
      version: '0.0.0',
      now: options.clock?.(replica) ?? Date.now,
      passwordQueue: options.passwordQueue,
      mostPages: options.mostPages,
      patience: options.patience ?? 20,
    })
    apps.push(app)
    await app.loaded
  }
  let seq = 0n
  return {
    issuer,
    apps,
    lines,
    database,
    keysDirectory,
    metrics,
    health,
    certificateOrigin: (replica) => `https://127.0.0.1:${apps[replica]!.certificatePort}`,
    origin: (replica) => `http://127.0.0.1:${apps[replica]!.port}`,
    async serve(clients) {
      seq++
      for (const app of apps) {
        const ref = { shard: 0, seq, digest: createHash('sha256').update(String(seq)).digest('hex') }
        const { registry, rejected } = await buildRegistry(
          app.registry.current(),
          { ref, clients: clients.map((entry) => ({ kind: 'changed', digest: '', entry })) },
          { checkClient: app.checkClient, clocks: systemClocks },
        )
        if (rejected.length > 0)
          throw new Error(
            `rejected: ${JSON.stringify(rejected, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`,
          )
        app.registry.swap(registry)
      }
    },
    async stop() {
      await Promise.all(apps.map((app) => app.stop({ drainMs: 0 })))
      await database.drop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Everybody has the same password, and so its hash: each one takes a twentieth of a second. */
let passwordHash: Promise<string> | undefined

export async function addPerson(
  replicas: ServerReplicas,
  username: string,
  groups: readonly string[] = [],
): Promise<string> {
  const user = await replicas.apps[0]!.store.users.insert({
    username,
    email: `${username}@example.com`,
    emailVerified: true,
    name: `${username} Example`,
    groups,
    passwordHash: await (passwordHash ??= createPasswords().hash(password)),
  })
  return user.id
}

export const clientSecret = 'a-secret-of-more-than-32-characters-for-tests'

type Config = MessageInitShape<typeof ClientConfigSchema>

const base: Config = {
  generation: 1n,
  clientName: 'Test',
  subjectType: 'public',
  profile: 'Standard',
  pkceRequired: true,
  consent: ConsentMode.SKIP,
}

export const redirectUri = 'https://app.example.com/callback'

export const configs = {
  web: {
    ...base,
    type: 'Web',
    redirectUris: [redirectUri],
    postLogoutRedirectUris: ['https://app.example.com/bye'],
    grantTypes: ['authorization_code', 'refresh_token'],
    scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
    tokenEndpointAuthMethod: 'client_secret_basic',
  },
  spa: {
    ...base,
    type: 'SPA',
    redirectUris: ['https://spa.example.com/callback'],
    grantTypes: ['authorization_code', 'refresh_token'],
    scopes: ['openid', 'profile', 'email'],
    tokenEndpointAuthMethod: 'none',
    corsOrigins: ['https://spa.example.com'],
  },
  machine: {
    ...base,
    type: 'M2M',
    grantTypes: ['client_credentials'],
    scopes: ['read', 'write'],
    audiences: ['https://api.example.com'],
    tokenEndpointAuthMethod: 'client_secret_basic',
  },
  api: {
    ...base,
    type: 'M2M',
    grantTypes: ['client_credentials'],
    resourceServer: { identifier: 'https://api.example.com', scopes: ['read', 'write'] },
    tokenEndpointAuthMethod: 'client_secret_basic',
  },
} as const satisfies Record<string, Config>

/** An entry of a shard, as the operator would render it. */
export function entry(
  clientId: string,
  config: Config,
  options: {
    secrets?: readonly { plain: string; notAfter?: Date }[]
    uid?: string
    /** Identifiers of APIs, and the scopes that the client may have there. Without it: what the version lists. */
    granted?: Readonly<Record<string, readonly string[]>>
    /** Types of authorization details that the client may ask for, at each API of `granted` that has them here. */
    types?: Readonly<Record<string, readonly string[]>>
    /** Of an API: hosts of metadata documents, and the scopes that such clients may have. */
    documents?: readonly { readonly hosts: readonly string[]; readonly scopes: readonly string[] }[]
  } = {},
): ShardEntry {
  const secrets =
    options.secrets ?? (config.tokenEndpointAuthMethod?.startsWith('client_secret') ? [{ plain: clientSecret }] : [])
  return create(ShardEntrySchema, {
    namespace: 'default',
    name: clientId.replaceAll('.', '-'),
    uid: options.uid ?? `uid-${clientId}`,
    clientId,
    verifiers: secrets.map(({ plain, notAfter }) => {
      const sha256 = createHash('sha256').update(plain).digest('hex')
      return {
        id: sha256.slice(0, 8),
        sha256,
        ...(notAfter ? { notAfter: { seconds: BigInt(Math.floor(notAfter.getTime() / 1000)), nanos: 0 } } : {}),
      }
    }),
    desired: renderVersion(create(ClientConfigSchema, config)),
    granted: {
      ...grantedTo(options.granted ?? listed(config), options.types),
      documents: (options.documents ?? []).map(copyOf),
    },
  })
}

const copyOf = ({ hosts, scopes }: { hosts: readonly string[]; scopes: readonly string[] }) => ({
  hosts: hosts.slice(),
  scopes: scopes.slice(),
})

type ByApi = Readonly<Record<string, readonly string[]>>

/** What a version lists: all its scopes at each of its APIs. */
const listed = ({ audiences = [], resourceServer, scopes = [] }: Config): ByApi =>
  Object.fromEntries(
    [...audiences, ...(resourceServer ? [resourceServer.identifier!] : [])].map((api) => [api, scopes]),
  )

const grantedTo = (granted: ByApi, types: ByApi = {}) => ({
  apis: Object.entries(granted).map(([identifier, scopes]) => ({
    identifier,
    scopes: scopes.slice(),
    authorizationDetailsTypes: (types[identifier] ?? []).slice(),
  })),
})
