// Shards and manifests as an operator writes them.
import { createHash } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { renderVersion } from '@nauthera/proto/client-version'
import { encodeManifest } from '@nauthera/proto/digest'
import { createFileSigner } from '@nauthera/proto/file-signature'
import {
  ClientConfigSchema,
  ClientShardSchema,
  ManifestSchema,
  ShardEntrySchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { manifestFile, shardCount, shardFile, shardSchema, signatureFile } from '@nauthera/proto/names'
import { renderShardFile } from '@nauthera/proto/shard-file'
import { shardOf } from '@nauthera/proto/shard-of'
import type { MessageInitShape } from '@bufbuild/protobuf'

type ConfigInit = MessageInitShape<typeof ClientConfigSchema>
type EntryInit = Omit<
  Exclude<MessageInitShape<typeof ShardEntrySchema>, ShardEntry>,
  '$typeName' | 'desired' | 'accepted'
> & {
  /** A client without it has none. */
  desired?: ConfigInit | undefined
  accepted?: ConfigInit | undefined
}
type ShardInit = Omit<Exclude<MessageInitShape<typeof ClientShardSchema>, { $typeName: string }>, '$typeName'>

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A client as the operator renders it, with one verifier unless others are given. */
export function buildClient(name: string, more: EntryInit = {}): ShardEntry {
  const sha = sha256(`secret of ${name}`)
  const usual: ConfigInit = {
    generation: 1n,
    type: 'Web',
    redirectUris: [`https://${name}.example.com/cb`],
    grantTypes: ['authorization_code'],
  }
  const { desired, accepted, ...rest } = { desired: usual, ...more }
  return create(ShardEntrySchema, {
    namespace: 'apps',
    name,
    uid: sha256(name).slice(0, 32),
    clientId: `apps.${name}`,
    verifiers: [{ id: sha.slice(0, 8), sha256: sha }],
    ...rest,
    ...(desired && { desired: renderVersion(create(ClientConfigSchema, desired)) }),
    ...(accepted && { accepted: renderVersion(create(ClientConfigSchema, accepted)) }),
  })
}

export const buildClients = (count: number): ShardEntry[] =>
  Array.from({ length: count }, (_, index) => buildClient(`client-${index}`))

/** Of the operator that writes the volumes. */
export const operatorSigner = createFileSigner(Buffer.alloc(32, 1))

/** Files of a whole volume: 16 shards with their signatures, and the manifest, as the operator writes them.
 *  @param options.seq one for all, or by shard
 *  @param options.signer another one than the operator's */
export function buildVolume(
  clients: readonly ShardEntry[],
  options: {
    seq?: bigint | ((shard: number) => bigint)
    change?: string
    shard?: ShardInit
    signer?: typeof operatorSigner
  } = {},
): { files: Map<string, Uint8Array>; digests: Map<number, string>; manifestDigest: string } {
  const files = new Map<string, Uint8Array>()
  const digests = new Map<number, string>()
  const seqOf = (shard: number): bigint =>
    typeof options.seq === 'function' ? options.seq(shard) : (options.seq ?? 1n)
  const named = []
  const signer = options.signer ?? operatorSigner
  for (let shard = 0; shard < shardCount; shard++) {
    const own = clients
      .filter((client) => shardOf(client.namespace, client.name) === shard)
      .sort((one, other) => (`${one.namespace}/${one.name}` < `${other.namespace}/${other.name}` ? -1 : 1))
    const { file, digest } = renderShardFile(
      create(ClientShardSchema, {
        schema: shardSchema,
        shard,
        shardCount,
        seq: seqOf(shard),
        renderedAt: timestampFromMs(Date.now()),
        change: options.change ?? 'c7f2',
        entries: own,
        ...options.shard,
      }),
    )
    files.set(shardFile(shard), file)
    files.set(signatureFile(shardFile(shard)), signer.sign({ name: shardFile(shard), digest }))
    digests.set(shard, digest)
    named.push({ shard, seq: seqOf(shard), digest, count: own.length })
  }
  const manifest = encodeManifest(
    create(ManifestSchema, {
      shardCount,
      shards: named,
      total: clients.length,
      signedBy: Uint8Array.from(signer.publicKey),
    }),
  )
  files.set(manifestFile, manifest.file)
  return { files, digests, manifestDigest: manifest.digest }
}
