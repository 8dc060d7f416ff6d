import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { createCertificateHolder } from '@nauthera/proto/certificate-source'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import { dial } from '@nauthera/proto/channel/dial'
import { digestOf } from '@nauthera/proto/digest'
import {
  ClientShardSchema,
  ConfigService,
  ManifestSchema,
  PlatformKeysSchema,
  ShardSchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ShardEntry, SyncRequestSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { configTlsFiles, podLocalNames, shardCount, shardSchema } from '@nauthera/proto/names'
import { renderShardFile } from '@nauthera/proto/shard-file'
import { shardOf } from '@nauthera/proto/shard-of'
import { Secret } from '@nauthera/runtime/secret'
import { startProcess } from '@nauthera/local/processes/process'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { freePort } from '@nauthera/local/processes/ports'
import type { Program } from '@nauthera/local/processes/program'
import { freshDatabase } from '@nauthera/local/programs/fresh-database'
import { parseDsn } from '@nauthera/server/store/driver/connection'
import { migrateUp } from '@nauthera/server/store/migrate'

/** A server process whose clients this process pushes, in the place of a config-agent: as many as wanted, at once. */
export interface PushedServer {
  readonly process: RunningProcess
  readonly port: number
  readonly issuer: string
  readonly host: string
  readonly databaseUrl: string
  /** Makes the files of all shards, with these clients: before anything is measured, since to compress them takes a while. */
  renderAll(clients: readonly ShardEntry[]): Promise<RenderedShard[]>
  /** Rests before it compresses: the channel's pings are answered between two shards. */
  render(shard: number, clients: readonly ShardEntry[]): Promise<RenderedShard>
  /** Pushes all of these and completes the set. @returns once every shard is acknowledged */
  serve(shards: readonly RenderedShard[]): Promise<void>
  push(shard: RenderedShard): Promise<void>
  /** Pushes the keys that sign the tokens of ServiceAccounts, as the file of the agent has them. */
  pushPlatformKeys(file: object): Promise<void>
  stop(): Promise<void>
}

/** One version of a shard. */
export interface RenderedShard {
  readonly ref: { readonly shard: number; readonly seq: bigint; readonly digest: string }
  readonly count: number
  readonly file: Uint8Array
}

type Request = NonNullable<MessageInitShape<typeof SyncRequestSchema>['message']>

/** @param options.directory of its own, for its files
 *  @param options.program how it is run
 *  @param options.settings over those that it needs */
export async function startPushedServer(options: {
  directory: string
  program: Program
  settings?: object
}): Promise<PushedServer> {
  const { directory, program, settings } = options
  const at = (name: string) => resolve(directory, name)
  const database = await freshDatabase()
  await migrateUp({ ...parseDsn(new Secret(database.url), 'disable'), poolMax: 2 }, { log: () => undefined })
  const authority = await createAuthority({ name: 'bench', lifetimeMs: 3_600_000 })
  const leafOf = (usage: 'server' | 'client', name: string) => issueLeaf(authority, { usage, dnsNames: [name] })
  const leaf = await leafOf('server', podLocalNames.server)
  mkdirSync(at('keys'), { recursive: true })
  const port = await freePort()
  const issuer = `http://localhost:${port}`
  const files: Record<string, string | Buffer> = {
    'keys/k1': randomBytes(32),
    'keys/current': 'k1',
    dsn: database.url,
    [configTlsFiles.ca]: authority.cert,
    [configTlsFiles.cert]: leaf.cert,
    [configTlsFiles.key]: leaf.key,
    'server.yaml': JSON.stringify({
      issuer,
      listen: { host: '127.0.0.1', port },
      management: { host: '127.0.0.1', port: await freePort() },
      log: { format: 'json', level: 'info' },
      config: { socket: at('config.sock'), tlsDirectory: at('.') },
      keysDirectory: at('keys'),
      database: { dsnFile: at('dsn'), sslMode: 'disable' },
      ...settings,
    }),
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(at(name), content)
  const server = startProcess({ name: 'server', args: ['--settings', at('server.yaml')], ...program })
  await server.line(/waiting for clients/)
  const stream = await dial({
    method: ConfigService.method.sync,
    target: { socket: at('config.sock') },
    certificates: createCertificateHolder({ ca: authority.cert, ...(await leafOf('client', podLocalNames.agent)) }),
    serverName: podLocalNames.server,
    connectTimeoutMs: 5_000,
  })
  const answers = stream[Symbol.asyncIterator]()
  let seq = 0n

  async function ask(message: Request): Promise<void> {
    await stream.send({ message })
    for (;;) {
      const { value, done } = await answers.next()
      if (done) throw new Error('the server ended the stream')
      const answer = value.message
      if (answer.case === 'nack') throw new Error(`refused: ${answer.value.message}`)
      if (answer.case !== 'ack') continue
      const [rejected] = answer.value.rejected
      if (rejected) throw new Error(`${rejected.name} refused: ${rejected.message}`)
      return
    }
  }
  const render = async (shard: number, clients: readonly ShardEntry[]): Promise<RenderedShard> => {
    await nextTurn()
    const name = { shard, seq: ++seq }
    const content = { ...name, schema: shardSchema, shardCount, change: 'be9c', entries: [...clients] }
    const { file, digest } = renderShardFile(create(ClientShardSchema, content))
    return { ref: { ...name, digest }, count: clients.length, file }
  }
  const push = ({ ref, file }: RenderedShard) =>
    ask({ case: 'shard', value: create(ShardSchema, { nonce: 'n', ref, file, change: 'be9c' }) })

  return {
    process: server,
    port,
    issuer,
    databaseUrl: database.url,
    host: new URL(issuer).host,
    async renderAll(clients) {
      const shards = Array.from({ length: shardCount }, (): ShardEntry[] => [])
      for (const client of clients) shards[shardOf(client.namespace, client.name)]!.push(client)
      const rendered: RenderedShard[] = []
      for (const [shard, own] of shards.entries()) rendered.push(await render(shard, own))
      return rendered
    },
    render,
    async serve(shards) {
      for (const shard of shards) await push(shard)
      const manifest = create(ManifestSchema, {
        shardCount,
        total: shards.reduce((sum, { count }) => sum + count, 0),
        shards: shards.map(({ ref, count }) => ({ shard: ref.shard, seq: ref.seq, digest: ref.digest, count })),
      })
      await ask({ case: 'complete', value: { nonce: 'n', manifest, digest: digestOf(String(seq)) } })
    },
    push,
    pushPlatformKeys: (file) =>
      ask({
        case: 'platformKeys',
        value: create(PlatformKeysSchema, { nonce: 'n', file: Buffer.from(JSON.stringify(file)) }),
      }),
    async stop() {
      stream.close()
      await server.stop()
      await database.drop()
    },
  }
}
