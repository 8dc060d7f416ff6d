import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { create } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { createCertificateHolder } from '@nauthera/proto/certificate-source'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import { dial } from '@nauthera/proto/channel'
import { ConfigService } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientEntry, SyncRequestSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { ManifestSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { configTlsFiles, podLocalNames, shardCount, shardEpoch } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { Secret } from '@nauthera/runtime/log'
import { startProcess } from '@nauthera/local/processes/process'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { freePort } from '@nauthera/local/processes/ports'
import { freshDatabase } from '@nauthera/local/programs/fresh-database'
import { readImage } from './bundles.ts'
import { parseDsn } from '../../server/src/store/connection.ts'
import { migrateUp } from '../../server/src/store/migrate.ts'

/** A server process whose clients this process pushes, in the place of a config-agent: as many as wanted, at once. */
export interface PushedServer {
  readonly process: RunningProcess
  readonly port: number
  readonly host: string
  /** Makes these the clients. @returns once every shard is acknowledged */
  serve(clients: readonly ClientEntry[]): Promise<void>
  /** Pushes one shard anew, with these of its clients. */
  serveShard(shard: number, clients: readonly ClientEntry[]): Promise<void>
  stop(): Promise<void>
}

type Request = NonNullable<MessageInitShape<typeof SyncRequestSchema>['message']>

export async function startPushedServer(directory: string): Promise<PushedServer> {
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
    }),
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(at(name), content)
  const server = startProcess({
    name: 'server',
    script: join('server', 'src', 'main.ts'),
    args: ['--settings', at('server.yaml')],
    ...(await readImage('server')),
  })
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

  async function push(message: Request): Promise<void> {
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
  const refOf = (shard: number) => ({
    epoch: shardEpoch,
    shard,
    seq,
    digest: createHash('sha256').update(`${shard} ${seq}`).digest('hex'),
  })
  const pushShard = (shard: number, clients: readonly ClientEntry[]) =>
    push({ case: 'shard', value: { nonce: 'n', ref: refOf(shard), clients: [...clients], change: 'bench' } })

  return {
    process: server,
    port,
    host: new URL(issuer).host,
    async serve(clients) {
      seq++
      const shards = Array.from({ length: shardCount }, (): ClientEntry[] => [])
      for (const client of clients) shards[shardOf(client.namespace, client.name)]!.push(client)
      for (const [shard, own] of shards.entries()) await pushShard(shard, own)
      const manifest = create(ManifestSchema, {
        epoch: shardEpoch,
        shardCount,
        total: clients.length,
        shards: shards.map((own, shard) => ({ ...refOf(shard), count: own.length })),
      })
      await push({ case: 'complete', value: { nonce: 'n', manifest, digest: refOf(shardCount).digest } })
    },
    async serveShard(shard, clients) {
      seq++
      await pushShard(shard, clients)
    },
    async stop() {
      stream.close()
      await server.stop()
      await database.drop()
    },
  }
}
