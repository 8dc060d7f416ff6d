import { expect } from 'chai'
import { shardSecretName } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { joinedCluster } from '@nauthera/harness/operator/joined-cluster'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import type { KubeObject } from '@nauthera/stand-in/objects'

const [edge, far] = ['nauthera-cluster-edge', 'nauthera-cluster-far']
const callback = 'https://app.example.com/callback'
const uris = (count: number) =>
  Array.from({ length: count }, (_, at) => `https://app.example.com/${at}/${'x'.repeat(1_900)}`)
const nested = (levels: number): unknown => JSON.parse('{"a":'.repeat(levels) + '1' + '}'.repeat(levels))
/** The mirror of another cluster that is watched here, and names of mirrors of the hostile one that are in the same shard. */
const neighbour = 'shop.front'
const shard = shardOf(far, neighbour)
const namesBeside = (count: number): readonly string[] => {
  const names: string[] = []
  for (let at = 0; names.length < count; at++)
    if (shardOf(edge, `shop.app-${at}`) === shard) names.push(`shop.app-${at}`)
  return names
}

describe('T70 a hostile cluster with its own token', () => {
  let cluster: Cluster
  let operator: TestOperator

  beforeEach(async () => {
    cluster = await startCluster()
    for (const name of [edge, far]) cluster.api.set({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
    join('edge', { limits: { clients: 20 } })
    join('far')
    await cluster.startReplica('server-a')
    operator = cluster.startOperator({ settings: { watch: { mode: 'cluster' } } })
    await operator.leading
    await change(0)
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  const join = (name: string, spec?: object) => cluster.api.set(joinedCluster(name, spec))
  const specOf = (name: string, more: object) => {
    const [namespace, own] = name.split('.')
    return { type: 'SPA', redirectURIs: [callback], origin: { namespace, name: own, uid: `uid-${own}` }, ...more }
  }
  /** As it is stored, also what the schema of an API server would refuse. */
  const put = (name: string, spec: object = {}, metadata: object = {}) => {
    const live = cluster.client(name, edge)
    const next = { serverName: 'default', ...specOf(name, spec) }
    cluster.api.set({
      apiVersion: 'auth.nauthera.io/v1alpha1',
      kind: 'OIDCClient',
      ...live,
      metadata: {
        ...live?.metadata,
        name,
        namespace: edge,
        generation: (live?.metadata.generation ?? 0) + 1,
        ...metadata,
      },
      spec: next,
    } as unknown as KubeObject)
  }
  const condition = (name: string, type: string, namespace = edge) => cluster.condition(name, type, namespace)
  /** Changes the client of the other cluster. Resolves when it is Ready with that, at every server. */
  const change = async (round: number) => {
    const uri = `${callback}/${round}`
    const { metadata } = await cluster.apply(neighbour, specOf(neighbour, { redirectURIs: [uri] }), { namespace: far })
    await cluster.until(() => {
      const { status } = cluster.client(neighbour, far) ?? {}
      return status?.observedGeneration === metadata.generation && condition(neighbour, 'Ready', far)?.status === 'True'
    }, `${neighbour} is Ready with ${uri}`)
    expect(cluster.stored(neighbour, far)?.desired?.redirectUris).to.deep.equal([uri])
  }
  const statusWrites = (from: number): readonly string[] =>
    cluster.api.requests
      .slice(from)
      .filter((one) => one.resource?.plural === 'oidcclients' && one.namespace === edge && one.verb === 'patch')
      .map(({ name }) => String(name))

  it('stores no giant that the definition forbids', async () => {
    const [name] = namesBeside(1)
    const refused = async (more: object) =>
      await cluster.apply(name!, specOf(name!, more), { namespace: edge }).then(
        () => 'stored',
        (error: unknown) => String(error),
      )
    const verifiers = Array.from({ length: 2_000 }, () => ({ sha256: 'ab'.repeat(32) }))
    expect(await refused({ redirectURIs: uris(1_000) })).to.contain('spec.redirectURIs')
    expect(await refused({ type: 'Web', secret: { verifiers } })).to.contain('spec.secret.verifiers')
    expect(await refused({ description: 'x'.repeat(1_000_000) })).to.contain('spec.description')
    expect(cluster.client(name!, edge)).to.equal(undefined)
  })

  it('stores giants all the same: each is refused with words, and others are served and changed in the same shard', async () => {
    const [long, keyed, deep, labelled, marked] = namesBeside(5)
    const labels = (count: number) =>
      Object.fromEntries(uris(count).map((_, at) => [`label-${at}-${'x'.repeat(50)}`, 'y']))
    put(long!, { redirectURIs: uris(50), postLogoutRedirectURIs: uris(50) })
    put(keyed!, { auth: { method: 'private_key_jwt', jwks: { keys: [{ kty: 'x'.repeat(1_000_000) }] } } })
    put(deep!, { auth: { method: 'private_key_jwt', jwks: { keys: [nested(2_000)] } } })
    put(labelled!, {}, { labels: labels(4_000) })
    put(marked!, {}, { annotations: { 'auth.nauthera.io/rotate': 'x'.repeat(250_000) } })
    for (const [name, words] of [
      [long, 'must take at most 16 KiB'],
      [keyed, 'must take at most 16 KiB'],
      [deep, 'must be nested at most 32 levels deep'],
      [labelled, 'must take at most 16 KiB'],
      [marked, 'must take at most 16 KiB'],
    ] as const) {
      await cluster.until(() => condition(name!, 'Accepted')?.status === 'False', `${name} is refused`)
      expect(condition(name!, 'Accepted'))
        .to.include({ reason: 'TooLarge' })
        .with.property('message')
        .that.contains(words)
    }
    await change(1)
    // edited again, and listed again by the next leader
    for (const name of [long, deep, labelled])
      put(name!, { auth: { method: 'private_key_jwt', jwks: { keys: [nested(1_999)] } } })
    await change(2)
    await operator.stop()
    operator = cluster.startOperator({ settings: { watch: { mode: 'cluster' } } })
    await operator.leading
    await change(3)
    expect(operator.log.lines.filter(({ msg }) => /list failed|watch broken/.test(String(msg)))).to.deep.equal([])
    // one that is of common size again is served
    put(long!)
    await cluster.until(() => condition(long!, 'Ready')?.status === 'True', `${long} is Ready`)
  })

  it('gives a client an owner or a finalizer: it is refused', async () => {
    const [owned, held] = namesBeside(2)
    put(owned!, {}, { ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: 'x', uid: 'u' }] })
    put(held!, {}, { finalizers: ['example.com/x'] })
    for (const [name, field] of [
      [owned, 'metadata.ownerReferences'],
      [held, 'metadata.finalizers'],
    ] as const) {
      await cluster.until(() => condition(name!, 'Accepted'), `${name} is judged`)
      expect(condition(name!, 'Accepted')).to.include({ status: 'False' }).with.property('message').that.contains(field)
      expect(cluster.stored(name!, edge)).to.equal(undefined)
    }
  })

  it('changes fifty clients all the time: its limit holds, statuses are written now and then, and another is not kept waiting', async () => {
    // all of one second: of those that come later, some have an earlier name
    const names = namesBeside(50)
    const begunAt = performance.now()
    const from = cluster.api.requests.length
    let [edits, shards, isLoud] = [0, 0, true]
    const edit = () => {
      edits++
      for (const name of names) put(name, { redirectURIs: [`${callback}/${edits}`] })
    }
    edit()
    /** The number of the write that brought each redirect URI of the other client. */
    const storedBy = new Map<string, number>()
    // each answer of the operator brings the next fifty changes
    cluster.api.store.onChange(({ object }) => {
      if (object.metadata.name !== shardSecretName('nauthera', shard)) return
      shards++
      for (const uri of cluster.stored(neighbour, far)?.desired?.redirectUris ?? [])
        if (!storedBy.has(uri)) storedBy.set(uri, shards)
      if (isLoud) queueMicrotask(edit)
    })
    for (let round = 1; round <= 3; round++) {
      const before = shards
      await change(round)
      // what comes after that is no matter of the others: the shard is written on and on while servers load it
      expect(storedBy.get(`${callback}/${round}`)! - before, 'writes of the shard until it has it').to.be.within(1, 3)
    }
    isLoud = false
    const isTold = (name: string) => cluster.client(name, edge)?.status?.observedGeneration === edits
    await cluster.until(() => names.every(isTold), 'each is told what became of its last change')
    const served = names.filter((name) => cluster.stored(name, edge) !== undefined)
    expect(served.length).to.equal(20)
    for (const name of names.filter((one) => !served.includes(one)))
      expect(condition(name, 'PolicyCompliant')?.message).to.contain('the cluster edge must have at most 20 clients')
    expect(edits).to.be.greaterThan(3)
    const writes = Map.groupBy(statusWrites(from), (name) => name)
    const seconds = (performance.now() - begunAt) / 1_000
    for (const [name, { length }] of writes)
      expect(length, name).to.be.at.most(served.includes(name) ? 2 * shards + seconds + 2 : 2 * edits)
  })

  it('says again and again what changes nothing, and the operator writes nothing', async () => {
    const [name] = namesBeside(1)
    put(name!)
    await cluster.until(() => condition(name!, 'Ready')?.status === 'True', `${name} is Ready`)
    const from = cluster.api.requests.length
    for (let round = 0; round < 500; round++) {
      const live = cluster.client(name!, edge)!
      const annotations = { 'example.com/noise': String(round) }
      cluster.api.set({ ...live, metadata: { ...live.metadata, annotations } } as never)
    }
    await change(1)
    expect(statusWrites(from)).to.deep.equal([])
  })
})
