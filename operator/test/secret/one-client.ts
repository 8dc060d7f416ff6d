// One client whose secret is worked on: Secrets in memory under resource versions, a shard, and what replicas say of it.
import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { digestOf } from '@nauthera/proto/digest'
import { annotations, labels, managedByOperator } from '@nauthera/proto/names'
import { Secret } from '@nauthera/runtime/secret'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import type { ManualClock } from '@nauthera/harness/operator/clocks'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'
import type { OIDCClient, OIDCClientSpec } from '../../src/api/oidc-client.ts'
import type { OIDCPolicy, OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import type { Propagation } from '../../src/decide/status/propagation.ts'
import type { RotationPlan, RotationStep, SecretMarks } from '../../src/decide/secret/rotation-terms.ts'
import type { ClientForShard } from '../../src/shards/client-entry.ts'
import { identifySecret } from '../../src/decide/secret/secret-id.ts'
import { createOwnerProof } from '../../src/decide/secret/owner-proof.ts'
import { createClientIndex } from '../../src/intake/client-index.ts'
import { grantedOf } from '../../src/decide/access/resolve-access.ts'
import { createJudge } from '../../src/intake/judge.ts'
import { ApiError } from '../../src/kubernetes/api-error.ts'
import type { SecretStore, WantedSecret } from '../../src/kubernetes/conditional-write.ts'
import type { SecretObject } from '../../src/kubernetes/objects.ts'
import { createMemories } from '../../src/secret/memories.ts'
import type { Look, Memory, SecretWork, SecretStep } from '../../src/secret/look.ts'
import { macBy } from '../../src/secret/proof-key.ts'
import { createReader } from '../../src/secret/read.ts'
import { readSecretObject } from '../../src/secret/read-secret.ts'
import { createRender } from '../../src/secret/render.ts'
import { EndingNamespaces } from '../../src/intake/ending-namespaces.ts'
import { createWriteSecret } from '../../src/secret/write.ts'
import { client as clientOf, emptyShards } from '../decide/clients.ts'

export const home = { namespace: 'auth', release: 'nauthera' }
/** Whose proofs every Secret of these tests has. */
export const proof = createOwnerProof(macBy(Buffer.alloc(32, 7)))
export const issuer = 'https://login.example.com'
export const unreachable = new ApiError('KUBERNETES_UNREACHABLE', { message: 'no answer' })

/** Secrets in memory. A write under an older resource version meets a conflict, as at the API. */
export interface HeldSecrets extends SecretStore {
  /** Calls, in order: `read apps/x`, `create …`, `update …`, `remove …`. */
  readonly calls: string[]
  /** What is there, by name. */
  readonly held: Map<string, SecretObject>
  /** Every call from now on fails with this; undefined: none does. */
  failure: Error | undefined
  /** Runs before each write: what somebody else does just then. */
  beforeWrite: () => void
  /** Puts a Secret there as somebody else would. */
  put(name: string, secret: Partial<SecretObject> & { value?: string }): void
}

function createHeldSecrets(): HeldSecrets {
  let version = 0
  const stored = (name: string, secret: Omit<SecretObject, 'metadata'> & { metadata?: object }): SecretObject => ({
    ...secret,
    metadata: { ...secret.metadata, name, namespace: 'demo', uid: `uid-${name}`, resourceVersion: String(++version) },
  })
  const call = (what: string, name: string) => {
    secrets.calls.push(`${what} ${name}`)
    if (secrets.failure) throw secrets.failure
    if (what !== 'read') secrets.beforeWrite()
  }
  const write = ({ name, namespace: _always, ...rest }: WantedSecret): SecretObject => {
    const { labels, annotations, data, ownerReferences = [] } = rest
    const metadata = { labels: { ...labels }, annotations: { ...annotations }, ownerReferences: [...ownerReferences] }
    const secret = stored(name, { metadata, data: { ...data } })
    secrets.held.set(name, secret)
    return secret
  }
  const secrets: HeldSecrets = {
    calls: [],
    held: new Map(),
    failure: undefined,
    beforeWrite: () => {},
    put: (name, { value, ...secret }) => {
      const data = value === undefined ? {} : { client_secret: Buffer.from(value).toString('base64') }
      secrets.held.set(name, stored(name, { data, ...secret }))
    },
    read: async (_namespace, name) => {
      call('read', name)
      return secrets.held.get(name)
    },
    create: async (wanted) => {
      call('create', wanted.name)
      if (secrets.held.has(wanted.name)) return { kind: 'conflict' }
      return { kind: 'written', secret: write(wanted) }
    },
    update: async (from, wanted) => {
      call('update', wanted.name)
      if (secrets.held.get(wanted.name)?.metadata.resourceVersion !== from.metadata.resourceVersion)
        return { kind: 'conflict' }
      return { kind: 'written', secret: write(wanted) }
    },
    remove: async (from) => {
      call('remove', from.metadata.name)
      const found = secrets.held.get(from.metadata.name)
      if (found?.metadata.resourceVersion !== from.metadata.resourceVersion) return found === undefined
      return secrets.held.delete(from.metadata.name)
    },
  }
  return secrets
}

/** The shard of the client, and the replicas that mount it. */
export interface HeldShard {
  /** What was asked for last: `put`, `presume`, `remove`. */
  readonly asked: { how: 'put' | 'presume' | 'remove'; client?: ClientForShard }[]
  entry: ShardEntry | undefined
  /** Stores what was asked for last, as the writer does a moment later; replicas lack it. */
  store(): void
  /** Every replica has what is stored. */
  spread(): void
  live: boolean
}

export function createOneClient(
  options: {
    spec?: Partial<OIDCClientSpec>
    metadata?: Partial<OIDCClient['metadata']>
    status?: OIDCClient['status']
    policy?: OIDCPolicySpec
    /** Beside the one of the settings. */
    policies?: readonly OIDCPolicy[]
    clock?: ManualClock
  } = {},
) {
  const clock = options.clock ?? createManualClock()
  const recorded = createRecordedLog()
  const secrets = createHeldSecrets()
  const client: OIDCClient = {
    ...clientOf({ type: 'M2M', ...options.spec }, options.metadata),
    ...(options.status ? { status: options.status } : {}),
  }
  const key = `${client.metadata.namespace}/${client.metadata.name}`
  const memory: Memory = createMemories().of(key, client)
  const again: number[] = []
  const ending = new Set<string>()

  const shard: HeldShard = {
    asked: [],
    entry: undefined,
    live: false,
    store: () => {
      const last = shard.asked.at(-1)
      shard.live = false
      shard.entry = last?.client && entryOf(last.client)
    },
    spread: () => {
      shard.live = true
    },
  }
  const propagation = (): Propagation | undefined =>
    shard.entry && {
      loaded: shard.live ? 3 : 0,
      total: 3,
      lagging: shard.live ? [] : ['a', 'b', 'c'],
      unreachable: [],
      rejected: [],
      applied: shard.live,
      accepted: shard.live,
    }

  /** The client as it is now, with its judgement. */
  const work = (spec: Partial<OIDCClientSpec> = {}): SecretWork => {
    const now: OIDCClient = { ...client, spec: { ...client.spec, ...spec } }
    const clients = createClientIndex()
    clients.set(key, now)
    const watch = {
      clients,
      policies: () => options.policies ?? [],
      findCluster: () => undefined,
      namespaceLabels: () => undefined,
      readsNamespaces: false,
    }
    const judgement = createJudge({
      endings: { has: () => false },
      watch,
      baseline: options.policy ?? {},
      shards: emptyShards,
      follow: { config: () => undefined },
      clock,
    })(now, (error) => {
      throw error
    })
    return { key, judgement, granted: grantedOf([]), memory, log: recorded.log }
  }

  return {
    client,
    key,
    memory,
    clock,
    secrets,
    /** Namespaces that the watch has seen to be deleted. */
    ending,
    shard,
    again,
    log: recorded,
    work,
    needs: {
      settings: { issuer, ...home, quietPeriod: 3_600_000 },
      secrets,
      clock,
      proof,
      namespaceBornAt: () => undefined,
      endings: new EndingNamespaces({ watched: (namespace) => ending.has(namespace), clock }),
      shards: {
        isLeaving: () => false,
        isUnheardOf: () => shard.entry === undefined,
        bornAt: () => undefined,
        stored: () => shard.entry && { entry: shard.entry, entrySeq: 1, configSeq: 1, verifierSeqs: {}, shard: 0 },
        setClient: (given: ClientForShard) => void shard.asked.push({ how: 'put', client: given }),
        setUndecided: (given: ClientForShard) => void shard.asked.push({ how: 'presume', client: given }),
        remove: () => void shard.asked.push({ how: 'remove' }),
      },
      replicas: {
        list: () => ['a', 'b', 'c'].map((replica) => ({ replica, serverConnected: true })) as never,
        lastUsed: () => undefined,
        goingUntil: () => undefined,
        usesKnownSince: () => 0,
      },
      follow: { entry: propagation, config: propagation, refuses: () => true },
      again: (_key: string, milliseconds: number) => void again.push(milliseconds),
    },
    /** The value in the application's Secret. */
    published: (name = 'app-oidc') => {
      const value = secrets.held.get(name)?.data?.['client_secret']
      return value === undefined ? undefined : Buffer.from(value, 'base64').toString()
    },
    annotation: (which: string, name = 'app-oidc') => secrets.held.get(name)?.metadata.annotations?.[which],
  }
}

export type OneClient = ReturnType<typeof createOneClient>

function entryOf({ namespace, name, uid, clientId, verifiers, verdict }: ClientForShard): ShardEntry {
  return create(ShardEntrySchema, {
    namespace,
    name,
    uid,
    clientId,
    verifiers: verifiers.map(({ id, sha256, notAfter }) => ({
      id,
      sha256,
      ...(notAfter === undefined ? {} : { notAfter: timestampFromMs(notAfter) }),
    })),
    ...(verdict.kind === 'desired' ? { desired: verdict.version } : {}),
  })
}

/** @returns a plan with this step, and nothing else in it but what is given */
export const planOf = (step: RotationStep, more: Partial<RotationPlan> = {}): RotationPlan => ({
  state: 'only-old',
  verifiers: [],
  needed: [],
  step,
  secret: undefined,
  keepsPending: true,
  isLost: false,
  awaitsDisuse: false,
  wakeAt: undefined,
  health: { ok: true },
  report: { lastUsed: {}, observed: {}, previous: [] },
  ...more,
})

/** @returns what a step is given: nothing in the Secret, a secret that the operator mints, no failure */
export const lookOf = (one: OneClient, plan: RotationPlan, more: Partial<Look> = {}): Look => ({
  ...one.work(),
  source: { kind: 'minted' },
  given: undefined,
  missing: undefined,
  read: { state: { kind: 'absent' }, object: undefined, plain: undefined },
  isFresh: true,
  failure: undefined,
  plan,
  ...more,
})

/** @returns marks of a value that was published now */
export const marksOf = (one: OneClient, value: string, more: Partial<SecretMarks> = {}): SecretMarks => ({
  secretId: digestOf(value).slice(0, 8),
  rotatedAt: one.clock.now(),
  verifiers: [{ id: digestOf(value).slice(0, 8), sha256: digestOf(value) }],
  observed: {},
  ...more,
})

/** Metadata of a Secret that belongs to the client. */
export const ownedBy = ({ metadata }: OIDCClient, more: Record<string, string> = {}): SecretObject['metadata'] => ({
  name: '',
  labels: { [labels.client]: metadata.name, [labels.managedBy]: managedByOperator },
  annotations: { [annotations.clientUid]: metadata.uid, ...more },
})

/** What the steps that write need, and how a test takes one of them. */
export function createWriting(one: OneClient) {
  const wrote: string[] = []
  const write = createWriteSecret({
    secrets: one.secrets,
    endings: one.needs.endings,
    again: one.needs.again,
    reader: createReader({ secrets: one.secrets, proof, verdictOn: () => 'left', home }),
    proof,
    render: createRender(issuer, proof),
    onWrite: (kind) => wrote.push(kind),
  })
  return {
    write,
    wrote,
    /** This secret is minted and not published. */
    pend: (value: string) => {
      const plain = new Secret(value)
      one.memory.pending = { plain, secret: { ...identifySecret(plain), mintedAt: one.clock.now(), obeys: {} } }
    },
    /** The client's Secret holds this value. */
    hold: (value: string) => one.secrets.put('app-oidc', { metadata: ownedBy(one.client), value }),
    /** Takes a step of a look that has read the Secret. */
    take: async (step: SecretStep, plan: RotationPlan, more: Partial<Look> = {}) =>
      await step(
        lookOf(one, plan, { read: readSecretObject(one.secrets.held.get('app-oidc'), one.client, proof), ...more }),
      ),
  }
}

/** Two values of the minted form. */
export const values = {
  old: 'q2D0J3Yx_8k1mZ-4nVhT7bLs9WcPfE6rGaUuIoXyK5A',
  fresh: 'AAD0J3Yx_8k1mZ-4nVhT7bLs9WcPfE6rGaUuIoXyK5A',
}

export const digestOfValue = (value: string): string => identifySecret(new Secret(value)).sha256
