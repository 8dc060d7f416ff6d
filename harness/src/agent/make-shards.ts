import { createHash } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { encodeManifest, encodeShard } from '@nauthera/proto/digest'
import {
  ClientEntrySchema,
  ClientShardSchema,
  ManifestSchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { manifestFile, shardCount, shardEpoch, shardFile } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import type { MessageInitShape } from '@bufbuild/protobuf'

type EntryInit = Exclude<MessageInitShape<typeof ClientEntrySchema>, ClientEntry>
type ShardInit = Omit<Exclude<MessageInitShape<typeof ClientShardSchema>, { $typeName: string }>, '$typeName'>

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A client as the operator renders it, with one verifier unless others are given. */
export function makeClient(name: string, more: EntryInit = {}): ClientEntry {
  const sha = sha256(`secret of ${name}`)
  return create(ClientEntrySchema, {
    namespace: 'apps',
    name,
    uid: sha256(name).slice(0, 32),
    clientId: `apps.${name}`,
    verifiers: [{ id: sha.slice(0, 8), sha256: sha }],
    desired: {
      generation: 1n,
      type: 'Web',
      redirectUris: [`https://${name}.example.com/cb`],
      grantTypes: ['authorization_code'],
    },
    ...more,
  })
}

export const makeClients = (count: number): ClientEntry[] =>
  Array.from({ length: count }, (_, index) => makeClient(`client-${index}`))

/** Files of a whole volume: 16 shards and the manifest, as the operator writes them.
 *  @param options.seq one for all, or by shard */
export function makeVolume(
  clients: readonly ClientEntry[],
  options: { seq?: bigint | ((shard: number) => bigint); change?: string; shard?: ShardInit } = {},
): { files: Map<string, Uint8Array>; digests: Map<number, string>; manifestDigest: string } {
  const files = new Map<string, Uint8Array>()
  const digests = new Map<number, string>()
  const seqOf = (shard: number): bigint =>
    typeof options.seq === 'function' ? options.seq(shard) : (options.seq ?? 1n)
  const named = []
  for (let shard = 0; shard < shardCount; shard++) {
    const own = clients
      .filter((client) => shardOf(client.namespace, client.name) === shard)
      .sort((one, other) => (`${one.namespace}/${one.name}` < `${other.namespace}/${other.name}` ? -1 : 1))
    const { file, digest } = encodeShard(
      create(ClientShardSchema, {
        schema: 1,
        epoch: shardEpoch,
        shard,
        shardCount,
        seq: seqOf(shard),
        renderedAt: timestampFromMs(Date.now()),
        change: options.change ?? 'c7f2',
        clients: own,
        ...options.shard,
      }),
    )
    files.set(shardFile(shard), file)
    digests.set(shard, digest)
    named.push({ shard, seq: seqOf(shard), digest, count: own.length })
  }
  const manifest = encodeManifest(
    create(ManifestSchema, { epoch: shardEpoch, shardCount, shards: named, total: clients.length }),
  )
  files.set(manifestFile, manifest.file)
  return { files, digests, manifestDigest: manifest.digest }
}
