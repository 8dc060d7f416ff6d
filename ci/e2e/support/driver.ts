import type { KeepAliveReport } from '../../faults/support/keep-alive-load.ts'
import type { Failure, Count } from '../driver/callers.ts'
import type { DriverAnswer, Tally } from '../driver/main.ts'
import { admin, applyObjects, kubectl, whenObject } from './kubernetes.ts'
import { isReady, restrictedContainer, restrictedPod } from './pods.ts'

export interface DriverOutcome {
  readonly requests: number
  readonly counts: Readonly<Record<string, Count>>
  readonly failures: readonly Failure[]
  readonly tookMs: number
}

/** The applications in a pod: ci/e2e/driver. */
export interface Driver {
  /** Runs `work` under the mixed load, whose promises are replayed against behaviour at the end.
   *  @param pace of who calls; what takes minutes meets thousands of requests at the slow one, and has the processors for its pods
   *  @throws Error when a promise was not kept */
  underLoad(work: () => Promise<unknown>, pace?: keyof typeof thinkMs): Promise<DriverOutcome>
  /** Runs `work` while machines whose name begins so use what their Secrets hold. */
  underCalls(about: { clients: string; mounted?: boolean }, work: () => Promise<unknown>): Promise<DriverOutcome>
  /** Runs `work` while so many clients keep a connection each, and use it as this machine. */
  underKeptConnections(about: { clients: number; of: string }, work: () => Promise<unknown>): Promise<KeepAliveReport>
  /** One token request of a machine. */
  ask(clientId: string, clientSecret: string): Promise<DriverAnswer>
  /** Where a browser outside gets its way into the cluster: the name of the pod. */
  readonly pod: string
}

/** Between two requests of a caller of the mixed load. The pods that are replaced meanwhile want the same processors. */
const thinkMs = { quick: 25, slow: 75 } as const

/** Where the pod has the Secret of the client `mounted`. */
const mountedAt = '/client'
const name = 'driver'

interface About {
  namespace: string
  issuer: string
  caCertificate: string
  image: string
}

/** The pod, what it may read, and the authority that it trusts. */
function driverObjects(about: About): object[] {
  const { namespace } = about
  const metadata = { name, namespace }
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata,
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'ca', namespace },
      data: { 'ca.crt': about.caCertificate },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: {
        ...restrictedPod,
        serviceAccountName: name,
        automountServiceAccountToken: true,
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            ...restrictedContainer,
            name,
            image: about.image,
            env: [
              { name: 'ISSUER', value: about.issuer },
              { name: 'NAMESPACE', value: namespace },
              { name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' },
            ],
            readinessProbe: { httpGet: { path: '/tally', port: 8080 }, periodSeconds: 1 },
            volumeMounts: [
              { name: 'ca', mountPath: '/ca' },
              { name: 'client', mountPath: mountedAt },
              { name: 'tmp', mountPath: '/tmp' },
            ],
          },
        ],
        volumes: [
          { name: 'ca', configMap: { name: 'ca' } },
          { name: 'client', secret: { secretName: 'mounted-oidc', optional: true } },
          { name: 'tmp', emptyDir: {} },
        ],
      },
    },
  ]
}

/** @param about.caCertificate PEM of the authority of the issuer's certificate
 *  @param about.image of ci/e2e/images */
export async function startDriver(about: About): Promise<Driver> {
  const { namespace } = about
  await applyObjects(driverObjects(about))
  await whenObject(`/api/v1/namespaces/${namespace}/pods`, name, isReady, 60_000)

  const call = async <T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T> => {
    const proxy = `/api/v1/namespaces/${namespace}/pods/${name}:8080/proxy${path}`
    const answer = await admin().call<T & { message?: string }>(method, proxy, body ? { body } : {})
    if (answer.status !== 200) {
      const said = await kubectl('-n', namespace, 'logs', name, '--tail=20')
      throw new Error(
        `driver: ${method} ${path}: ${answer.status} ${answer.body?.message ?? JSON.stringify(answer.body)}\n${said}`,
      )
    }
    return answer.body
  }
  const run = async (begin: string, end: string, work: () => Promise<unknown>): Promise<DriverOutcome> => {
    const before = await call<Tally>('GET', '/tally')
    await call('POST', begin)
    const began = performance.now()
    try {
      await work()
    } finally {
      await call('DELETE', end)
    }
    const tookMs = performance.now() - began
    const after = await call<Tally>('GET', '/tally')
    if (after.process !== before.process) {
      const said = await kubectl('-n', namespace, 'logs', name, '--previous', '--tail=20').catch(String)
      throw new Error(`driver: it ended while it was asked to call, so nobody knows how the requests went\n${said}`)
    }
    const counts = Object.fromEntries(
      Object.entries(after.counts).map(([flow, { good, bad }]) => {
        const past = before.counts[flow] ?? { good: 0, bad: 0 }
        return [flow, { good: good - past.good, bad: bad - past.bad }]
      }),
    )
    const requests = Object.values(counts).reduce((sum, { good, bad }) => sum + good + bad, 0)
    return { requests, counts, failures: after.failures.slice(before.failures.length), tookMs }
  }
  return {
    pod: name,
    ask: (clientId, clientSecret) => call('POST', '/ask', { clientId, clientSecret }),
    underLoad: (work, pace = 'quick') => run(`/load?thinkMs=${thinkMs[pace]}`, '/load', work),
    underKeptConnections: async ({ clients, of }, work) => {
      await call('POST', `/keep-alive?clients=${clients}&of=${of}`)
      const end = () => call<KeepAliveReport>('DELETE', '/keep-alive')
      await work().catch((error: unknown) => end().finally(() => Promise.reject(error)))
      return end()
    },
    underCalls: ({ clients, mounted }, work) =>
      run(`/callers?clients=${clients}${mounted ? `&mounted=${mountedAt}` : ''}`, '/callers', work),
  }
}
