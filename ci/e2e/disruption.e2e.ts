import { expect } from 'chai'
import type { Json } from '@nauthera/stand-in/kube-client'
import { clientObject, clientsIn, measureReady, whenClientReady } from './support/clients.ts'
import type { DriverOutcome } from './support/driver.ts'
import { admin, applyObjects, get, kubectl, tryKubectl, until, whenObject } from './support/kubernetes.ts'
import { canKill, exitCodeOf, killContainer } from './support/pods.ts'
import { machine, serverSelector, useDriver, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { record } from './support/report.ts'

// Rollouts, drains, lost nodes and the like, under the mixed load of ci/faults.

describe('pods that are replaced under load', function () {
  this.timeout(240_000)
  let product: InstalledProduct
  let namespace: string
  before(async () => {
    product = await useProduct()
    ;({ namespace } = product.release)
    await useDriver()
  })

  const settled = () => product.release.settled()
  beforeEach(settled)

  const underLoad = async (what: string, work: () => Promise<unknown>): Promise<DriverOutcome> => {
    const outcome = await (await useDriver()).underLoad(work)
    record({ name: `${what}.requests`, value: outcome.requests, unit: 'requests', target: null })
    return outcome
  }
  /** Seconds from `from` (epoch milliseconds) to the last failure; 0 when there was none. */
  const healedAfter = ({ failures }: DriverOutcome, from: number) =>
    failures.length === 0 ? 0 : (Math.max(...failures.map(({ at }) => at)) - from) / 1000
  const expectNone = (what: string, outcome: DriverOutcome) => {
    record({ name: `${what}.failed-requests`, value: outcome.failures.length, unit: 'requests', target: 0 })
    expect(outcome.failures).to.deep.equal([])
    expect(outcome.requests).to.be.greaterThan(200)
  }

  /** Of all servers, as their metrics say. */
  const cacheHits = async () => {
    const pods = await product.release.pods('server')
    const texts = await Promise.all(
      pods.map(({ metadata }) => get(`/api/v1/namespaces/${namespace}/pods/${metadata.name}:9090/proxy/metrics`)),
    )
    const hits = texts.join('\n').matchAll(/^nauthera_server_cache_reads_total\{[^}]*outcome="hit"[^}]*\} (\d+)/gm)
    return [...hits].reduce((sum, [, count]) => sum + Number(count), 0)
  }

  /** What the containers of the pods that are told to end have ended with. */
  const ended: Promise<Readonly<Record<string, number>>>[] = []
  const followEnd = (pod: Json, containers: readonly string[]): void => {
    const codes: Record<string, number> = {}
    const gone = whenObject(
      `/api/v1/namespaces/${namespace}/pods`,
      pod.metadata.name,
      (now) => {
        for (const name of containers) {
          const code = exitCodeOf(now, name)
          if (code !== undefined) codes[name] = code
        }
        return now === undefined
      },
      150_000,
    ).then(() => codes)
    // told by the test that looks at it
    gone.catch(() => undefined)
    ended.push(gone)
  }

  it('a drain takes one server at a time, as the PodDisruptionBudget says, and fails no request', async () => {
    const pods = await product.release.pods('server')
    const before = pods.map(({ metadata }) => metadata.name as string)
    const nodes = [...new Set(pods.map(({ spec }) => spec.nodeName as string))]
    for (const pod of pods) followEnd(pod, ['server', 'config-agent'])
    const outcome = await underLoad('drain', async () => {
      const flags = ['--ignore-daemonsets', '--delete-emptydir-data', '--timeout=110s']
      const draining = nodes.map((node) => tryKubectl('drain', node, `--pod-selector=${serverSelector}`, ...flags))
      // There may be only one node: an evicted pod may come back to it while the rest is drained.
      try {
        for (const name of nodes) {
          await whenObject('/api/v1/nodes', name, (node) => node?.spec.unschedulable === true, 20_000)
        }
      } finally {
        await kubectl('uncordon', ...nodes)
      }
      const drained = await Promise.all(draining)
      const said = drained.map(({ stdout, stderr }) => stdout + stderr).join('')
      expect(
        drained.map(({ code }) => code),
        said,
      ).to.deep.equal(nodes.map(() => 0))
      expect(said.match(/pod\/\S+ evicted/g)).to.have.length(before.length)
      expect(said, 'the budget never held it back').to.include('disruption budget')
      await settled()
    })
    expectNone('drain', outcome)
    const after = (await product.release.pods('server')).map(({ metadata }) => metadata.name as string)
    expect(after.filter((name) => before.includes(name))).to.deep.equal([])
  })

  const killed = (title: string, run: (this: Mocha.Context) => Promise<void>) =>
    it(title, async function () {
      if (!canKill) {
        process.stderr.write(`      not run: ${title}: the containers of a cluster elsewhere are out of reach\n`)
        this.skip()
      }
      await run.call(this)
    })

  killed('F19 SIGKILL of a server: only what met the dead one fails, and it is back within seconds', async () => {
    let at = 0
    const outcome = await underLoad('server-killed', async () => {
      const [pod] = await product.release.pods('server')
      at = Date.now()
      await (await killContainer(pod, 'server')).back(30_000)
    })
    const healed = healedAfter(outcome, at)
    record({ name: 'server-killed.failed-requests', value: outcome.failures.length, unit: 'requests', target: null })
    record({ name: 'server-killed.healed', value: healed, unit: 's', target: 5 })
    // no connection, or one that broke: never a wrong answer
    expect(outcome.failures.filter(({ status }) => status !== 0)).to.deep.equal([])
    expect(healed).to.be.lessThan(15)
  })

  killed('F13 SIGKILL of an agent: no request fails, and a change is live again at once', async () => {
    const outcome = await underLoad('agent-killed', async () => {
      const [pod] = await product.release.pods('server')
      const { back } = await killContainer(pod, 'config-agent')
      const began = performance.now()
      await measureReady(product.team, 'killed-agent', { ...machine, displayName: String(Date.now()) }, 60_000)
      record({ name: 'agent-killed.change-ready', value: (performance.now() - began) / 1000, unit: 's', target: 3 })
      await back(30_000)
    })
    expectNone('agent-killed', outcome)
  })

  killed('F11 SIGKILL of the leading operator: no request fails, a change is Ready within 20 s', async () => {
    const lease = await get(`/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/nauthera-operator`)
    const holder = lease.spec.holderIdentity as string
    const pods = await product.release.pods('operator')
    const leader = pods.find(({ metadata }) => holder.startsWith(metadata.name))
    const outcome = await underLoad('leader-killed', async () => {
      const began = performance.now()
      await killContainer(leader, 'operator')
      await measureReady(product.team, 'killed-leader', { ...machine, displayName: String(Date.now()) }, 60_000)
      const seconds = (performance.now() - began) / 1000
      record({ name: 'leader-killed.change-ready', value: seconds, unit: 's', target: 20 })
      expect(seconds).to.be.lessThan(20)
    })
    expectNone('leader-killed', outcome)
  })

  killed('F6 SIGKILL of the primary Valkey: no request fails, there is one again within 20 s', async () => {
    const roles = async () => {
      const pods = await product.release.pods('valkey')
      const ask = async (pod: Json) => {
        const command = ['sh', '-c', '. /scripts/peers.sh; role "$SELF"']
        const { stdout } = await tryKubectl(
          '-n',
          namespace,
          'exec',
          pod.metadata.name,
          '-c',
          'valkey',
          '--',
          ...command,
        )
        return stdout.trim()
      }
      return Promise.all(pods.map(async (pod) => ({ pod, role: await ask(pod) })))
    }
    const primaries = (await roles()).filter(({ role }) => role === 'master')
    expect(primaries).to.have.length(1)
    const outcome = await underLoad('valkey-killed', async () => {
      const began = performance.now()
      const { back } = await killContainer(primaries[0]!.pod, 'valkey')
      await back(60_000)
      await until(
        'one primary again',
        async () => {
          const now = await roles()
          return (
            now.filter(({ role }) => role === 'master').length === 1 &&
            now.filter(({ role }) => role === 'slave').length === 2
          )
        },
        60_000,
      )
      const seconds = (performance.now() - began) / 1000
      record({ name: 'valkey-killed.one-primary', value: seconds, unit: 's', target: 20 })
      expect(seconds).to.be.lessThan(20)
    })
    expectNone('valkey-killed', outcome)
    expect(await cacheHits(), 'the cache was never of use').to.be.greaterThan(0)
  })

  it('F39 a replica whose status port is cut off never counts as up to date: nothing is published until it answers', async () => {
    const policies = `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`
    const policy = await get(`${policies}/nauthera-server`)
    const isOurs = (manager: string) => manager === 'contract'
    const isStatusRule = (rule: Json) => rule.ports?.some(({ port }: Json) => port === 9443)
    const patch = async (ingress: Json[]) => {
      const merge = async (body: object) => {
        const contentType = 'application/merge-patch+json'
        const answer = await admin().call('PATCH', `${policies}/nauthera-server`, { body, contentType })
        expect(answer.status).to.equal(200)
        return answer.body as Json
      }
      const { metadata } = await merge({ spec: { ingress } })
      // the rules stay Helm's: it does not overwrite what belongs to another manager
      const managedFields = metadata.managedFields.filter(({ manager }: Json) => !isOurs(manager))
      await merge({ metadata: { managedFields } })
    }
    await patch(policy.spec.ingress.filter((rule: Json) => !isStatusRule(rule)))
    try {
      for (const pod of await product.release.pods('operator')) followEnd(pod, ['operator'])
      // streams that are open stay open; a new leader has none
      await kubectl('-n', namespace, 'delete', 'pod', '-l', 'app.kubernetes.io/component=operator', '--wait=true')
      await applyObjects([clientObject(product.team, 'cut-off', machine)])
      await whenObject(
        clientsIn(product.team),
        'cut-off',
        (object) =>
          object?.status?.conditions?.some(
            (one: Json) => one.type === 'Propagated' && one.status === 'Unknown' && one.reason === 'StatusUnreachable',
          ) === true,
        90_000,
      )
      const { status } = await admin().call('GET', `/api/v1/namespaces/${product.team}/secrets/cut-off-oidc`)
      expect(status, 'a Secret was published').to.equal(404)
    } finally {
      await patch(policy.spec.ingress)
    }
    const began = performance.now()
    await whenClientReady(product.team, 'cut-off', 90_000)
    record({ name: 'f39.ready-after-cut', value: (performance.now() - began) / 1000, unit: 's', target: 30 })
  })

  it('every process, as PID 1 of its container, has exited with 0 on SIGTERM', async () => {
    const [server, operator] = [{ server: 0, 'config-agent': 0 }, { operator: 0 }]
    expect(await Promise.all(ended)).to.deep.equal([server, server, operator, operator])
  })
})
