import { createHash } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import type { CertificateHolder } from '@nauthera/proto/certificate-source'
import { decodeManifest, digestOf } from '@nauthera/proto/digest'
import { RejectedClientSchema, ShardRefSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { RejectedClient, ShardRef } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import {
  issuersSecretName,
  linkFiles,
  linkSecretName,
  manifestFile,
  manifestSecretName,
  platformKeysFile,
  shardCount,
  shardFile,
  shardSecretName,
} from '@nauthera/proto/names'
import { decodeShardFile } from '@nauthera/proto/shard-file'
import type { ClientShard } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { decodeClient } from './decoded-client.ts'
import type { DecodedClient } from './decoded-client.ts'

/** Refuses a version of a client: field, code and message. */
export type RejectRule = (client: DecodedClient) => { field: string; code: string; message: string } | undefined

/** What a replica has mounted and serves: the newest readable version of each shard. */
export class ReplicaMount {
  manifestDigest = ''
  /** Of the keys of platforms that are mounted; empty before the first. */
  platformDigest = ''
  /** Whether a complete set of shards was ever there: before, a server is not ready and takes no requests. */
  isReady = false
  rule: RejectRule = () => undefined
  readonly #find: (secret: string, file: string) => string | undefined
  readonly #release: string
  readonly #certificates: CertificateHolder
  readonly #live = new Map<number, { shard: ClientShard; digest: string }>()
  readonly #seen = new Map<number, number>()
  /** What was read last of each shard. */
  readonly #texts = new Map<number, string>()

  /** @param certificates get those of the link */
  constructor(api: KubeApi, about: { release: string; namespace: string }, certificates: CertificateHolder) {
    const secrets = api.resource('secrets')
    this.#release = about.release
    this.#certificates = certificates
    this.#find = (secret, file) => {
      const object = api.store.find(secrets, about.namespace, secret) as
        (KubeObject & { data?: Record<string, string> }) | undefined
      return object?.data?.[file]
    }
  }

  /** Reads what has changed.
   *  @returns whether anything that a replica reports has changed */
  update(): boolean {
    const files = [linkFiles.ca, linkFiles.agentCert, linkFiles.agentKey]
    const [ca, cert, key] = files.map((file) => this.#read(linkSecretName(this.#release), file)?.toString())
    if (ca && cert && key) this.#certificates.replace({ ca, cert, key })
    const changed = Array.from({ length: shardCount }, (_, index) => this.#updateShard(index))
    const manifest = this.#read(manifestSecretName(this.#release), manifestFile)
    const named = manifest && decodeManifest(manifest)
    const digest = named?.digest ?? this.manifestDigest
    changed.push(digest !== this.manifestDigest)
    const keys = this.#read(issuersSecretName(this.#release), platformKeysFile)
    const platform = keys ? digestOf(keys) : this.platformDigest
    changed.push(platform !== this.platformDigest)
    this.platformDigest = platform
    this.manifestDigest = digest
    this.isReady ||= named?.manifest.shards.every(({ shard, seq }) => this.seq(shard) >= Number(seq)) ?? false
    return changed.includes(true)
  }

  clients(): DecodedClient[] {
    return [...this.#live.values()].flatMap(({ shard }) => shard.entries.map(decodeClient))
  }

  seq(shard: number): number {
    return Number(this.#live.get(shard)?.shard.seq ?? 0)
  }

  claimSeen(shard: number, seq: number): void {
    this.#seen.set(shard, seq)
  }

  /** @returns whether a request of the client with this secret would be let in */
  accepts(key: string, secret: string, now: number): boolean {
    const sha256 = createHash('sha256').update(secret).digest('hex')
    const entry = this.clients().find((one) => keyOf(one) === key)
    const isServed = entry !== undefined && ((entry.desired && !this.rule(entry)) || entry.accepted !== undefined)
    if (!isServed) return false
    return entry.verifiers.some(
      (verifier) =>
        verifier.sha256 === sha256 &&
        (verifier.notAfter === undefined || Number(verifier.notAfter.seconds) * 1000 + 1000 > now),
    )
  }

  /** For the report to the operator. */
  live(): ShardRef[] {
    return [...this.#live.values()].map(({ shard, digest }) =>
      create(ShardRefSchema, { shard: shard.shard, seq: shard.seq, digest }),
    )
  }

  seen(): ShardRef[] {
    return [...this.#seen].map(([shard, seq]) => create(ShardRefSchema, { shard, seq: BigInt(seq) }))
  }

  rejected(): RejectedClient[] {
    return [...this.#live.values()].flatMap(({ shard }) =>
      shard.entries.map(decodeClient).flatMap((client) => {
        const refusal = client.desired && this.rule(client)
        if (!refusal) return []
        const { namespace, name, clientId, desired } = client
        const { generation } = desired!
        return [create(RejectedClientSchema, { namespace, name, clientId, shard: shard.shard, generation, ...refusal })]
      }),
    )
  }

  #read(secret: string, file: string): Buffer | undefined {
    const text = this.#find(secret, file)
    return text === undefined ? undefined : Buffer.from(text, 'base64')
  }

  #updateShard(index: number): boolean {
    const text = this.#find(shardSecretName(this.#release, index), shardFile(index))
    // at 50,000 clients a look at every shard takes longer than a Lease has
    if (text === undefined || text === this.#texts.get(index)) return false
    this.#texts.set(index, text)
    try {
      const read = decodeShardFile(Buffer.from(text, 'base64'))
      const before = this.#live.get(index)
      if (read.shard.seq <= (before?.shard.seq ?? 0n)) return false
      this.#live.set(index, { ...read, shard: keepVerifiers(read.shard, before?.shard) })
      this.#seen.set(index, Math.max(this.#seen.get(index) ?? 0, Number(read.shard.seq)))
      return true
    } catch {
      // Damaged: the last good one stays.
      return false
    }
  }
}

/** `namespace/name`. */
export const keyOf = ({ namespace, name }: Pick<DecodedClient, 'namespace' | 'name'>): string => `${namespace}/${name}`

/** As in servers: an entry without verifiers keeps those of the version before. */
function keepVerifiers(next: ClientShard, before: ClientShard | undefined): ClientShard {
  const held = new Map(before?.entries.map((client) => [`${client.uid} ${client.clientId}`, client.verifiers]))
  const entries = next.entries.map((entry) => {
    const { desired, accepted } = decodeClient(entry)
    const needsSecret = (desired ?? accepted)?.tokenEndpointAuthMethod.startsWith('client_secret_')
    const verifiers = held.get(`${entry.uid} ${entry.clientId}`)
    return entry.verifiers.length === 0 && needsSecret && verifiers ? { ...entry, verifiers } : entry
  })
  return { ...next, entries }
}
