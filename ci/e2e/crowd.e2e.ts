import { expect } from 'chai'
import type { Json } from '@nauthera/stand-in/kube-client'
import { quantile } from '../report.ts'
import { clientObject, clientsIn } from './support/clients.ts'
import { admin, applyObjects, get } from './support/kubernetes.ts'
import { canKill, isReady } from './support/pods.ts'
import { machine, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { deleteNamespaces, restrictedNamespace } from './support/release.ts'
import { record } from './support/report.ts'

// In no whole run, since it takes minutes: it is asked for by its name (docs/e2e.md).

/** Creates side by side. */
const width = 20
const patienceMs = 600_000
/** A row of the histogram. Seconds. */
const rowSeconds = 5

const crowds = [
  { count: 2_000, namespaces: 1 },
  { count: 3_000, namespaces: 20 },
]

for (const { count, namespaces } of crowds)
  describe(`${count} OIDCClients at once, in ${namespaces} namespaces of a real cluster`, function () {
    this.timeout(patienceMs + 120_000)
    const names = Array.from({ length: namespaces }, (_, index) => `crowd-${count}-${index}`)
    let product: InstalledProduct
    before(async () => {
      product = await useProduct()
      await applyObjects([...names.flatMap(restrictedNamespace), roomFor(names, count / namespaces + 100)])
    })
    after(async () => {
      // a cluster of our own ends with all that is in it
      if (!canKill) await deleteNamespaces(...names)
    })

    it('are all Ready, at little processor time of the operator', async () => {
      const crowd = new Map<string, Times>()
      for (let index = 0; index < count; index++) crowd.set(`${names[index % namespaces]}/client-${index}`, {})
      const before = await cpuSeconds(product)
      await Promise.all([createAll(crowd), whenAllReady(crowd)])
      const used = ((await cpuSeconds(product)) - before) * 1000
      const figure = (what: string, value: number, unit: string, target: number | null = null) =>
        record({ name: `crowd.${what}.${count}`, value, unit, target })
      const ready = [...crowd.values()].map((one) => one.ready!)
      figure('applied', Math.max(...[...crowd.values()].map((one) => one.created!)), 's')
      for (const [name, share] of [
        ['half', 0.5],
        ['nine-tenths', 0.9],
        ['ready', 1],
      ] as const)
        figure(name, quantile(ready, share), 's')
      const waits = [...crowd.values()].map((one) => one.ready! - one.created!)
      figure('waited-half', quantile(waits, 0.5), 's')
      figure('waited-most', quantile(waits, 1), 's')
      figure('last-to-median', Math.max(...names.map((name) => lastToMedian(crowd, name))), 'of a namespace', 2)
      figure('operator-cpu', used / count, 'ms of the operators a client', 4)
      showHistogram(crowd)
    })
  })

/** Seconds since the first create. */
interface Times {
  created?: number
  ready?: number
}

/** By `namespace/name`. */
type CrowdTimes = ReadonlyMap<string, Times>

const roomFor = (namespaces: readonly string[], clients: number): object => ({
  apiVersion: 'auth.nauthera.io/v1alpha1',
  kind: 'OIDCPolicy',
  metadata: { name: `crowd-${namespaces.length}` },
  spec: {
    selector: {
      namespaces: {
        matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: namespaces }],
      },
    },
    limits: { clientsPerNamespace: clients, bytesPerShard: 256 * 1024 },
  },
})

/** Of all operators, in which one leads: seconds that they have used. */
async function cpuSeconds({ release }: InstalledProduct): Promise<number> {
  const pods = await release.pods('operator')
  const texts = await Promise.all(
    pods.map(({ metadata }) => get(`/api/v1/namespaces/${release.namespace}/pods/${metadata.name}:9092/proxy/metrics`)),
  )
  const used = texts.map((text) => /^process_cpu_seconds_total\{.*\} (\S+)$/m.exec(String(text))?.[1])
  expect(used).to.not.include(undefined)
  return used.reduce((sum, seconds) => sum + Number(seconds), 0)
}

let began = 0
const seconds = () => (performance.now() - began) / 1000

async function createAll(crowd: CrowdTimes): Promise<void> {
  const left = crowd.entries()
  began = performance.now()
  const work = async () => {
    for (const [key, times] of left) {
      const [namespace = '', name = ''] = key.split('/')
      const { status, body } = await admin().call('POST', clientsIn(namespace), {
        body: clientObject(namespace, name, machine),
      })
      if (status !== 201) throw new Error(`${key}: ${status} ${JSON.stringify(body)}`)
      times.created = seconds()
    }
  }
  await Promise.all(Array.from({ length: width }, work))
}

/** One watch for all of them: to look at each in turn would keep the API server busy. A busy one cuts the watch, and the next one begins
 *  with what is there, so a time is a second or two late.
 *  @throws Error with some that are not Ready */
async function whenAllReady(crowd: CrowdTimes): Promise<void> {
  const waiting = new Map<string, Json>([...crowd.keys()].map((key) => [key, undefined]))
  const deadline = Date.now() + patienceMs
  while (waiting.size > 0 && Date.now() < deadline) {
    const watch = await admin().watch('/apis/auth.nauthera.io/v1alpha1/oidcclients', {
      timeoutSeconds: patienceMs / 1000,
    })
    try {
      while (waiting.size > 0) {
        const event = await watch.next(deadline - Date.now())
        if (event === undefined || event.type === 'ERROR') break
        const { namespace, name } = event.object.metadata
        const key = `${namespace}/${name}`
        if (!waiting.has(key)) continue
        if (isReady(event.object)) {
          waiting.delete(key)
          crowd.get(key)!.ready = seconds()
        } else waiting.set(key, event.object.status)
      }
    } finally {
      watch.close()
    }
  }
  const [one] = waiting
  if (one) throw new Error(`${waiting.size} are not Ready, such as ${JSON.stringify(one)}`)
}

/** @returns the time of the last of a namespace, in times of its median */
function lastToMedian(crowd: CrowdTimes, namespace: string): number {
  const ready = [...crowd].filter(([key]) => key.startsWith(`${namespace}/`)).map(([, times]) => times.ready!)
  return Math.max(...ready) / quantile(ready, 0.5)
}

/** How many were created and became Ready, by time. */
function showHistogram(crowd: CrowdTimes): void {
  const all = [...crowd.values()]
  const last = Math.max(...all.map(({ ready }) => ready!))
  const among = (times: readonly number[], from: number) =>
    times.filter((at) => at >= from && at < from + rowSeconds).length
  const [created, ready] = [all.map((one) => one.created!), all.map((one) => one.ready!)]
  for (let from = 0; from <= last; from += rowSeconds)
    process.stdout.write(
      `      ${String(from).padStart(4)} s: ${String(among(created, from)).padStart(5)} created, ${String(among(ready, from)).padStart(5)} Ready\n`,
    )
}
