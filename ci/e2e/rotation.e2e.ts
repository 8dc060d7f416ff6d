import { expect } from 'chai'
import { applyClients, rotate, whenPreviousRetired } from './support/clients.ts'
import { kubectl, whenObject } from './support/kubernetes.ts'
import { agentLines } from './support/pods.ts'
import { machine, useDriver, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { record } from './support/report.ts'

/** A second rotation of one client waits for its overlap, a minute at least: so ten of them, twice. By default it would wait until nobody has
 *  used the old secret for an hour. */
const names = Array.from({ length: 10 }, (_, index) => `rotated-${index}`)
const turns = 2

describe('rotations on a real cluster, with three replicas', function () {
  this.timeout(420_000)
  let product: InstalledProduct
  before(async () => {
    product = await useProduct()
    await useDriver()
    const { namespace } = product.release
    await kubectl('-n', namespace, 'scale', 'deploy/nauthera-server', '--replicas=3')
    await product.release.settled(3)
    const rotated = { ...machine, rotation: { interval: '24h', overlap: '1m', retire: 'AfterOverlap' } }
    await applyClients(product.team, Object.fromEntries(names.map((name) => [name, rotated])))
  })

  it(`F30 ${names.length * turns} of them: no request fails that uses the value in the Secret, or the one from a moment ago`, async () => {
    const since = new Date()
    const done: { name: string; from: string; to: string }[] = []
    const times: number[] = []
    const driver = await useDriver()
    const outcome = await driver.underCalls({ clients: 'rotated-', mounted: true }, async () => {
      // one of a machine that has its Secret from the kubelet alone, which may take 90 s
      done.push({ name: 'mounted', ...(await rotate(product.team, 'mounted')) })
      for (let turn = 0; turn < turns; turn++) {
        if (turn > 0) {
          const before = done.slice(-names.length)
          await Promise.all(before.map(({ name, to }) => whenPreviousRetired(product.team, name, to, 90_000)))
        }
        for (const name of names) {
          const began = performance.now()
          done.push({ name, ...(await rotate(product.team, name)) })
          times.push(performance.now() - began)
        }
      }
    })
    record({ name: 'rotation.failed-requests', value: outcome.failures.length, unit: 'requests', target: 0 })
    record({ name: 'rotation.requests', value: outcome.requests, unit: 'requests', target: null })
    record({ name: 'rotation.rotations', value: times.length, unit: 'rotations', target: null })
    record({ name: 'rotation.trigger-to-published.max', value: Math.max(...times), unit: 'ms', target: null })
    expect(outcome.failures).to.deep.equal([])
    for (const flow of ['published', 'previous', 'mounted']) {
      expect(outcome.counts[flow]?.good, `${flow}: ${JSON.stringify(outcome.counts)}`).to.be.greaterThan(100)
    }

    for (const pod of await product.release.pods('server')) {
      const lines = (await agentLines([pod], since)).filter((line) => line.startsWith('INF'))
      for (const { name, from, to } of done) {
        const minted = lines.find(
          (line) =>
            line.includes(`client=${product.team}/${name} `) && line.includes(`verifiers=${from}->${to},${from}`),
        )
        expect(
          minted,
          `${pod.metadata.name} ${name} ${from} -> ${to}:\n${lines.filter((line) => line.includes(name)).join('\n')}`,
        ).to.match(/^INF diff .*fields=verifiers/)
      }
      const first = done.filter(({ name }) => name !== 'mounted').slice(0, names.length)
      for (const { name, from } of first) {
        expect(
          lines.some(
            (line) =>
              line.startsWith('INF retired') &&
              line.includes(`client=${product.team}/${name} `) &&
              line.includes(`secret=${from}`),
          ),
          `${pod.metadata.name}: ${from} of ${name} was never retired`,
        ).to.equal(true)
      }
    }
  })

  it('shows what a rotation was, and when the next one is', async () => {
    const table = await kubectl('-n', product.team, 'get', 'oidcclient', 'rotated-0')
    expect(table).to.match(/rotated-0 +M2M .* 3\/3 +false +\S+ +True/)
    expect(await kubectl('-n', product.team, 'describe', 'oidcclient', 'rotated-0')).to.match(/Normal +SecretRotated/)
  })

  after(async () => {
    const { namespace } = product.release
    await kubectl('-n', namespace, 'scale', 'deploy/nauthera-server', '--replicas=2')
    await whenObject(
      `/apis/apps/v1/namespaces/${namespace}/deployments`,
      'nauthera-server',
      (object) => object?.status?.readyReplicas === 2,
      60_000,
    )
  })
})
