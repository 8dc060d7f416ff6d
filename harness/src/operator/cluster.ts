// A stand-in API, operators with clocks of their own, and replicas with real status services.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { labels } from '@nauthera/proto/names'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import type { RbacRule } from '@nauthera/stand-in/http/rbac'
import { operatorRules } from '@nauthera/stand-in/operator-rules'
import type { OIDCClient } from '@nauthera/operator/api/oidc-client'
import { apiTimeouts, createConnection } from '@nauthera/operator/kubernetes/connection'
import type { ApiTimeouts, KubeConnection } from '@nauthera/operator/kubernetes/connection'
import { loadCredentials } from '@nauthera/operator/kubernetes/credentials'
import { settingsSchema } from '@nauthera/operator/settings'
import type { OperatorSettings } from '@nauthera/operator/settings'
import { Changes } from './changes.ts'
import { createLeapClock } from './clocks.ts'
import { appsNamespace, createClusterView, release, releaseNamespace } from './cluster-view.ts'
import type { ClusterView } from './cluster-view.ts'
import { startReplica } from './replica.ts'
import type { ReplicaOptions, TestReplica } from './replica.ts'
import { startTestOperator } from './test-operator.ts'
import type { TestOperator } from './test-operator.ts'

export interface Cluster extends ClusterView {
  readonly api: KubeApi
  startOperator(options?: {
    identity?: string
    settings?: Record<string, unknown>
    timeouts?: Partial<ApiTimeouts>
    /** Default: what the chart gives it. */
    rules?: readonly RbacRule[]
  }): TestOperator
  startReplica(name: string, options?: Pick<ReplicaOptions, 'isLoading'>): Promise<TestReplica>
  /** Creates an OIDCClient or changes its spec, through the API with its validation. */
  apply(
    name: string,
    spec: Record<string, unknown>,
    more?: { namespace?: string; annotations?: Record<string, string> },
  ): Promise<OIDCClient>
  /** @param propagation what becomes of its Secret; default: the garbage collector takes it */
  remove(name: string, namespace?: string, propagation?: 'Orphan'): Promise<void>
  /** Resolves when it holds; looked at whenever an object, a replica or a log changes. */
  until(holds: () => unknown, what: string, timeoutMs?: number): Promise<void>
  /** Each time that a replica would have refused a published secret, which must never happen. */
  readonly violations: readonly string[]
  /** Values that a test itself puts into a Secret: nobody published them. */
  readonly planted: Set<string>
  stop(): Promise<void>
}

export const machine = { type: 'M2M', scopes: ['reports.read'], audiences: ['https://reports.example.com'] }

/** A stand-in API, operators in this process with clocks of their own, and replicas with real status services.
 *  @param options.namespaces more than those of release and application
 *  @param options.definitions default: the chart's */
export async function startCluster(
  options: Pick<NonNullable<Parameters<typeof startKubeApi>[0]>, 'namespaces' | 'definitions'> = {},
): Promise<Cluster> {
  const operators: TestOperator[] = []
  const api = await startKubeApi({
    ...options,
    namespaces: [releaseNamespace, appsNamespace, ...(options.namespaces ?? [])],
    // answers tell the time by which the newest operator here lives
    now: () => operators.at(-1)?.clock.now() ?? Date.now(),
  })
  const directory = mkdtempSync(join(tmpdir(), 'operator-'))
  const replicas: TestReplica[] = []
  const changes = new Changes(() => lastLines(operators))
  const view = createClusterView(api)
  const connect = (user: string, kubeconfig: string, timeouts?: Partial<ApiTimeouts>) =>
    connectAs(user, writeKubeconfig(directory, user, kubeconfig), timeouts)
  // a test that edits waits as long as it takes: all of it is one process, which may be busy
  const admin = connect('admin', api.adminConfig, { requestMs: 15_000 })
  const watchdog = createWatchdog(api, view, replicas)
  api.store.onChange(({ resource }) => {
    if (resource.plural === 'secrets') watchdog.look()
    changes.notify()
  })

  return {
    ...view,
    api,
    violations: watchdog.violations,
    planted: watchdog.planted,
    startOperator: ({ identity = `operator-${operators.length}`, settings = {}, timeouts, rules } = {}) => {
      const parsed = parseSettings(identity, settings)
      const kubeconfig = api.addUser(identity, rules ?? rulesOf(parsed), { namespace: releaseNamespace })
      const operator = startTestOperator({
        identity,
        settings: parsed,
        connect: () => connect(identity, kubeconfig, timeouts),
        changes,
      })
      operators.push(operator)
      return operator
    },
    startReplica: async (name, about = {}) => {
      const replica = await startReplica({
        api,
        name,
        ...about,
        release,
        namespace: releaseNamespace,
        // replicas use the clock of the newest operator
        now: () => operators.at(-1)?.clock.now() ?? 0,
        onChange: () => {
          watchdog.look()
          changes.notify()
        },
      })
      replicas.push(replica)
      const remove = async () => {
        replicas.splice(replicas.indexOf(replica), 1)
        await replica.remove()
      }
      return { ...replica, remove }
    },
    ...createEdits(admin),
    until: (holds, what, timeoutMs) => changes.until(holds, what, timeoutMs),
    stop: async () => {
      watchdog.stop()
      await Promise.all(operators.map((operator) => operator.kill()))
      await Promise.all(replicas.map((replica) => replica.remove()))
      admin.stop()
      await api.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

const lastLines = (operators: readonly TestOperator[]): string =>
  operators
    .flatMap(({ identity, log }) => log.lines.slice(-25).map((line) => `${identity} ${JSON.stringify(line)}`))
    .join('\n')

function writeKubeconfig(directory: string, user: string, kubeconfig: string): string {
  const file = join(directory, `${user}.kubeconfig`)
  writeFileSync(file, kubeconfig)
  return file
}

function connectAs(user: string, kubeconfigFile: string, timeouts: Partial<ApiTimeouts> = {}): KubeConnection {
  return createConnection({
    credentials: loadCredentials({ KUBECONFIG: kubeconfigFile }, createLeapClock()),
    userAgent: user,
    timeouts: { ...apiTimeouts, ...timeouts },
  })
}

function parseSettings(identity: string, settings: Record<string, unknown>): OperatorSettings {
  const policy = settings['policy'] as { allow?: object } | undefined
  return settingsSchema.parse({
    issuer: 'https://login.example.com',
    release,
    namespace: releaseNamespace,
    identity,
    nudge: true,
    ...settings,
    // the audiences of the tests are of no object
    policy: { ...policy, allow: { audiences: ['https://*', 'urn:*'], ...policy?.allow } },
  })
}

/** What the chart gives an operator with these settings. */
function rulesOf(settings: OperatorSettings): RbacRule[] {
  const { watch, spoke } = settings
  return operatorRules({ ...settings, ...watch, hubSecret: spoke?.kubeconfigSecret })
}

/** Notes each published secret that a replica would refuse: what an application may hold must be let in by every replica that takes
 *  traffic. */
function createWatchdog(api: KubeApi, view: ClusterView, replicas: readonly TestReplica[]) {
  const violations: string[] = []
  const planted = new Set<string>()
  let watching = true
  return {
    violations,
    planted,
    look: () => {
      if (!watching || replicas.length === 0) return
      for (const { metadata } of api.store.all(api.resource('oidcclients'))) {
        const key = `${metadata.namespace}/${metadata.name}`
        const plain = view.plain(metadata.name, metadata.namespace)
        if (plain === undefined || planted.has(plain)) continue
        // a client beside it may name the same Secret
        const holder = view.secret(`${metadata.name}-oidc`, metadata.namespace)?.metadata.labels?.[labels.client]
        if (holder !== undefined && holder !== metadata.name) continue
        for (const replica of replicas.filter((one) => one.isReady())) {
          if (!replica.accepts(key, plain)) violations.push(`${replica.name} refuses the published secret of ${key}`)
        }
      }
    },
    stop: () => {
      watching = false
    },
  }
}

function createEdits(admin: KubeConnection): Pick<Cluster, 'apply' | 'remove'> {
  const pathOf = (name: string, namespace: string) =>
    `/apis/auth.nauthera.io/v1alpha1/namespaces/${namespace}/oidcclients/${name}`
  return {
    apply: (name, spec, { namespace = appsNamespace, annotations } = {}) =>
      admin.call<OIDCClient>({
        method: 'PATCH',
        path: pathOf(name, namespace),
        query: { fieldManager: 'test', force: 'true' },
        contentType: 'application/apply-patch+yaml',
        body: {
          apiVersion: 'auth.nauthera.io/v1alpha1',
          kind: 'OIDCClient',
          metadata: { name, namespace, ...(annotations ? { annotations } : {}) },
          spec,
        },
      }),
    remove: async (name, namespace = appsNamespace, propagation) => {
      const query = propagation ? { propagationPolicy: propagation } : {}
      await admin.call({ method: 'DELETE', path: pathOf(name, namespace), query })
    },
  }
}
