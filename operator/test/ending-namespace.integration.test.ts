import { machine, startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { expect } from 'chai'

const apps = 'apps'
const modes = [
  { mode: 'cluster', refused: 0 },
  // it sees no namespaces, and learns from the first refusal
  { mode: 'namespaces', namespaces: [apps, 'auth'], refused: 1 },
] as const

describe('a namespace that is being deleted', () => {
  let cluster: Cluster
  beforeEach(async () => {
    cluster = await startCluster()
    await cluster.startReplica('server-a')
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  for (const { refused, ...watch } of modes)
    it(`K19 in mode ${watch.mode} lets none of the clients move up that a limit refused, and is told once, as what it is`, async () => {
      const operator = cluster.startOperator({ settings: { watch, policy: { limits: { clientsPerNamespace: 2 } } } })
      await operator.leading
      const status = (name: string, type: string) => cluster.condition(name, type)
      const names = ['a', 'b', 'c', 'd', 'e']
      for (const name of names) {
        await cluster.apply(name, machine)
        const type = ['a', 'b'].includes(name) ? 'Ready' : 'PolicyCompliant'
        await cluster.until(() => status(name, type) !== undefined, `${name} was judged`)
      }
      await cluster.until(() => ['a', 'b'].every((name) => status(name, 'Ready')?.status === 'True'), 'two are served')
      const { api } = cluster
      const namespace = api.store.get(api.resource('namespaces'), undefined, apps)
      api.set({
        ...namespace,
        metadata: { ...namespace.metadata, deletionTimestamp: new Date().toISOString() },
      } as never)
      const from = api.requests.length
      for (const name of ['a', 'b']) {
        const plain = cluster.plain(name)
        if (plain) cluster.planted.add(plain)
        await cluster.remove(name)
      }
      // an edit, or the next full list, makes the operator look at them
      for (const name of ['c', 'd']) await cluster.apply(name, { ...machine, displayName: name })
      if (refused > 0)
        await cluster.until(() => status('c', 'SecretReady')?.reason === 'NamespaceTerminating', 'c says why')
      // whatever was to be done about the two is done before that of a later one
      await cluster.apply('probe', machine, { namespace: 'auth' })
      await cluster.until(() => cluster.condition('probe', 'Ready', 'auth')?.status === 'True', 'a later one is Ready')
      await operator.pass(30_000)
      expect(operator.log.told('reconcile failed')).to.have.length(refused)
      const created = api.requests
        .slice(from)
        .filter(({ method, path }) => method === 'POST' && path.endsWith(`/${apps}/secrets`))
      // both may be on their way when the first one is refused
      expect(created.length).to.be.within(refused, refused * 2)
      const told = JSON.stringify(names.map((name) => cluster.client(name)?.status?.conditions))
      expect(told).to.not.contain('RBAC')
      expect(status('e', 'PolicyCompliant')?.status).to.equal('False')
      const moved = ['c', 'd', 'e'].filter((name) => status(name, 'PolicyCompliant')?.status === 'True')
      expect(moved).to.have.length.at.most(refused * 2)
    })
})
