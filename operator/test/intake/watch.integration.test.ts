import { expect } from 'chai'
import { createLeapClock } from '@nauthera/harness/operator/clocks'
import { joinedCluster } from '@nauthera/harness/operator/joined-cluster'
import { writeKubeconfig } from '@nauthera/harness/operator/kubeconfig'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import { createWatch } from '../../src/intake/watch.ts'
import type { Watch } from '../../src/intake/watch.ts'
import { apiTimeouts, createConnection } from '../../src/kubernetes/connection.ts'
import { loadCredentials } from '../../src/kubernetes/credentials.ts'

const edge = 'nauthera-cluster-edge'
const uid = '0f6c2a58-6d0e-4f4e-9a3b-2f1f7f1f0c11'

describe('createWatch', function () {
  const start = async () => {
    const api = await startKubeApi({ namespaces: ['auth', edge, 'shop', 'team'] })
    const clock = createLeapClock()
    const connection = createConnection({
      credentials: loadCredentials({ KUBECONFIG: writeKubeconfig(api.adminConfig) }, clock),
      userAgent: 'test',
      timeouts: { ...apiTimeouts, requestMs: 15_000 },
    })
    const put = (namespace: string, name: string, spec: object, creationTimestamp?: string) =>
      api.set({
        apiVersion: 'auth.nauthera.io/v1alpha1',
        kind: 'OIDCClient',
        metadata: { name, namespace, generation: 1, ...(creationTimestamp ? { creationTimestamp } : {}) },
        spec: { type: 'Web', redirectURIs: ['https://app.example.com/callback'], ...spec },
      } as never)
    const watchAll = (isStored: (key: string) => boolean = () => false) =>
      createWatch({
        settings: {
          release: 'nauthera',
          namespace: 'auth',
          serverName: 'default',
          watch: { mode: 'cluster', namespaces: [] },
          mode: 'hub',
          policy: {},
          redirectURIsFrom: false,
        },
        connection,
        clock,
        random: () => 0.5,
        log: createRecordedLog().log,
        knownKeys: new Map(),
        isStored,
      })
    const stop = async (watch: Watch) => {
      await watch.stop()
      connection.stop()
      await api.stop()
    }
    return { api, clock, put, watchAll, stop }
  }
  const nothing = () => {}

  it('looks at every rival of a client that moves, also at those that the move does not name', async () => {
    const { api, put, watchAll, stop } = await start()
    put(edge, 'shop.web', { origin: { namespace: 'shop', name: 'web', uid } })
    put('shop', 'web', { clientId: 'edge_shop.web' })
    put('team', 'third', { clientId: 'edge_shop.web' })
    put('team', 'other', {})
    api.set(joinedCluster('edge'))
    const watch = watchAll()
    try {
      const told = Promise.withResolvers<readonly string[]>()
      await watch.start({ onClients: (keys) => told.resolve([...keys]), onResync: nothing, onPods: nothing })
      const to = { namespace: 'shop', name: 'web', uid: watch.clients.find('shop/web')!.metadata.uid }
      const moved = [{ clientId: 'edge_shop.web', from: { namespace: edge, name: 'shop.web' }, to }]
      api.set(joinedCluster('edge', { moved }, 2))
      expect(await told.promise).to.have.members([`${edge}/shop.web`, 'shop/web', 'team/third'])
    } finally {
      await stop(watch)
    }
  })

  it('says of a namespace that it lacks that its labels are unknown, not that it has none', async () => {
    const { api, watchAll, stop } = await start()
    const labels = { tier: 'restricted' }
    const label = (name: string, metadata: object) =>
      api.set({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, ...metadata } } as never)
    label('shop', { labels })
    label('team', {})
    const watch = watchAll()
    try {
      await watch.start({ onClients: nothing, onResync: nothing, onPods: nothing })
      expect(watch.readsNamespaces).to.equal(true)
      expect(watch.namespaceLabels('shop')).to.deep.equal(labels)
      expect(watch.namespaceLabels('team'), 'it is there, without labels').to.deep.equal({})
      expect(watch.namespaceLabels('not-yet-seen')).to.equal(undefined)
    } finally {
      await stop(watch)
    }
  })

  it('K19 knows of a crowd who may have a name, after each policy, label and cluster that changes that', async () => {
    const { api, put, watchAll, stop } = await start()
    const name = 'edge_web'
    for (let index = 0; index < 25; index++)
      put('shop', `c${index}`, { clientId: name }, `2026-01-01T00:00:${10 + index}Z`)
    const label = (labels: object) =>
      api.set({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels } } as never)
    label({})
    const watch = watchAll()
    const best = () => watch.clients.best(name).map(({ metadata }) => metadata.name)
    let told = Promise.withResolvers<void>()
    const after = async (act: () => void) => {
      told = Promise.withResolvers()
      act()
      await told.promise
      return best()
    }
    const allow = { customClientId: true }
    try {
      await watch.start({ onClients: () => told.resolve(), onResync: nothing, onPods: nothing })
      expect(best(), 'an id that needs a policy').to.deep.equal([])
      const policy = { selector: { namespaces: { matchLabels: { tier: 'one' } } }, allow }
      const own = {
        apiVersion: 'auth.nauthera.io/v1alpha1',
        kind: 'OIDCPolicy',
        metadata: { name: 'own-ids' },
        spec: policy,
      }
      expect(await after(() => label({ tier: 'one' })), 'no policy lets it').to.deep.equal([])
      expect(await after(() => api.set(own as never)), 'a policy').to.deep.equal(['c0', 'c1', 'c2'])
      expect(await after(() => label({})), 'for other labels').to.deep.equal([])
      expect(await after(() => label({ tier: 'one' })), 'as before').to.deep.equal(['c0', 'c1', 'c2'])
      expect(await after(() => api.set(joinedCluster('edge'))), 'ids of a cluster are its own').to.deep.equal([])
    } finally {
      await stop(watch)
    }
  })

  it('K19 keeps of the clients of a namespace the oldest, and of those that are served, and 20 new ones, what says whose they are', async () => {
    const { api, clock, put, watchAll, stop } = await start()
    const at = (second: number) => new Date(second * 1_000).toISOString()
    const large = { secret: { template: { data: { text: 'x'.repeat(150_000) } } } }
    for (let index = 0; index < 80; index++)
      put('shop', `c${index}`, { ...large, clientId: `shop.id-${index}` }, at(index))
    put('shop', 'served', large, at(100))
    put('shop', 'served-small', {}, at(101))
    put('team', 'other', {}, at(101))
    const watch = watchAll((key) => key.startsWith('shop/served'))
    try {
      const looked = new Set<string>()
      await watch.start({
        onClients: (keys) => {
          for (const key of keys) looked.add(key)
        },
        onResync: nothing,
        onPods: nothing,
      })
      const refused = (name: string) => watch.clients.find(`shop/${name}`)?.metadata.refused
      const namesOf = () => watch.clients.keysIn('shop').map((key) => key.replace('shop/', ''))
      const newOnes = () => namesOf().filter((name) => refused(name)?.includes('that nobody serves'))
      const kept = namesOf().filter((name) => refused(name) === undefined)
      expect(kept.length, '8 MiB of 150 KB each').to.be.within(50, 58)
      expect(kept).to.include.members(['c0', 'served-small'])
      expect(newOnes(), 'new ones that say so').to.have.length(20)
      const [first = '', second = ''] = newOnes()
      expect(watch.clients.find(`shop/${first}`))
        .to.have.property('spec')
        .that.does.not.have.property('clientId')
      expect(refused('served')).to.match(/^the clients of this namespace have more than 8 MiB of text together/)
      expect(JSON.stringify(watch.clients.find('shop/served')).length).to.be.below(1_024)
      expect(['c0', 'served-small'].map(refused)).to.deep.equal([undefined, undefined])
      put('shop', 'late', large, at(200))
      put('shop', 'served-late', large, at(200))
      put('team', 'late', {}, at(200))
      while (!looked.has('team/late')) await new Promise((resolve) => setImmediate(resolve))
      expect([...looked]).to.deep.equal(['shop/served-late', 'team/late'])
      expect(refused('served-late')).to.include('more than 8 MiB')
      const remove = (name: string) => api.store.remove(api.resource('oidcclients'), 'shop', name)
      const until = async (holds: () => boolean) => {
        while (!holds()) await new Promise((resolve) => setImmediate(resolve))
      }
      remove(first)
      put('shop', 'later', large, at(201))
      await until(() => looked.has('shop/later'))
      expect(newOnes(), 'in its place').to.have.length(20).and.to.include('later')
      looked.clear()
      for (const name of kept.slice(0, 20)) remove(name)
      await until(() => kept.slice(0, 20).every((name) => looked.has(`shop/${name}`)))
      clock.leap(30_000)
      // it has room, though nobody edited it
      await until(() => refused(second) === undefined)
      expect(watch.clients.find(`shop/${second}`)?.spec).to.have.property('clientId')
      expect([...looked]).to.include(`shop/${second}`)
    } finally {
      await stop(watch)
    }
  })

  it('K19 cuts a younger client that is served when an older one grows', async () => {
    const { put, watchAll, stop } = await start()
    const at = (second: number) => new Date(second * 1_000).toISOString()
    const large = (count: number) => ({ secret: { template: { data: { text: 'x'.repeat(count) } } } })
    put('shop', 'old', {}, at(1))
    for (let index = 0; index < 62; index++) put('shop', `c${index}`, large(150_000), at(2 + index))
    const watch = watchAll(() => true)
    try {
      const told = Promise.withResolvers<readonly string[]>()
      await watch.start({ onClients: (keys) => told.resolve([...keys]), onResync: nothing, onPods: nothing })
      const refused = () =>
        [...watch.clients.all()].flatMap(({ metadata }) => (metadata.refused === undefined ? [] : [metadata.name]))
      expect(refused()).to.deep.equal([])
      put('shop', 'old', large(190_000), at(1))
      expect(await told.promise).to.deep.equal(['shop/c61'])
      expect(refused()).to.deep.equal(['c61'])
      expect(watch.clients.size).to.equal(63)
    } finally {
      await stop(watch)
    }
  })
})
