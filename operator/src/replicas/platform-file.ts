// The file of platform keys, as it lies in `<release>-clients-issuers`.
import { create, fromJsonString, toJsonString } from '@bufbuild/protobuf'
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt'
import { PlatformIssuerSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { PlatformKey } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { digestOf } from '@nauthera/proto/digest'
import { platformKeysFile } from '@nauthera/proto/names'
import type { ToldKeys } from '../decide/status/cluster-keys.ts'
import type { PlatformKeySet } from '../decide/status/platform-keys.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import { signatureIn } from '../shards/shard-secret.ts'
import type { TrustsFile } from '../shards/shard-secret.ts'

/** @param change four hex digits that name the write */
export function renderPlatformFile({ own, joined }: ToldKeys, change: string): Buffer {
  const message = create(PlatformIssuerSchema, {
    issuer: own?.issuer ?? '',
    change,
    keys: messagesOf(own),
    clusters: [...joined].map(([cluster, set]) => ({ cluster, issuer: set.issuer, keys: messagesOf(set) })),
  })
  return Buffer.from(toJsonString(PlatformIssuerSchema, message))
}

const messagesOf = (set: PlatformKeySet | undefined) =>
  (set?.keys ?? []).map(({ jwk, notAfter }) => ({
    jwk: JSON.parse(JSON.stringify(jwk)),
    ...(notAfter === undefined ? {} : { notAfter: timestampFromMs(notAfter) }),
  }))

export interface PlatformFile {
  readonly keys: ToldKeys
  /** SHA-256, by which servers name it. */
  readonly digest: string
}

/** @returns undefined without a Secret, or for one without our signature, which is written again */
export function parsePlatformFile(secret: SecretObject | undefined, trusts: TrustsFile): PlatformFile | undefined {
  const bytes = Buffer.from(secret?.data?.[platformKeysFile] ?? '', 'base64')
  const digest = digestOf(bytes)
  if (!trusts({ name: platformKeysFile, digest }, signatureIn(secret, platformKeysFile))) return undefined
  try {
    const message = fromJsonString(PlatformIssuerSchema, bytes.toString('utf8'), { ignoreUnknownFields: true })
    const { issuer, keys, clusters } = message
    const own = issuer === '' ? undefined : keySetOf(issuer, keys)
    const joined = new Map(clusters.map((one) => [one.cluster, keySetOf(one.issuer, one.keys)]))
    return { keys: { own, joined }, digest }
  } catch {
    return undefined
  }
}

const keySetOf = (issuer: string, keys: readonly PlatformKey[]): PlatformKeySet => ({
  issuer,
  keys: keys.map(({ jwk = {}, notAfter }) => ({
    jwk,
    ...(notAfter === undefined ? {} : { notAfter: timestampMs(notAfter) }),
  })),
})
