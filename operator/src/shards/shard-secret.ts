// Reads and renders the Secret of a shard, of the manifest and of platform keys.
import { decodeManifest } from '@nauthera/proto/digest'
import { isSignedBy } from '@nauthera/proto/file-signature'
import type { FileSigner, FileToSign } from '@nauthera/proto/file-signature'
import type { Manifest } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import {
  annotations,
  clientsComponent,
  labels,
  managedByOperator,
  manifestFile,
  shardFile,
  shardSchema,
  signatureFile,
} from '@nauthera/proto/names'
import { UnknownSchemaError, decodeShardFile, parseShardFile } from '@nauthera/proto/shard-file'
import type { ClientShard } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { WantedSecret } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'

/** @param trusts whether the signature is of an operator of this release
 *  @returns the shard in a Secret; undefined when it is absent, damaged, another shard, or not signed by us */
export function readShardSecret(
  secret: SecretObject | undefined,
  index: number,
  trusts: TrustsFile,
): { shard: ClientShard; digest: string } | undefined {
  const name = shardFile(index)
  const read = readFile(secret, name, decodeShardFile)
  const isOurs = read?.shard.shard === index && trusts({ name, digest: read.digest }, signatureIn(secret, name))
  return isOurs ? read : undefined
}

/** Whether a signature of a file counts. */
export type TrustsFile = (file: FileToSign, signature: Uint8Array | undefined) => boolean

/** @returns whether this key has signed it */
export const trustsKey =
  (publicKey: Uint8Array): TrustsFile =>
  (file, signature) =>
    isSignedBy(publicKey, file, signature)

/** @returns the signature beside a file; undefined for none */
export function signatureIn(secret: SecretObject | undefined, file: string): Uint8Array | undefined {
  const text = secret?.data?.[signatureFile(file)]
  return text === undefined ? undefined : Buffer.from(text, 'base64')
}

/** @returns a file and its signature, as the data of a Secret */
export function signedData(
  signer: FileSigner,
  { name, bytes, digest }: FileToSign & { readonly bytes: Uint8Array },
): Record<string, string> {
  return {
    [name]: Buffer.from(bytes).toString('base64'),
    [signatureFile(name)]: Buffer.from(signer.sign({ name, digest })).toString('base64'),
  }
}

/** @returns the schema of a shard from a later version, which this one cannot read; otherwise undefined */
export function laterSchemaOf(secret: SecretObject | undefined, index: number, trusts: TrustsFile): number | undefined {
  const name = shardFile(index)
  const text = secret?.data?.[name]
  if (text === undefined) return undefined
  try {
    parseShardFile(Buffer.from(text, 'base64'))
    return undefined
  } catch (error) {
    if (!(error instanceof UnknownSchemaError) || error.schema < shardSchema) return undefined
    return trusts({ name, digest: error.digest }, signatureIn(secret, name)) ? error.schema : undefined
  }
}

/** @returns the manifest in a Secret; undefined when it is absent or damaged */
export function readManifestSecret(
  secret: SecretObject | undefined,
): { manifest: Manifest; digest: string } | undefined {
  return readFile(secret, manifestFile, decodeManifest)
}

/** @returns the Secret of one file */
export function secretOfFile(about: {
  namespace: string
  name: string
  file: string
  bytes: Uint8Array
  digest: string
  /** Signs it; the manifest names the key and has no signature. */
  signer?: FileSigner
}): WantedSecret {
  const { file: name, bytes, digest, signer } = about
  return {
    namespace: about.namespace,
    name: about.name,
    labels: { [labels.component]: clientsComponent, [labels.managedBy]: managedByOperator },
    annotations: { [annotations.contentDigest]: digest },
    data: signer ? signedData(signer, { name, bytes, digest }) : { [name]: Buffer.from(bytes).toString('base64') },
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
