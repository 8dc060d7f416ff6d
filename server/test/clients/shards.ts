// Shards as the operator renders them, small enough for tests.
import { createHash } from 'node:crypto'
import { create, toJsonString } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { renderVersion } from '@nauthera/proto/client-version'
import {
  ClientConfigSchema,
  ClientShardSchema,
  ShardEntrySchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type {
  ClientConfig,
  RestraintSchema,
  ShardEntry,
  Verifier,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardCount, shardSchema } from '@nauthera/proto/names'
import { digestOfLine, renderShardFile } from '@nauthera/proto/shard-file'
import { shardOf } from '@nauthera/proto/shard-of'
import { invalid } from '@nauthera/rules/client-fault'
import type { CheckClient } from '../../src/clients/check-client.ts'
import { createRegistry, emptyRegistry } from '../../src/clients/registry.ts'
import type { LiveShard, Registry, ShardRefValue } from '../../src/clients/registry.ts'
import { systemClocks } from '../../src/clients/verifiers.ts'
import { buildRegistry } from '../../src/clients/build-registry.ts'
import type { ShardInput } from '../../src/clients/build-registry.ts'

/** A shard as the operator renders it. */
export interface TestShard {
  readonly ref: ShardRefValue
  readonly entries: readonly ShardEntry[]
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

export const verifierOf = (secret: string, notAfter?: number) => ({
  id: sha256(secret).slice(0, 8),
  sha256: sha256(secret),
  ...(notAfter === undefined ? {} : { notAfter: timestampFromMs(notAfter) }),
})

export const configOf = (
  about: { clientName?: string; generation?: bigint; api?: string; redirectUris?: string[] } = {},
): ClientConfig =>
  create(ClientConfigSchema, {
    redirectUris: about.redirectUris ?? [],
    type: 'Web',
    generation: about.generation ?? 1n,
    clientName: about.clientName ?? 'good',
    ...(about.api === undefined ? {} : { resourceServer: { identifier: about.api, scopes: [] } }),
  })

export const entryOf = (
  key: string,
  about: {
    uid?: string
    restoredFrom?: string
    clientId?: string
    /** Epoch milliseconds. */
    createdAt?: number
    desired?: ClientConfig | undefined
    accepted?: ClientConfig | undefined
    secrets?: (string | ReturnType<typeof verifierOf>)[]
    /** Scopes that it may have at https://api.example.com. */
    granted?: readonly string[] | undefined
    /** Redirect URIs that follow routes. */
    redirectUris?: readonly string[] | undefined
    restraint?: MessageInitShape<typeof RestraintSchema> | undefined
    /** When the namespace `team` of its ServiceAccounts was made, epoch milliseconds. */
    since?: number | undefined
  } = {},
): ShardEntry => {
  const [namespace = '', name = ''] = key.split('/')
  const verifiers = (about.secrets ?? ['secret']).map((secret) =>
    typeof secret === 'string' ? verifierOf(secret) : secret,
  )
  return create(ShardEntrySchema, {
    namespace,
    name,
    uid: about.uid ?? `uid-${key}`,
    restoredFrom: about.restoredFrom ?? '',
    clientId: about.clientId ?? `${namespace}.${name}`,
    createdAt: timestampFromMs(about.createdAt ?? 0),
    verifiers: verifiers as Verifier[],
    ...versionOf('desired', 'desired' in about ? about.desired : configOf()),
    ...versionOf('accepted', about.accepted),
    ...(about.granted === undefined && about.redirectUris === undefined
      ? {}
      : {
          granted: {
            apis: about.granted ? [{ identifier: 'https://api.example.com', scopes: about.granted.slice() }] : [],
            redirectUris: about.redirectUris?.slice() ?? [],
          },
        }),
    ...(about.restraint ? { restraint: about.restraint } : {}),
    accountsSince: about.since === undefined ? {} : { team: timestampFromMs(about.since) },
  })
}

const versionOf = (field: 'desired' | 'accepted', config: ClientConfig | undefined) =>
  config === undefined ? {} : { [field]: renderVersion(config) }

/** @returns `count` names that all belong to one shard, so that tests can fill it */
export function namesIn(shard: number, count: number, namespace = 'team'): string[] {
  const names: string[] = []
  for (let number = 0; names.length < count; number++) {
    if (shardOf(namespace, `app-${number}`) === shard) names.push(`${namespace}/app-${number}`)
  }
  return names
}

export const shardInput = (shard: number, seq: bigint, entries: readonly ShardEntry[]): TestShard => ({
  ref: { shard, seq, digest: sha256(`${shard} ${seq} ${entries.length}`) },
  entries,
})

/** The same shard with the file that it is mounted as, and the digest of that. */
export function mounted({ ref: { shard, seq }, entries }: TestShard) {
  const message = { schema: shardSchema, shard, shardCount, seq, change: 'c0de', entries: [...entries] }
  const { file, digest } = renderShardFile(create(ClientShardSchema, message))
  return { ref: { shard, seq, digest }, entries, file }
}

/** Refuses a client whose display name says so; counts what it was asked. */
export function createCheck(): CheckClient & { asked: string[] } {
  const asked: string[] = []
  const check: CheckClient = (config, identity) => {
    asked.push(identity.clientId)
    if (config.clientName === 'throws') throw new TypeError('cannot read properties of undefined')
    return config.clientName === 'bad' ? [invalid('auth.jwks', 'is no JWK set')] : []
  }
  return Object.assign(check, { asked })
}

/** @param live what is live of the shard: a client about which nothing changed is kept, as `planShard` has it. Without, each is looked into */
export const inputOf = ({ ref, entries }: TestShard, live?: LiveShard): ShardInput => ({
  ref,
  clients: entries.map((entry) => {
    const changed = changedOf(entry)
    const client = live?.byDigest.get(changed.digest)
    return client ? { kind: 'kept', digest: changed.digest, client } : changed
  }),
})

export const changedOf = (entry: ShardEntry) =>
  ({ kind: 'changed', digest: digestOfLine(Buffer.from(toJsonString(ShardEntrySchema, entry))), entry }) as const

/** Of a replica that has had a whole set of clients: who is served keeps their names. */
export const wholeRegistry = (): Registry => createRegistry({ ...emptyRegistry(), isWhole: true })

/** Applies shards one after the other. */
export async function applyAll(shards: readonly TestShard[], check = createCheck(), start: Registry = wholeRegistry()) {
  let registry = start
  let rejected: Awaited<ReturnType<typeof buildRegistry>>['rejected'] = []
  for (const shard of shards) {
    const input = inputOf(shard, registry.shards.get(shard.ref.shard))
    const built = await buildRegistry(registry, input, { checkClient: check, clocks: systemClocks })
    registry = built.registry
    rejected = built.rejected
  }
  return { registry, rejected }
}

/** Clients spread over all shards: one input per shard. */
export function spread(seq: bigint, count: number, entry: (key: string) => ShardEntry): TestShard[] {
  const shards = Array.from({ length: shardCount }, (): ShardEntry[] => [])
  for (let number = 0; number < count; number++)
    shards[shardOf('team', `app-${number}`)]!.push(entry(`team/app-${number}`))
  return shards.map((entries, shard) => shardInput(shard, seq, entries))
}
