import { create } from '@bufbuild/protobuf'
import { renderVersion } from '@nauthera/proto/client-version'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardFile } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import type { ClientShard } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { SecretObject } from '../../src/kubernetes/objects.ts'
import type { ClientForShard } from '../../src/shards/client-entry.ts'
import { planShard } from '../../src/shards/plan-shard.ts'
import { secretOfFile } from '../../src/shards/shard-secret.ts'

export const home = shardOf('apps', 'client-0')

/** Names of clients that share the shard `home`. */
export const names: readonly string[] = Array.from({ length: 2_000 }, (_, index) => `client-${index}`)
  .filter((name) => shardOf('apps', name) === home)
  .slice(0, 100)

/** What is wanted of a client in namespace apps. */
export const wanted = (name: string, more: Partial<ClientForShard> = {}): ClientForShard => ({
  namespace: 'apps',
  name,
  uid: `uid-${name}`,
  clientId: `apps.${name}`,
  createdAt: 1,
  namespaceBytes: 65_536,
  verifiers: [],
  verdict: { kind: 'desired', version: renderVersion(create(ClientConfigSchema, { clientName: name })) },
  granted: undefined,
  forbidsEarlier: false,
  restraint: undefined,
  accountsSince: {},
  standing: { of: undefined, is: 'unknown' },
  ...more,
})

/** Another version of the client. */
export const version = (clientName: string): Pick<ClientForShard, 'verdict'> => ({
  verdict: { kind: 'desired', version: renderVersion(create(ClientConfigSchema, { clientName })) },
})

/** The shard `home` as an operator wrote it, under a seq one above `after`. */
export function written(
  clients: readonly ClientForShard[],
  after: bigint,
): { secret: SecretObject; shard: ClientShard; digest: string } {
  const seq = { highestSeen: after, startSeconds: 0n }
  const plan = planShard({ shard: home, clients, stored: undefined, seq, now: 0, change: 'c7f2' })
  if (plan.kind !== 'write') throw new Error('expected a write')
  return { secret: secretWith(plan.file), shard: plan.shard, digest: plan.digest }
}

/** The Secret of the shard `home`, with these bytes in its file. */
export function secretWith(bytes: Uint8Array): SecretObject {
  const { namespace, name, data } = secretOfFile({
    namespace: 'auth',
    name: `nauthera-clients-${home}`,
    file: shardFile(home),
    bytes,
    digest: '',
  })
  return { metadata: { namespace, name }, data: { ...data } }
}

/** Whatever is stored counts as the operator's. */
export const everybody = { isOurs: () => true, isBelieved: () => true }
