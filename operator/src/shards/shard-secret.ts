// A file of the set (a shard, the manifest) <-> the Secret that holds it.
import { decodeManifest } from '@nauthera/proto/digest'
import type { Manifest } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import {
  annotations,
  clientsComponent,
  labels,
  managedByOperator,
  manifestFile,
  shardFile,
  shardSchema,
} from '@nauthera/proto/names'
import { UnknownSchemaError, decodeShardFile, parseShardFile } from '@nauthera/proto/shard-file'
import type { ShardContent } from '@nauthera/proto/shard-file'
import type { WantedSecret } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'

/** @returns what a shard's Secret holds; undefined when it is absent, damaged or another shard */
export function readShardSecret(
  secret: SecretObject | undefined,
  index: number,
): { shard: ShardContent; digest: string } | undefined {
  const read = readFile(secret, shardFile(index), decodeShardFile)
  return read?.shard.shard === index ? read : undefined
}

/** @returns the schema of a shard that a later version wrote, which this one cannot read; undefined for any other */
export function laterSchemaOf(secret: SecretObject | undefined, index: number): number | undefined {
  const text = secret?.data?.[shardFile(index)]
  if (text === undefined) return undefined
  try {
    parseShardFile(Buffer.from(text, 'base64'))
    return undefined
  } catch (error) {
    return error instanceof UnknownSchemaError && error.schema > shardSchema.max ? error.schema : undefined
  }
}

/** @returns what the manifest's Secret holds; undefined when it is absent or damaged */
export function readManifestSecret(
  secret: SecretObject | undefined,
): { manifest: Manifest; digest: string } | undefined {
  return readFile(secret, manifestFile, decodeManifest)
}

/** @returns the Secret that holds one file of the set */
export function secretOfFile(about: {
  namespace: string
  name: string
  file: string
  bytes: Uint8Array
  digest: string
}): WantedSecret {
  return {
    namespace: about.namespace,
    name: about.name,
    labels: { [labels.component]: clientsComponent, [labels.managedBy]: managedByOperator },
    annotations: { [annotations.contentDigest]: about.digest },
    data: { [about.file]: Buffer.from(about.bytes).toString('base64') },
  }
}

function readFile<T>(secret: SecretObject | undefined, file: string, decode: (bytes: Uint8Array) => T): T | undefined {
  const text = secret?.data?.[file]
  if (text === undefined) return undefined
  try {
    return decode(Buffer.from(text, 'base64'))
  } catch {
    return undefined
  }
}
