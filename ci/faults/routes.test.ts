import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { appsNamespace } from '@nauthera/harness/operator/cluster-view'
import { startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { startOperatorProcess } from './support/operator-process.ts'
import type { OperatorProcess } from './support/operator-process.ts'
import { tell } from './support/tell.ts'

const heapMiB = 400
const [objects, hostsOfEach, followers, edits] = [10, 30_000, 40, 10]

describe('routes of one namespace', function () {
  this.timeout(240_000)
  let cluster: Cluster
  let operator: OperatorProcess
  afterEach(async () => {
    await operator?.end()
    await cluster?.stop()
  })

  /** An Ingress as large as an API server takes it. */
  const putIngress = (index: number, round = 0) => {
    const hosts = Array.from({ length: hostsOfEach }, (_, host) => `h${host}-${round}.i${index}.flood.example.com`)
    cluster.api.set({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { namespace: 'flood', name: `i${index}`, creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: { tls: [{ hosts }], rules: [] },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
    })
  }
  const putClient = (namespace: string, name: string, spec: object) =>
    cluster.api.set({
      apiVersion: 'auth.nauthera.io/v1alpha1',
      kind: 'OIDCClient',
      metadata: { namespace, name, generation: 1 },
      spec: { serverName: 'default', ...spec },
    })
  const isReady = (namespace: string, name: string) => {
    const found = cluster.api.store.find(cluster.api.resource('oidcclients'), namespace, name) as unknown as
      { status?: { conditions?: { type: string; status: string }[] } } | undefined
    return found?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
  }

  it(`K19 ${objects} Ingresses of ${hostsOfEach} hosts, which ${followers} clients follow, end no operator of ${heapMiB} MiB and delay no neighbour`, async () => {
    cluster = await startCluster()
    cluster.api.set({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'flood' } })
    await cluster.startReplica('server-a')
    const redirectURIsFrom = Array.from({ length: objects }, (_, index) => ({
      kind: 'Ingress',
      name: `i${index}`,
      path: '/callback',
    }))
    for (let index = 0; index < objects; index++) putIngress(index)
    for (let index = 0; index < followers; index++)
      putClient('flood', `c${index}`, {
        type: 'Web',
        redirectURIs: ['https://own.example.com/callback'],
        redirectURIsFrom,
      })
    operator = await startOperatorProcess(cluster, 'operator-0', { redirectURIsFrom: true, heapMiB })
    await cluster.until(() => isReady('flood', `c${followers - 1}`), 'the followers are Ready', 60_000)
    const editedMs: number[] = []
    for (let edit = 0; edit < edits; edit++) {
      putIngress(edit % objects, edit + 1)
      const from = performance.now()
      putClient(appsNamespace, `neighbour-${edit}`, { type: 'M2M' })
      await cluster.until(() => isReady(appsNamespace, `neighbour-${edit}`), 'the neighbour is Ready', 60_000)
      editedMs.push(performance.now() - from)
      await delay(100)
    }
    const [heapBytes, lagSeconds] = await Promise.all(
      ['nodejs_heap_size_used_bytes', 'nodejs_eventloop_lag_p99_seconds'].map((name) => operator.metric(name)),
    )
    tell('K19 routes', {
      heapMiB: (heapBytes ?? 0) / 2 ** 20,
      lagMs: (lagSeconds ?? 0) * 1_000,
      slowestMs: Math.max(...editedMs),
    })
    expect(operator.restarts).to.equal(0)
    expect(operator.lines.filter((line) => /lease lost/.test(line))).to.deep.equal([])
  })
})
