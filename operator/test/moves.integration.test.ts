import { expect } from 'chai'
import { digestOf } from '@nauthera/proto/digest'
import { lastingUid } from '@nauthera/proto/shard-entry'
import { startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { joinedCluster } from '@nauthera/harness/operator/joined-cluster'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import type { TestReplica } from '@nauthera/harness/operator/replica'
import { hubObjects } from '@nauthera/operator/kubectl/clusters/hub-objects'

const [edge, far] = ['nauthera-cluster-edge', 'nauthera-cluster-far']
const site = { type: 'Web', redirectURIs: ['https://app.example.com/callback'] }
const [old, fresh] = ['a'.repeat(43), 'b'.repeat(43)]
const uids = { edge: '0f6c2a58-6d0e-4f4e-9a3b-2f1f7f1f0c11', far: '1f6c2a58-6d0e-4f4e-9a3b-2f1f7f1f0c22' }
const listing = (...secrets: readonly string[]) => ({
  secret: { verifiers: secrets.map((secret) => ({ sha256: digestOf(Buffer.from(secret)) })) },
})

describe('a client that moves to another cluster', function () {
  let cluster: Cluster
  let operator: TestOperator
  let replica: TestReplica
  let generation = 0

  beforeEach(async () => {
    cluster = await startCluster({ namespaces: [edge, far, 'shop'] })
    replica = await cluster.startReplica('server-a')
    const policy = { allow: { verifiers: true }, defaults: {} }
    operator = cluster.startOperator({ settings: { watch: { mode: 'cluster' }, policy } })
    await operator.leading
    join('edge')
    join('far')
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  const join = (name: string, spec?: object) => cluster.api.set(joinedCluster(name, spec, ++generation))
  const mirror = async (of: 'edge' | 'far', spec: Record<string, unknown>) =>
    await cluster.apply(
      'shop.web',
      { ...site, origin: { namespace: 'shop', name: 'web', uid: uids[of] }, ...spec },
      { namespace: `nauthera-cluster-${of}` },
    )
  const move = (by: string, clientId: string, from: [string, string], to: [string, string, string]) =>
    join(by, {
      moved: [
        { clientId, from: { namespace: from[0], name: from[1] }, to: { namespace: to[0], name: to[1], uid: to[2] } },
      ],
    })
  const condition = (name: string, namespace: string, type: string) => cluster.condition(name, type, namespace)
  const is = (name: string, namespace: string, type: string, status: string) =>
    cluster.until(
      () => condition(name, namespace, type)?.status === status,
      `${namespace}/${name} has ${type}=${status}`,
    )
  const accepts = (namespace: string, name: string, secret: string) => replica.accepts(`${namespace}/${name}`, secret)
  const waitsForName = async (name: string, namespace: string) =>
    await cluster.until(() => cluster.stored(name, namespace) !== undefined, `${namespace}/${name} is stored`)

  it('from a joined cluster to the hub: keeps its id, its consents and, for the overlap, its secret', async () => {
    await mirror('edge', listing(old))
    await is('shop.web', edge, 'Ready', 'True')
    const { uid } = cluster.stored('shop.web', edge)!
    const spec = { ...site, clientId: 'edge_shop.web', rotation: { overlap: '2m', retire: 'AfterOverlap' } }
    const made = await cluster.apply('web', spec, { namespace: 'shop' })
    await is('web', 'shop', 'Accepted', 'False')
    expect(condition('web', 'shop', 'Accepted')!.message).to.contain('run kubectl nauthera cluster move in the hub')
    move('edge', 'edge_shop.web', [edge, 'shop.web'], ['shop', 'web', made.metadata.uid])
    await is('web', 'shop', 'Accepted', 'True')
    await waitsForName('web', 'shop')
    expect(lastingUid(cluster.stored('web', 'shop')!)).to.equal(uid)
    expect(accepts('shop', 'web', old)).to.equal(true)
    // what is there serves on, and says who comes
    await is('shop.web', edge, 'Accepted', 'False')
    expect(condition('shop.web', edge, 'Accepted')).to.include({
      reason: 'ClientIDConflict',
      message: 'spec.clientId: moves to shop/web; delete this object',
    })
    expect(cluster.stored('shop.web', edge)?.accepted).not.to.equal(undefined)
    await cluster.remove('shop.web', edge)
    await cluster.until(() => cluster.stored('shop.web', edge) === undefined, 'the mirror has left')
    await is('web', 'shop', 'Ready', 'True')
    expect(cluster.client('web', 'shop')?.status?.clientId).to.equal('edge_shop.web')
    expect([accepts('shop', 'web', old), accepts('shop', 'web', cluster.plain('web', 'shop')!)]).to.deep.equal([
      true,
      true,
    ])
    await operator.pass(150_000)
    await cluster.until(() => !accepts('shop', 'web', old), 'the secret of before has ended')
  })

  it('from the hub to a joined cluster: servers get its secrets beside those of the hub', async () => {
    const made = await cluster.apply('web', site, { namespace: 'shop' })
    await is('web', 'shop', 'Ready', 'True')
    const before = cluster.plain('web', 'shop')!
    cluster.planted.add(before)
    await mirror('edge', { ...listing(fresh), clientId: 'shop.web' })
    await is('shop.web', edge, 'Accepted', 'False')
    move('edge', 'shop.web', ['shop', 'web'], [edge, 'shop.web', uids.edge])
    await is('shop.web', edge, 'Accepted', 'True')
    await waitsForName('shop.web', edge)
    expect([accepts(edge, 'shop.web', before), accepts(edge, 'shop.web', fresh)]).to.deep.equal([true, true])
    await cluster.remove('web', 'shop')
    await is('shop.web', edge, 'Ready', 'True')
    expect(lastingUid(cluster.stored('shop.web', edge)!)).to.equal(made.metadata.uid)
    const ends = () => cluster.stored('shop.web', edge)!.verifiers.map(({ notAfter }) => notAfter !== undefined)
    await cluster.until(() => ends().join() === 'false,true', 'the secret of before has an end')
  })

  it('from one joined cluster to another', async () => {
    await mirror('edge', listing(old))
    await is('shop.web', edge, 'Ready', 'True')
    const { uid } = cluster.stored('shop.web', edge)!
    await mirror('far', { ...listing(fresh), clientId: 'edge_shop.web' })
    move('far', 'edge_shop.web', [edge, 'shop.web'], [far, 'shop.web', uids.far])
    await is('shop.web', far, 'Accepted', 'True')
    await cluster.remove('shop.web', edge)
    await is('shop.web', far, 'Ready', 'True')
    expect(lastingUid(cluster.stored('shop.web', far)!)).to.equal(uid)
    expect([accepts(far, 'shop.web', old), accepts(far, 'shop.web', fresh)]).to.deep.equal([true, true])
  })

  it('to another name in its own cluster', async () => {
    await mirror('edge', listing(old))
    await is('shop.web', edge, 'Ready', 'True')
    const { uid } = cluster.stored('shop.web', edge)!
    const origin = { namespace: 'shop', name: 'site', uid: uids.far }
    const spec = { ...site, ...listing(fresh), clientId: 'edge_shop.web', origin }
    await cluster.apply('shop.site', spec, { namespace: edge })
    await is('shop.site', edge, 'Accepted', 'False')
    move('edge', 'edge_shop.web', [edge, 'shop.web'], [edge, 'shop.site', uids.far])
    await is('shop.site', edge, 'Accepted', 'True')
    await cluster.remove('shop.web', edge)
    await is('shop.site', edge, 'Ready', 'True')
    expect(lastingUid(cluster.stored('shop.site', edge)!)).to.equal(uid)
    expect([accepts(edge, 'shop.site', old), accepts(edge, 'shop.site', fresh)]).to.deep.equal([true, true])
  })

  it('A hostile cluster moves nobody: it may not write its OIDCCluster, and a list counts for its own cluster and object alone', async () => {
    const rules = hubObjects('far').flatMap(
      (object) => (object['rules'] ?? []) as { resources: string[]; verbs: string[] }[],
    )
    expect(rules.filter(({ resources }) => resources.includes('oidcclusters'))).to.deep.equal([])
    await mirror('edge', listing(old))
    await is('shop.web', edge, 'Ready', 'True')
    await mirror('far', { ...listing(fresh), clientId: 'edge_shop.web' })
    const stays = async () => {
      await operator.pass(5_000)
      await is('shop.web', far, 'Accepted', 'False')
      expect(condition('shop.web', edge, 'Accepted')?.status).to.equal('True')
      expect(cluster.stored('shop.web', far)).to.equal(undefined)
    }
    // by an OIDCCluster that the client does not come to
    move('edge', 'edge_shop.web', [edge, 'shop.web'], [far, 'shop.web', uids.far])
    await stays()
    // of an object that was there before, under the same name
    move('far', 'edge_shop.web', [edge, 'shop.web'], [far, 'shop.web', uids.edge])
    await stays()
    // of another id
    move('far', 'edge_shop.other', [edge, 'shop.web'], [far, 'shop.web', uids.far])
    await stays()
  })

  it('takes no id from a third one, whatever a list says of where it was', async () => {
    await cluster.apply('other', { ...site, clientId: 'shop.other' }, { namespace: 'shop' })
    await is('other', 'shop', 'Ready', 'True')
    await mirror('edge', { ...listing(fresh), clientId: 'shop.other' })
    move('edge', 'shop.other', ['shop', 'nobody'], [edge, 'shop.web', uids.edge])
    await cluster.until(() => condition('shop.web', edge, 'Accepted')?.reason === 'ClientIDConflict', 'it waits')
    expect(condition('other', 'shop', 'Ready')?.status).to.equal('True')
  })
})
