import { decodeManifest } from '@nauthera/proto/digest'
import { manifestFile, manifestSecretName, shardCount, shardFile, shardSecretName } from '@nauthera/proto/names'
import { decodeShardFile } from '@nauthera/proto/shard-file'
import type { ClientShard } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardOf } from '@nauthera/proto/shard-of'
import type { OIDCClient } from '@nauthera/operator/api/oidc-client'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { decodeClient } from './decoded-client.ts'
import type { DecodedClient } from './decoded-client.ts'

export const release = 'nauthera'
export const releaseNamespace = 'auth'
export const appsNamespace = 'apps'

/** What lies in the API, as tests ask for it. */
export interface ClusterView {
  client(name: string, namespace?: string): OIDCClient | undefined
  secret(name: string, namespace?: string): (KubeObject & { data: Record<string, string> }) | undefined
  /** The client secret in the application's Secret. */
  plain(name: string, namespace?: string): string | undefined
  /** The client's entry in the stored shard. */
  stored(name: string, namespace?: string): DecodedClient | undefined
  /** Whether the manifest names every shard as it is stored. */
  isWhole(): boolean
  /** The seq of the stored shard that the client belongs to; 0 when there is none. */
  storedSeq(name: string): number
  condition(
    name: string,
    type: string,
    namespace?: string,
  ): { status: string; reason: string; message: string } | undefined
  /** Writes since the start, as `verb resource name`. */
  writes(from?: number): string[]
}

export function createClusterView(api: KubeApi): ClusterView {
  const find = (plural: string, namespace: string, name: string) =>
    api.store.find(api.resource(plural), namespace, name)
  const secret = (name: string, namespace = appsNamespace) =>
    find('secrets', namespace, name) as (KubeObject & { data: Record<string, string> }) | undefined
  const client = (name: string, namespace = appsNamespace) =>
    find('oidcclients', namespace, name) as unknown as OIDCClient | undefined
  const shardOfClient = (name: string, namespace = appsNamespace): ClientShard | undefined =>
    readShard(shardOf(namespace, name))
  const readShard = (index: number): ClientShard | undefined => {
    const data = secret(shardSecretName(release, index), releaseNamespace)?.data[shardFile(index)]
    return data === undefined ? undefined : decodeShardFile(Buffer.from(data, 'base64')).shard
  }
  return {
    client,
    secret,
    plain: (name, namespace) => {
      const text = secret(`${name}-oidc`, namespace)?.data['client_secret']
      return text === undefined ? undefined : Buffer.from(text, 'base64').toString()
    },
    stored: (name, namespace = appsNamespace) => {
      const entry = shardOfClient(name, namespace)?.entries.find(
        (one) => one.name === name && one.namespace === namespace,
      )
      return entry && decodeClient(entry)
    },
    isWhole: () => {
      const data = secret(manifestSecretName(release), releaseNamespace)?.data[manifestFile]
      const named = data === undefined ? [] : decodeManifest(Buffer.from(data, 'base64')).manifest.shards
      return named.length === shardCount && named.every(({ shard, seq }) => readShard(shard)?.seq === seq)
    },
    storedSeq: (name) => Number(shardOfClient(name)?.seq ?? 0n),
    condition: (name, type, namespace) =>
      client(name, namespace)?.status?.conditions?.find((condition) => condition.type === type),
    writes: (from = 0) =>
      api.requests
        .slice(from)
        .filter(({ verb, user }) => writeVerbs.includes(verb) && user.startsWith('operator'))
        .map(({ verb, resource, name, subresource }) =>
          [verb, resource?.plural, name, subresource].filter((part) => part !== undefined).join(' '),
        ),
  }
}

const writeVerbs = ['create', 'update', 'patch', 'delete']
