import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeShard } from '@nauthera/proto/digest'
import type { ClientEntry, ClientShard } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardFile, shardSecretName } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { createMetrics } from '@nauthera/runtime/metrics'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeObject } from '@nauthera/stand-in/objects'
import type { Rule } from '@nauthera/stand-in/http/rbac'
import { operatorRules } from '@nauthera/stand-in/operator-rules'
import type { OIDCClient } from '@nauthera/operator/api/oidc-client'
import { startOperator } from '@nauthera/operator/app'
import { ApiError } from '@nauthera/operator/kubernetes/api-error'
import { createConnection } from '@nauthera/operator/kubernetes/connection'
import type { ApiCall, ApiTimeouts, Connection } from '@nauthera/operator/kubernetes/connection'
import { loadCredentials } from '@nauthera/operator/kubernetes/credentials'
import { settingsSchema } from '@nauthera/operator/settings'
import { createLeapClock } from './clocks.ts'
import type { LeapClock } from './clocks.ts'
import { createRecordedLog } from './recorded-log.ts'
import type { RecordedLog } from './recorded-log.ts'
import { startReplica } from './replica.ts'
import type { TestReplica } from './replica.ts'

export const release = 'nauthera'
export const releaseNamespace = 'auth'
export const appsNamespace = 'apps'

export interface TestOperator {
  readonly identity: string
  readonly clock: LeapClock
  readonly log: RecordedLog
  readonly leading: Promise<void>
  /** Why it ended itself, when it did. */
  fatal(): string | undefined
  /** Ends it in order. */
  stop(): Promise<void>
  /** As SIGKILL: no further call, no Lease given back. */
  kill(): Promise<void>
  /** Dies at its nth write from now: before it is sent, or after the API has done it. */
  dieAtWrite(nth: number, when: 'before' | 'after'): Promise<void>
  /** Every call hangs until `resume`, as under SIGSTOP; time goes on. */
  pause(): void
  resume(): void
  /** Lets time pass as it does: with the Lease renewed in between. */
  pass(milliseconds: number): Promise<void>
  /** Stands still just before the first call that matches, as if stopped there. Resolves when it does. */
  pauseAt(matches: (call: ApiCall) => boolean): Promise<void>
}

export interface Cluster {
  readonly api: KubeApi
  startOperator(options?: {
    identity?: string
    settings?: Record<string, unknown>
    timeouts?: Partial<ApiTimeouts>
    /** Default: what the chart gives it. */
    rules?: readonly Rule[]
  }): TestOperator
  startReplica(name: string): Promise<TestReplica>
  /** Creates an OIDCClient or changes its spec, through the API with its validation. */
  apply(
    name: string,
    spec: Record<string, unknown>,
    more?: { namespace?: string; annotations?: Record<string, string> },
  ): Promise<OIDCClient>
  remove(name: string, namespace?: string): Promise<void>
  client(name: string, namespace?: string): OIDCClient | undefined
  secret(name: string, namespace?: string): (KubeObject & { data: Record<string, string> }) | undefined
  /** The client secret in the application's Secret. */
  plain(name: string, namespace?: string): string | undefined
  /** The client's entry in the stored shard. */
  stored(name: string): ClientEntry | undefined
  /** The seq of the stored shard that the client belongs to; 0 when there is none. */
  storedSeq(name: string): number
  condition(name: string, type: string): { status: string; reason: string; message: string } | undefined
  /** Resolves when it holds; looked at whenever an object, a replica or a log changes. */
  until(holds: () => unknown, what: string, timeoutMs?: number): Promise<void>
  /** Writes since the start, as `verb resource name`. */
  writes(from?: number): string[]
  /** What must never happen, and did: a published secret that a replica would refuse. */
  readonly violations: readonly string[]
  /** Values that a test itself puts into a Secret: nobody published them. */
  readonly planted: Set<string>
  stop(): Promise<void>
}

/** Longer than the pause between two renewals of the Lease, and shorter than what it survives. */
const passMs = 4_000

export const machine = { type: 'M2M', scopes: ['reports.read'], audiences: ['https://reports.example.com'] }

/** A stand-in API, operators in this process with clocks of their own, and replicas with real status services. */
export async function startCluster(): Promise<Cluster> {
  const api = await startKubeApi({ namespaces: [releaseNamespace, appsNamespace] })
  const directory = mkdtempSync(join(tmpdir(), 'operator-'))
  const operators: TestOperator[] = []
  const replicas: TestReplica[] = []
  const listeners = new Set<() => void>()
  const violations: string[] = []
  const planted = new Set<string>()
  const changed = () => {
    for (const listener of listeners) listener()
  }
  let leapt = () => 0

  const connect = (user: string, kubeconfig: string, timeouts?: Partial<ApiTimeouts>): Connection => {
    const file = join(directory, `${user}.kubeconfig`)
    writeFileSync(file, kubeconfig)
    const defaults = { connectMs: 1_000, requestMs: 2_000, leaseMs: 1_000, pageMs: 2_000, silenceMs: 100_000 }
    return createConnection({
      credentials: loadCredentials({ KUBECONFIG: file }, createLeapClock()),
      userAgent: user,
      timeouts: { ...defaults, ...timeouts },
    })
  }
  const admin = connect('admin', api.adminConfig)

  const find = (plural: string, namespace: string, name: string) =>
    api.store.find(api.resource(plural), namespace, name)
  const secretOf = (name: string, namespace = appsNamespace) =>
    find('secrets', namespace, name) as (KubeObject & { data: Record<string, string> }) | undefined
  const plainOf = (name: string, namespace = appsNamespace): string | undefined => {
    const text = secretOf(`${name}-oidc`, namespace)?.data['client_secret']
    return text === undefined ? undefined : Buffer.from(text, 'base64').toString()
  }
  const clientOf = (name: string, namespace = appsNamespace) =>
    find('oidcclients', namespace, name) as unknown as OIDCClient | undefined

  const shardOfClient = (name: string): ClientShard | undefined => {
    const index = shardOf(appsNamespace, name)
    const data = secretOf(shardSecretName(release, index), releaseNamespace)?.data[shardFile(index)]
    return data === undefined ? undefined : decodeShard(Buffer.from(data, 'base64')).shard
  }

  /** What an application may hold must be let in by every replica that takes traffic. */
  const watchdog = () => {
    if (replicas.length === 0) return
    for (const { metadata } of api.store.all(api.resource('oidcclients'))) {
      const key = `${metadata.namespace}/${metadata.name}`
      const plain = plainOf(metadata.name, metadata.namespace)
      if (plain === undefined || planted.has(plain)) continue
      for (const replica of replicas) {
        if (!replica.accepts(key, plain)) violations.push(`${replica.name} refuses the published secret of ${key}`)
      }
    }
  }
  let watching = true
  api.store.onChange(({ resource }) => {
    if (watching && resource.plural === 'secrets') watchdog()
    changed()
  })

  const until: Cluster['until'] = (holds, what, timeoutMs = 15_000) =>
    new Promise((resolve, reject) => {
      const look = () => {
        if (!holds()) return
        clearTimeout(timer)
        clearInterval(glance)
        listeners.delete(look)
        resolve()
      }
      const timer = setTimeout(() => {
        clearInterval(glance)
        listeners.delete(look)
        reject(new Error(`not within ${timeoutMs} ms: ${what}\n${tail(operators)}`))
      }, timeoutMs)
      // Replica state behind gRPC has no event here; a glance now and then finds it.
      const glance = setInterval(look, 50)
      listeners.add(look)
      look()
    })

  return {
    api,
    violations,
    planted,
    startOperator: ({ identity = `operator-${operators.length}`, settings = {}, timeouts, rules } = {}) => {
      const log = createRecordedLog()
      log.onLine(changed)
      const clock = createLeapClock()
      leapt = () => clock.now()
      const parsed = settingsSchema.parse({
        issuer: 'https://login.example.com',
        release,
        namespace: releaseNamespace,
        identity,
        nudge: true,
        ...settings,
      })
      const { mode, namespaces } = parsed.watch
      const granted =
        rules ?? operatorRules({ mode, release, namespace: releaseNamespace, namespaces, nudge: parsed.nudge })
      const inner = connect(identity, api.addUser(identity, granted, { namespace: releaseNamespace }), timeouts)
      const gate = createGate(inner, changed)
      let fatal: string | undefined
      const operator = startOperator({
        settings: parsed,
        version: '0.0.0-test',
        connection: gate.connection,
        clock,
        random: () => 0.5,
        log: log.log,
        metrics: createMetrics('operator'),
        onFatal: (reason) => {
          fatal ??= reason
          changed()
        },
      })
      const end = async () => {
        await operator.stop()
        inner.stop()
        clock.kill()
      }
      let ended: Promise<void> | undefined
      const test: TestOperator = {
        identity,
        clock,
        log,
        leading: operator.leading,
        fatal: () => fatal,
        stop: () => (ended ??= end()),
        kill: () => {
          gate.die()
          return (ended ??= end())
        },
        dieAtWrite: (nth, when) => gate.dieAtWrite(nth, when),
        pause: () => gate.pause(),
        resume: () => gate.resume(),
        pauseAt: (matches) => gate.pauseAt(matches),
        pass: async (milliseconds) => {
          for (let left = milliseconds; left > 0; left -= passMs) {
            const renewals = gate.renewals()
            clock.leap(Math.min(left, passMs))
            if (left >= passMs) await until(() => gate.renewals() > renewals, 'the Lease is renewed')
            // Its loop begins the next wait before the next leap.
            await new Promise(setImmediate)
          }
        },
      }
      operators.push(test)
      return test
    },
    startReplica: async (name) => {
      const replica = await startReplica({
        api,
        name,
        release,
        namespace: releaseNamespace,
        now: () => leapt(),
        onChange: () => {
          if (watching) watchdog()
          changed()
        },
      })
      replicas.push(replica)
      return {
        ...replica,
        remove: async () => {
          replicas.splice(replicas.indexOf(replica), 1)
          await replica.remove()
        },
      }
    },
    apply: async (name, spec, { namespace = appsNamespace, annotations } = {}) =>
      await admin.call<OIDCClient>({
        method: 'PATCH',
        path: `/apis/auth.nauthera.io/v1alpha1/namespaces/${namespace}/oidcclients/${name}`,
        query: { fieldManager: 'test', force: 'true' },
        contentType: 'application/apply-patch+yaml',
        body: {
          apiVersion: 'auth.nauthera.io/v1alpha1',
          kind: 'OIDCClient',
          metadata: { name, namespace, ...(annotations ? { annotations } : {}) },
          spec,
        },
      }),
    remove: async (name, namespace = appsNamespace) => {
      await admin.call({
        method: 'DELETE',
        path: `/apis/auth.nauthera.io/v1alpha1/namespaces/${namespace}/oidcclients/${name}`,
      })
    },
    client: clientOf,
    secret: secretOf,
    plain: plainOf,
    stored: (name) => shardOfClient(name)?.clients.find((client) => client.name === name),
    storedSeq: (name) => Number(shardOfClient(name)?.seq ?? 0n),
    condition: (name, type) => clientOf(name)?.status?.conditions?.find((condition) => condition.type === type),
    until,
    writes: (from = 0) =>
      api.requests
        .slice(from)
        .filter(
          ({ verb, user }) => ['create', 'update', 'patch', 'delete'].includes(verb) && user.startsWith('operator'),
        )
        .map(({ verb, resource, name, subresource }) =>
          [verb, resource?.plural, name, subresource].filter((part) => part !== undefined).join(' '),
        ),
    stop: async () => {
      watching = false
      await Promise.all(operators.map((operator) => operator.kill()))
      await Promise.all(replicas.map((replica) => replica.remove()))
      admin.stop()
      await api.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

const tail = (operators: readonly TestOperator[]): string =>
  operators
    .flatMap(({ identity, log }) => log.lines.slice(-25).map((line) => `${identity} ${JSON.stringify(line)}`))
    .join('\n')

/** A connection that can be paused, or cut for ever at a chosen write. */
function createGate(inner: Connection, onRenewal: () => void) {
  let dead = false
  let paused: PromiseWithResolvers<void> | undefined
  let renewals = 0
  let trap: { matches: (call: ApiCall) => boolean; caught: () => void } | undefined
  let fuse: { left: number; when: 'before' | 'after'; blown: () => void } | undefined
  const watches = new AbortController()
  const die = () => {
    dead = true
    watches.abort()
    fuse?.blown()
    paused?.resolve()
  }
  const refuse = ({ path }: Pick<ApiCall, 'path'>): never => {
    throw new ApiError('KUBERNETES_UNREACHABLE', { message: `${path}: this process is dead` })
  }
  const connection: Connection = {
    stop: () => inner.stop(),
    call: async <T>(call: ApiCall): Promise<T> => {
      if (trap?.matches(call)) {
        paused ??= Promise.withResolvers<void>()
        trap.caught()
        trap = undefined
      }
      await paused?.promise
      if (dead) refuse(call)
      const counts = call.method !== 'GET' && call.lane !== 'lease' && fuse !== undefined && --fuse.left === 0
      if (counts && fuse?.when === 'before') {
        die()
        refuse(call)
      }
      const answer = await inner.call<T>(call)
      if (call.lane === 'lease' && call.method === 'PUT') {
        renewals++
        onRenewal()
      }
      if (counts) die()
      if (dead) refuse(call)
      return answer
    },
    watch: async function* (call) {
      const signal = AbortSignal.any([call.signal, watches.signal])
      for await (const line of inner.watch({ ...call, signal })) {
        await paused?.promise
        if (dead) refuse(call)
        yield line
      }
    },
  }
  return {
    connection,
    renewals: () => renewals,
    die,
    dieAtWrite: (nth: number, when: 'before' | 'after') =>
      new Promise<void>((resolve) => {
        fuse = { left: nth, when, blown: resolve }
      }),
    pauseAt: (matches: (call: ApiCall) => boolean) =>
      new Promise<void>((resolve) => {
        trap = { matches, caught: resolve }
      }),
    pause: () => {
      paused ??= Promise.withResolvers<void>()
    },
    resume: () => {
      paused?.resolve()
      paused = undefined
    },
  }
}
