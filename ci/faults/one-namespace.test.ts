import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { appsNamespace } from '@nauthera/harness/operator/cluster-view'
import { startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { watchStretch } from '@nauthera/local/processes/stretch'
import { startOperatorProcess } from './support/operator-process.ts'
import type { OperatorProcess } from './support/operator-process.ts'
import { tell } from './support/tell.ts'

const heapMiB = 400
const chain = 629
const [objects, hostsOfEach, followers, edits] = [10, 30_000, 40, 10]

describe('what one namespace writes', function () {
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
  const putClient = (namespace: string, name: string, spec: object, generation = 1) =>
    cluster.api.set({
      apiVersion: 'auth.nauthera.io/v1alpha1',
      kind: 'OIDCClient',
      metadata: { namespace, name, generation },
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

  it(`K19 ${chain} refused objects, each of which names the id of the next one, and two those of another tenant, delay nobody`, async () => {
    cluster = await startCluster()
    cluster.api.set({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'flood' } })
    await cluster.startReplica('server-a')
    const neighbours = Array.from({ length: 10 }, (_, index) => `neighbour-${index}`)
    for (const name of neighbours) putClient(appsNamespace, name, { type: 'M2M', clientId: name })
    let generation = 1
    const putLink = (index: number, more: object = {}) =>
      putClient(
        'flood',
        `c${index}`,
        {
          type: 'M2M',
          clientId: index === 0 ? neighbours[0] : `flood-${index}`,
          resourceServer: { identifier: index === chain - 1 ? neighbours[1] : `flood-${index + 1}` },
          ...more,
        },
        generation++,
      )
    for (let index = 0; index < chain; index++) putLink(index)
    operator = await startOperatorProcess(cluster, 'operator-0')
    const areReady = () => neighbours.every((name) => isReady(appsNamespace, name))
    await cluster.until(areReady, 'the neighbours are Ready', 60_000)
    const stretch = watchStretch(operator.pid!)
    const times: number[] = []
    const end = performance.now() + 15_000
    for (let edit = 0; performance.now() < end; edit++) {
      putLink(edit % chain, { description: `edit ${edit}` })
      const name = `new-${edit}`
      const from = performance.now()
      putClient(appsNamespace, name, { type: 'M2M' })
      await cluster.until(() => isReady(appsNamespace, name), `${name} is Ready`, 60_000)
      times.push(performance.now() - from)
      await delay(Math.max(0, 500 - (performance.now() - from)))
    }
    const lag = await operator.metric('nodejs_eventloop_lag_p99_seconds')
    const heap = await operator.metric('nodejs_heap_size_used_bytes')
    tell(`K19 beside ${chain} refused objects`, {
      edits: times.length,
      slowestReadyMs: Math.max(...times),
      lagMs: lag * 1_000,
      heapMiB: heap / 2 ** 20,
    })
    expect(operator.restarts).to.equal(0)
    expect(operator.lines.filter((line) => /lease lost/.test(line))).to.deep.equal([])
    // with all of them judged at each edit it was 2.5 s
    expect(lag, 'lag').to.be.below(stretch())
  })
})
