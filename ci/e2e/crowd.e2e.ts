import { expect } from 'chai'
import type { Json } from '@nauthera/stand-in/kube-client'
import { clientObject, clientsIn } from './support/clients.ts'
import { admin, applyObjects, get } from './support/kubernetes.ts'
import { isReady } from './support/pods.ts'
import { machine, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { record } from './support/report.ts'

// In no whole run, since it takes minutes: it is asked for by its name (docs/e2e.md).

const count = 2_000
/** Creates side by side. */
const width = 20
const patienceMs = 600_000

describe(`${count} OIDCClients at once, in one namespace of a real cluster`, function () {
  this.timeout(patienceMs + 120_000)
  let product: InstalledProduct
  before(async () => {
    product = await useProduct()
    await applyObjects([
      {
        apiVersion: 'auth.nauthera.io/v1alpha1',
        kind: 'OIDCPolicy',
        metadata: { name: 'crowd' },
        spec: {
          selector: { namespaces: { matchLabels: { 'kubernetes.io/metadata.name': product.team } } },
          limits: { clientsPerNamespace: count + 100, bytesPerShard: 256 * 1024 },
        },
      },
    ])
  })

  /** Of all operators, in which one leads: seconds that they have used. */
  async function cpuSeconds(): Promise<number> {
    const { namespace } = product.release
    const pods = await product.release.pods('operator')
    const texts = await Promise.all(
      pods.map(({ metadata }) => get(`/api/v1/namespaces/${namespace}/pods/${metadata.name}:9092/proxy/metrics`)),
    )
    const used = texts.map((text) => /^process_cpu_seconds_total\{.*\} (\S+)$/m.exec(String(text))?.[1])
    expect(used).to.not.include(undefined)
    return used.reduce((sum, seconds) => sum + Number(seconds), 0)
  }

  it('are all Ready, at little processor time of the operator', async () => {
    const names = Array.from({ length: count }, (_, index) => `crowd-${index}`)
    const before = await cpuSeconds()
    const began = performance.now()
    const seconds = () => (performance.now() - began) / 1000
    const ready = whenAllReady(product.team, names)
    await Promise.all([createAll(product.team, names).then(() => record(figure('applied', seconds(), 's'))), ready])
    record(figure('ready', seconds(), 's'))
    const used = ((await cpuSeconds()) - before) * 1000
    record({ ...figure('operator-cpu', used / count, 'ms of the operators a client'), target: 4 })
  })
})

const figure = (what: string, value: number, unit: string) => ({
  name: `crowd.${what}.${count}`,
  value,
  unit,
  target: null,
})

async function createAll(namespace: string, names: readonly string[]): Promise<void> {
  const left = names.values()
  const work = async () => {
    for (const name of left) {
      const { status, body } = await admin().call('POST', clientsIn(namespace), {
        body: clientObject(namespace, name, machine),
      })
      if (status !== 201) throw new Error(`${name}: ${status} ${JSON.stringify(body)}`)
    }
  }
  await Promise.all(Array.from({ length: width }, work))
}

/** One watch for all of them: to look at each in turn would keep the API server busy.
 *  @throws Error with some that are not Ready */
async function whenAllReady(namespace: string, names: readonly string[]): Promise<void> {
  const waiting = new Map<string, Json>(names.map((name) => [name, undefined]))
  const deadline = Date.now() + patienceMs
  while (waiting.size > 0 && Date.now() < deadline) {
    const watch = await admin().watch(clientsIn(namespace), { timeoutSeconds: patienceMs / 1000 })
    try {
      while (waiting.size > 0) {
        const event = await watch.next(deadline - Date.now())
        if (event === undefined || event.type === 'ERROR') break
        const { name } = event.object.metadata
        if (isReady(event.object)) waiting.delete(name)
        else if (waiting.has(name)) waiting.set(name, event.object.status)
      }
    } finally {
      watch.close()
    }
  }
  const [one] = waiting
  if (one) throw new Error(`${waiting.size} are not Ready, such as ${JSON.stringify(one)}`)
}
