import { createHash } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { createCertificateHolder } from '@nauthera/proto/certificate-source'
import { serve } from '@nauthera/proto/channel'
import type { Stream } from '@nauthera/proto/channel'
import { decodeManifest, decodeShard } from '@nauthera/proto/digest'
import { RejectedClientSchema, ShardRefSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientEntry, ClientShard, RejectedClient } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { StatusService, StatusUpdateSchema } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import type { StatusUpdate, WatchRequest } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import {
  linkDnsName,
  linkFiles,
  linkSecretName,
  manifestFile,
  manifestSecretName,
  shardCount,
  shardFile,
  shardSecretName,
} from '@nauthera/proto/names'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeObject } from '@nauthera/stand-in/objects'

/** A server pod as the operator meets it: a real status service with the certificates of the link, whose mount follows
 *  the shards' Secrets at once, later, or not at all. */
export interface TestReplica {
  readonly name: string
  /** What the operator says it expects, newest last. */
  readonly expected: readonly string[]
  /** The mount stays as it is until `release`. */
  hold(): void
  release(): void
  /** Refuses versions: what comes back is field, code and message. */
  reject(rule: (client: ClientEntry) => { field: string; code: string; message: string } | undefined): void
  /** A secret of the client was used here. */
  use(client: string, secretId: string, at: number): void
  /** The agent lost its server, or found it again. */
  setServer(connected: boolean): void
  /** Nothing answers on the status port any more, until it is opened again. */
  close(): Promise<void>
  open(): Promise<void>
  /** The names of the clients that it serves. */
  clients(): string[]
  /** Whether a request with this secret would be let in now. */
  accepts(client: string, secret: string): boolean
  seq(shard: number): number
  /** Says that it has seen a seq, as an agent with a newer history does. */
  claimSeen(shard: number, seq: number): void
  /** The pod is gone. */
  remove(): Promise<void>
}

export async function startReplica(options: {
  api: KubeApi
  name: string
  release: string
  namespace: string
  now: () => number
  onChange?: (replica: TestReplica) => void
}): Promise<TestReplica> {
  const { api, name, release, namespace } = options
  const secrets = api.resource('secrets')
  const certificates = createCertificateHolder()
  const live = new Map<number, { shard: ClientShard; digest: string }>()
  const seen = new Map<number, number>()
  const expected: string[] = []
  const streams = new Set<Stream<WatchRequest, StatusUpdate>>()
  const uses: { client: string; secretId: string; at: number }[] = []
  let manifestDigest = ''
  let held = false
  let serverConnected = true
  let rule: Parameters<TestReplica['reject']>[0] = () => undefined

  const dataOf = (secret: string, file: string): Buffer | undefined => {
    const object = api.store.find(secrets, namespace, secret) as
      (KubeObject & { data?: Record<string, string> }) | undefined
    const text = object?.data?.[file]
    return text === undefined ? undefined : Buffer.from(text, 'base64')
  }

  const mount = (): boolean => {
    let changed = false
    const [ca, cert, key] = [linkFiles.ca, linkFiles.agentCert, linkFiles.agentKey].map((file) =>
      dataOf(linkSecretName(release), file)?.toString(),
    )
    if (ca && cert && key) certificates.replace({ ca, cert, key })
    for (let index = 0; index < shardCount; index++) {
      const bytes = dataOf(shardSecretName(release, index), shardFile(index))
      if (!bytes) continue
      try {
        const read = decodeShard(bytes)
        if (read.shard.seq <= (live.get(index)?.shard.seq ?? 0n)) continue
        live.set(index, { ...read, shard: keepVerifiers(read.shard, live.get(index)?.shard) })
        seen.set(index, Math.max(seen.get(index) ?? 0, Number(read.shard.seq)))
        changed = true
      } catch {
        // Damaged: the last good one stays.
      }
    }
    const manifest = dataOf(manifestSecretName(release), manifestFile)
    const digest = manifest ? decodeManifest(manifest).digest : manifestDigest
    changed ||= digest !== manifestDigest
    manifestDigest = digest
    return changed
  }

  const rejected = (): RejectedClient[] =>
    [...live.values()].flatMap(({ shard }) =>
      shard.clients.flatMap((client) => {
        const refusal = client.desired && rule(client)
        if (!refusal) return []
        const { generation } = client.desired!
        return [
          create(RejectedClientSchema, {
            namespace: client.namespace,
            name: client.name,
            clientId: client.clientId,
            shard: shard.shard,
            generation,
            ...refusal,
          }),
        ]
      }),
    )

  const update = (): StatusUpdate =>
    create(StatusUpdateSchema, {
      replica: name,
      serverConnected,
      live: [...live.values()].map(({ shard, digest }) =>
        create(ShardRefSchema, { epoch: shard.epoch, shard: shard.shard, seq: shard.seq, digest }),
      ),
      seen: [...seen].map(([shard, seq]) => create(ShardRefSchema, { epoch: 1, shard, seq: BigInt(seq) })),
      rejected: rejected(),
      manifestDigest,
      uses: uses.map(({ client, secretId, at }) => ({
        $typeName: 'nauthera.config.v1.SecretUse' as const,
        namespace: client.split('/')[0]!,
        name: client.split('/')[1]!,
        clientId: '',
        secretId,
        lastUsed: {
          $typeName: 'google.protobuf.Timestamp' as const,
          seconds: BigInt(Math.floor(at / 1000)),
          nanos: 0,
        },
      })),
      agentVersion: '0.0.0-test',
      serverVersion: '0.0.0-test',
    })

  const tell = () => {
    options.onChange?.(replica)
    for (const stream of streams) stream.send(update()).catch(() => {})
  }
  const look = () => {
    if (!held && mount()) tell()
  }

  let serving: Awaited<ReturnType<typeof serve>> | undefined
  let port = 0
  const open = async () => {
    serving = await serve({
      method: StatusService.method.watch,
      listen: { host: '127.0.0.1', port },
      certificates,
      admit: (peer) => peer.dnsNames.includes(linkDnsName('operator', release, namespace)),
      handle: async (stream) => {
        streams.add(stream as never)
        stream.closed.addEventListener('abort', () => streams.delete(stream as never))
        await stream.send(update())
        for await (const request of stream) expected.push(request.expectedManifestDigest)
      },
    })
    port = serving.port
  }
  const close = async () => {
    await serving?.stop()
    serving = undefined
  }

  const replica: TestReplica = {
    name,
    expected,
    hold: () => {
      held = true
    },
    release: () => {
      held = false
      look()
    },
    reject: (next) => {
      rule = next
      tell()
    },
    use: (client, secretId, at) => {
      uses.push({ client, secretId, at })
      tell()
    },
    setServer: (connected) => {
      serverConnected = connected
      tell()
    },
    close,
    open,
    clients: () =>
      [...live.values()].flatMap(({ shard }) => shard.clients.map((client) => `${client.namespace}/${client.name}`)),
    accepts: (client, secret) => {
      const sha256 = createHash('sha256').update(secret).digest('hex')
      const entry = [...live.values()]
        .flatMap(({ shard }) => shard.clients)
        .find((one) => `${one.namespace}/${one.name}` === client)
      const isServed = entry !== undefined && ((entry.desired && !rule(entry)) || entry.accepted !== undefined)
      if (!isServed) return false
      return entry.verifiers.some(
        (verifier) =>
          verifier.sha256 === sha256 &&
          (verifier.notAfter === undefined || Number(verifier.notAfter.seconds) * 1000 + 1000 > options.now()),
      )
    },
    seq: (shard) => Number(live.get(shard)?.shard.seq ?? 0),
    claimSeen: (shard, seq) => {
      seen.set(shard, seq)
      tell()
    },
    remove: async () => {
      stopFollowing()
      if (api.store.find(api.resource('pods'), namespace, name)) api.store.remove(api.resource('pods'), namespace, name)
      await close()
    },
  }
  const stopFollowing = api.store.onChange(({ resource, object }) => {
    if (resource.plural === 'secrets' && object.metadata.namespace === namespace) queueMicrotask(look)
  })
  mount()
  await open()
  api.put(podOf({ name, release, namespace, port }))
  return replica
}

/** As servers do: an entry that names no verifier takes none away. */
function keepVerifiers(next: ClientShard, before: ClientShard | undefined): ClientShard {
  const held = new Map(before?.clients.map((client) => [`${client.uid} ${client.clientId}`, client.verifiers]))
  const clients = next.clients.map((client) => {
    const needsSecret = (client.desired ?? client.accepted)?.tokenEndpointAuthMethod.startsWith('client_secret_')
    const verifiers = held.get(`${client.uid} ${client.clientId}`)
    return client.verifiers.length === 0 && needsSecret && verifiers ? { ...client, verifiers } : client
  })
  return { ...next, clients }
}

function podOf(about: { name: string; release: string; namespace: string; port: number }): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: about.name,
      namespace: about.namespace,
      labels: {
        'app.kubernetes.io/name': 'nauthera',
        'app.kubernetes.io/instance': about.release,
        'app.kubernetes.io/component': 'server',
      },
    },
    spec: {
      initContainers: [{ name: 'config-agent', ports: [{ name: 'status', containerPort: about.port }] }],
      containers: [{ name: 'server' }],
    },
    status: {
      phase: 'Running',
      podIP: '127.0.0.1',
      initContainerStatuses: [{ name: 'config-agent', started: true, restartCount: 0 }],
    },
  } as unknown as KubeObject
}
