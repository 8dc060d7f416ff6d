// A server pod as the operator meets it.
import { create } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { createCertificateHolder } from '@nauthera/proto/certificate-source'
import { serve } from '@nauthera/proto/channel/serve'
import type { CertificateHolder } from '@nauthera/proto/certificate-source'
import type { Serving } from '@nauthera/proto/channel/serve'
import type { Stream } from '@nauthera/proto/channel/stream'
import { StatusService, StatusUpdateSchema } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import type { StatusUpdate, WatchRequest } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import { PlatformStateSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { linkDnsName } from '@nauthera/proto/names'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { ReplicaMount, keyOf } from './replica-mount.ts'
import type { RejectRule } from './replica-mount.ts'

/** A server pod as the operator meets it: a real status service with the certificates of the link, whose mount follows
 *  the shards' Secrets at once, later, or not at all. */
export interface TestReplica {
  readonly name: string
  /** What the operator says it expects, newest last. */
  readonly expected: readonly string[]
  /** The mount stays as it is until `release`. */
  hold(): void
  release(): void
  /** Its server loads all shards, one after the other, and has a complete set then. */
  load(): void
  /** Its server takes requests with what it has: after 10 s without a word of an operator any complete set is enough, an old one too. */
  mount(): void
  /** Refuses versions: what comes back is field, code and message. */
  reject(rule: RejectRule): void
  /** Its server met a token of this cluster whose key it does not have. */
  meetUnknownKey(): void
  /** An identity proved a client here: a ServiceAccount of the client's namespace. */
  prove(client: string, account: string, at: number): void
  /** A secret of the client was used here. */
  use(client: string, secretId: string, at: number): void
  /** The agent lost its server, or found it again. */
  setServer(connected: boolean): void
  /** Nothing answers on the status port any more, until it is opened again. */
  close(): Promise<void>
  open(): Promise<void>
  /** Whether it takes requests. */
  isReady(): boolean
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

export interface ReplicaOptions {
  readonly api: KubeApi
  readonly name: string
  readonly release: string
  readonly namespace: string
  readonly now: () => number
  readonly onChange?: (replica: TestReplica) => void
  /** Its server has nothing until `load`. */
  readonly isLoading?: boolean
}

/** What a replica reports besides its shards. */
interface Facts {
  serverConnected: boolean
  /** How many shards its server has; undefined for all that are mounted. */
  loaded: number | undefined
  /** It has had a complete set. */
  isComplete: boolean
  readonly uses: { client: string; secretId: string; at: number }[]
  unknownKeys: number
  readonly proved: { client: string; account: string; at: number }[]
}

export async function startReplica(options: ReplicaOptions): Promise<TestReplica> {
  const { api, name, release, namespace, isLoading = false } = options
  const certificates = createCertificateHolder()
  const mount = new ReplicaMount(api, { release, namespace }, certificates)
  const facts: Facts = {
    serverConnected: true,
    loaded: isLoading ? 0 : undefined,
    isComplete: !isLoading,
    uses: [],
    unknownKeys: 0,
    proved: [],
  }
  const startedAt = options.now()
  const status = new StatusPort(options, certificates, () => ({
    ...renderUpdate(name, mount, facts),
    platform: create(PlatformStateSchema, { digest: mount.platformDigest }),
    usesCover: durationFromMs(Math.round(options.now() - startedAt)),
  }))
  let held = false
  const tell = () => {
    options.onChange?.(replica)
    status.send()
  }
  const look = () => {
    if (!held && mount.update()) tell()
  }
  const stopFollowing = api.store.onChange(({ resource, object }) => {
    if (resource.plural === 'secrets' && object.metadata.namespace === namespace) queueMicrotask(look)
  })

  const replica: TestReplica = {
    name,
    expected: status.expected,
    hold: () => {
      held = true
    },
    release: () => {
      held = false
      look()
    },
    load: () => {
      for (const loaded of [...mount.live().keys(), mount.live().length, undefined]) {
        facts.loaded = loaded
        facts.isComplete ||= loaded === undefined
        tell()
      }
    },
    mount: () => {
      facts.isComplete = true
      tell()
    },
    reject: (rule) => {
      mount.rule = rule
      tell()
    },
    meetUnknownKey: () => {
      facts.unknownKeys++
      tell()
    },
    prove: (client, account, at) => {
      facts.proved.push({ client, account, at })
      tell()
    },
    use: (client, secretId, at) => {
      facts.uses.push({ client, secretId, at })
      tell()
    },
    setServer: (connected) => {
      facts.serverConnected = connected
      tell()
    },
    close: () => status.close(),
    open: () => status.open(),
    isReady: () => mount.isReady && facts.isComplete,
    clients: () => mount.clients().map(keyOf),
    accepts: (client, secret) => mount.accepts(client, secret, options.now()),
    seq: (shard) => mount.seq(shard),
    claimSeen: (shard, seq) => {
      mount.claimSeen(shard, seq)
      tell()
    },
    remove: async () => {
      stopFollowing()
      const pods = api.resource('pods')
      if (api.store.find(pods, namespace, name)) api.store.remove(pods, namespace, name)
      await status.close()
    },
  }
  mount.update()
  await status.open()
  api.set(podOf({ name, release, namespace, port: status.port }))
  return replica
}

/** The status service of an agent, which a test opens and closes. */
class StatusPort {
  /** What the operator says it expects, newest last. */
  readonly expected: string[] = []
  /** The same one each time it is open. */
  port = 0
  readonly #options: ReplicaOptions
  readonly #certificates: CertificateHolder
  readonly #render: () => StatusUpdate
  readonly #streams = new Set<Stream<WatchRequest, StatusUpdate>>()
  #serving: Serving | undefined

  constructor(options: ReplicaOptions, certificates: CertificateHolder, render: () => StatusUpdate) {
    this.#options = options
    this.#certificates = certificates
    this.#render = render
  }

  async open(): Promise<void> {
    const { release, namespace } = this.#options
    this.#serving = await serve({
      method: StatusService.method.watch,
      listen: { host: '127.0.0.1', port: this.port },
      certificates: this.#certificates,
      admit: (peer) => peer.dnsNames.includes(linkDnsName('operator', release, namespace)),
      handle: async (stream) => {
        this.#streams.add(stream)
        stream.closed.addEventListener('abort', () => this.#streams.delete(stream))
        await stream.send(this.#render())
        for await (const request of stream) this.expected.push(request.expectedManifestDigest)
      },
    })
    this.port = this.#serving.port
  }

  async close(): Promise<void> {
    await this.#serving?.stop()
    this.#serving = undefined
  }

  /** Sends everything to every operator that listens. */
  send(): void {
    for (const stream of this.#streams) stream.send(this.#render()).catch(() => {})
  }
}

const renderUpdate = (replica: string, mount: ReplicaMount, facts: Facts): StatusUpdate =>
  create(StatusUpdateSchema, {
    replica,
    serverConnected: facts.serverConnected,
    live: mount.live().slice(0, facts.loaded),
    seen: mount.seen(),
    rejected: mount.rejected(),
    manifestDigest: facts.isComplete ? mount.manifestDigest : '',
    uses: facts.uses.map(({ client, secretId, at }) => ({
      namespace: client.split('/')[0]!,
      name: client.split('/')[1]!,
      secretId,
      lastUsed: { seconds: BigInt(Math.floor(at / 1000)), nanos: 0 },
    })),
    unknownKeys: BigInt(facts.unknownKeys),
    identityUses: facts.proved.map(({ client, account, at }) => {
      const [namespace, name] = client.split('/') as [string, string]
      const lastUsed = { seconds: BigInt(Math.floor(at / 1000)), nanos: 0 }
      return { namespace, name, identity: { serviceAccount: { namespace, name: account } }, lastUsed }
    }),
    agentVersion: '0.0.0-test',
    serverVersion: '0.0.0-test',
  })

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
