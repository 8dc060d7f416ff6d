import { expect } from 'chai'
import { startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { joinedCluster } from '@nauthera/harness/operator/joined-cluster'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import type { OIDCCluster } from '@nauthera/operator/api/oidc-cluster'

const edge = 'nauthera-cluster-edge'
const web = { type: 'SPA', redirectURIs: ['https://app.example.com/callback'] }
const originOf = (namespace: string, name: string, uid = '0f6c2a58-6d0e-4f4e-9a3b-2f1f7f1f0c11') => ({
  namespace,
  name,
  uid,
})
const orders = 'https://orders.example.com'

describe('clients of joined clusters', function () {
  let cluster: Cluster
  let operator: TestOperator
  beforeEach(async () => {
    cluster = await startCluster()
    for (const name of [edge, 'nauthera-cluster-far', 'shop'])
      cluster.api.set({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
    await cluster.startReplica('server-a')
    operator = cluster.startOperator({
      settings: {
        watch: { mode: 'cluster' },
        policy: { allow: { resourceServer: true, audiences: ['*'] }, defaults: {} },
      },
    })
    await operator.leading
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
    const secrets = cluster.api.requests.filter(
      ({ resource, namespace }) => resource?.plural === 'secrets' && namespace?.startsWith('nauthera-cluster-'),
    )

    expect(secrets, 'no call for a Secret of a joined cluster').to.deep.equal([])
  })

  let generation = 0
  const join = (name: string, spec?: object) => cluster.api.set(joinedCluster(name, spec, ++generation))
  const apply = async (name: string, spec: Record<string, unknown>, namespace = edge) =>
    await cluster.apply(name, spec, { namespace })
  const mirror = async (of: string, name: string, spec: Record<string, unknown> = {}, namespace = edge) =>
    await apply(`${of}.${name}`, { ...web, ...spec, origin: originOf(of, name) }, namespace)
  const condition = (name: string, type: string, namespace = edge) => cluster.condition(name, type, namespace)
  const is = (name: string, type: string, status: string, namespace = edge) =>
    cluster.until(() => condition(name, type, namespace)?.status === status, `${name} has ${type}=${status}`)
  const refused = async (name: string, words: string, namespace = edge) => {
    await is(name, 'Accepted', 'False', namespace)
    expect(condition(name, 'Accepted', namespace)?.message).to.include(words)
  }
  const entryOf = (name: string, namespace = edge) => cluster.stored(name, namespace)

  it('are served under the id of their cluster and namespace', async () => {
    join('edge')
    await mirror('shop', 'app')
    await is('shop.app', 'Ready', 'True')
    expect(cluster.client('shop.app', edge)?.status?.clientId).to.equal('edge_shop.app')
  })

  it('get the secrets that their cluster minted, and no policy has to allow that', async () => {
    join('edge')
    const sha256 = 'ab'.repeat(32)
    await mirror('shop', 'site', { type: 'Web', secret: { verifiers: [{ sha256 }] } })
    await is('shop.site', 'Ready', 'True')
    expect(entryOf('shop.site')!.verifiers.map(({ id }) => id)).to.deep.equal(['abababab'])
  })

  it('refuses a mirror whose name is not that of its origin', async () => {
    join('edge')
    await apply('web.app', { ...web, origin: originOf('shop', 'app') })
    await refused('web.app', 'must be <namespace>.<name> of spec.origin')
    await apply('shop.own', web)
    await refused('shop.own', 'only the operator of the cluster creates OIDCClients here')
    await apply('here', { ...web, origin: originOf('shop', 'here') }, 'apps')
    await refused('here', 'must be absent outside of the namespace of a joined cluster', 'apps')
  })

  it('refuses one whose cluster has not joined, and serves it when it has; when that leaves, nothing serves it', async () => {
    await mirror('shop', 'app')
    await refused('shop.app', 'no OIDCCluster edge is known')
    join('edge')
    await is('shop.app', 'Ready', 'True')
    cluster.api.store.remove(cluster.api.resource('oidcclusters'), undefined, 'edge')
    await is('shop.app', 'Ready', 'False')
    await cluster.until(() => entryOf('shop.app') === undefined, 'no server has it')
  })

  it('keeps its uid when it is put back, and has another one when its origin was created again', async () => {
    join('edge')
    await mirror('shop', 'app')
    await is('shop.app', 'Ready', 'True')
    const { uid } = entryOf('shop.app')!
    expect(uid).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab]/)
    await cluster.remove('shop.app', edge)
    await cluster.until(() => entryOf('shop.app') === undefined, 'it is gone')
    await mirror('shop', 'app')
    await cluster.until(() => entryOf('shop.app')?.uid === uid, 'servers have it again, as it was')
    await is('shop.app', 'Ready', 'True')
    await cluster.remove('shop.app', edge)
    await cluster.until(() => entryOf('shop.app') === undefined, 'it is gone')
    await apply('shop.app', { ...web, origin: originOf('shop', 'app', 'another-uid') })
    await is('shop.app', 'Ready', 'True')
    expect(entryOf('shop.app')!.uid).not.to.equal(uid)
  })

  it('A hostile cluster gets no id of anybody else, no Secret, no API and no place of others', async () => {
    join('edge')
    join('far')
    await cluster.apply(
      'api',
      { type: 'M2M', resourceServer: { identifier: orders, access: [{ namespaces: ['*'] }] } },
      { namespace: 'shop' },
    )
    await is('api', 'Ready', 'True', 'shop')
    await mirror('shop', 'front', {}, 'nauthera-cluster-far')
    await is('shop.front', 'Ready', 'True', 'nauthera-cluster-far')
    for (const [name, spec, words] of [
      ['id-of-far', { clientId: 'far_shop.front' }, 'must begin with edge_shop.'],
      ['id-of-hub', { clientId: 'shop.api' }, 'must begin with edge_shop.'],
      ['bare-id', { clientId: 'grafana' }, 'must begin with edge_'],
      ['other-ns', { clientId: 'edge_web.app' }, 'must begin with edge_shop.'],
      [
        'ref',
        { type: 'Web', secret: { existingSecretRef: { name: 'x', key: 'y' } } },
        'existingSecretRef: must be absent',
      ],
      ['data', { type: 'Web', secret: { data: { x: '{{ .clientId }}' } } }, 'spec.secret.data: must be absent'],
      ['named', { type: 'Web', secret: { name: 'nauthera-keys' } }, 'spec.secret.name: must be absent'],
      ['minted', { type: 'Web' }, 'secrets are minted in the cluster of the client'],
      [
        'account',
        {
          type: 'M2M',
          redirectURIs: undefined,
          auth: { method: 'federated_jwt', identities: [{ serviceAccount: { name: 'a' } }] },
        },
        'serviceAccountKeys: true',
      ],
    ] as const) {
      await mirror('shop', name, { ...spec })
      await refused(`shop.${name}`, words)
    }
    await mirror('shop', 'caller', { audiences: [orders] })
    await is('shop.caller', 'AudiencesGranted', 'False')
    await cluster.apply('squat', { ...web, clientId: 'edge_x' }, { namespace: 'apps' })
    await refused('squat', 'must not begin with edge_', 'apps')
    expect(condition('api', 'Ready', 'shop')?.status).to.equal('True')
    expect(condition('shop.front', 'Ready', 'nauthera-cluster-far')?.status).to.equal('True')
  })

  it('a ServiceAccount of a cluster whose keys are believed is one of that cluster alone', async () => {
    join('edge', { serviceAccountKeys: true })
    const auth = { method: 'federated_jwt', identities: [{ serviceAccount: { name: 'a' } }] }
    await mirror('shop', 'worker', { type: 'M2M', redirectURIs: undefined, auth })
    await cluster.until(() => entryOf('shop.worker') !== undefined, 'servers have it')
    const [identity] = entryOf('shop.worker')!.desired!.identities
    expect(identity?.serviceAccount, 'none of this cluster').to.equal(undefined)
    expect(identity?.clusterServiceAccount).to.include({ cluster: 'edge', namespace: 'shop', name: 'a' })
  })

  it('a suspended cluster suspends all its clients, and no other', async () => {
    join('edge')
    join('far')
    await mirror('shop', 'app')
    await mirror('shop', 'app', {}, 'nauthera-cluster-far')
    await is('shop.app', 'Ready', 'True')
    join('edge', { suspended: true })
    await cluster.until(() => entryOf('shop.app')?.restraint?.suspended === true, 'it is suspended')
    expect(entryOf('shop.app', 'nauthera-cluster-far')?.restraint).to.equal(undefined)
    join('edge', { suspended: false })
    await cluster.until(() => entryOf('shop.app')?.restraint === undefined, 'it is not')
  })

  it('a cluster as a whole has a limit of clients, in however many namespaces', async () => {
    join('edge', { limits: { clients: 1 } })
    await mirror('a', 'app')
    await is('a.app', 'Ready', 'True')
    await mirror('b', 'app')
    await is('b.app', 'PolicyCompliant', 'False')
    expect(condition('b.app', 'PolicyCompliant')?.message).to.include('the cluster edge must have at most 1 clients')
    await cluster.remove('a.app', edge)
    await is('b.app', 'Ready', 'True')
  })

  it('are counted in the status of their OIDCCluster, with what its operator says of itself', async () => {
    join('edge')
    await mirror('shop', 'app')
    await is('shop.app', 'Ready', 'True')
    const at = new Date(operator.clock.now()).toISOString()
    const metadata = { name: 'nauthera-spoke', namespace: edge }
    cluster.api.set({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata,
      spec: { holderIdentity: 'uid-of-kube-system', renewTime: at.replace('Z', '000Z') },
    } as never)
    cluster.api.set({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { operatorVersion: '0.1.0' } } as never)
    const status = () =>
      (cluster.api.store.find(cluster.api.resource('oidcclusters'), undefined, 'edge') as OIDCCluster | undefined)
        ?.status
    operator.clock.leap(301_000)
    operator.clock.leap(31_000)
    await cluster.until(() => status()?.holder === 'uid-of-kube-system', 'the status names the holder')
    expect(status()).to.deep.include({ clients: 1, ready: 1, operatorVersion: '0.1.0' })
    expect(status()?.conditions?.[0]).to.include({ type: 'Seen', status: 'False', reason: 'Silent' })
  })

  it('leave a line and an Event when their cluster changes redirect URIs or verifiers', async () => {
    join('edge')
    await mirror('shop', 'app')
    await is('shop.app', 'Ready', 'True')
    await mirror('shop', 'app', { redirectURIs: ['https://evil.example.com/'] })
    const lines = () => operator.log.lines.filter(({ msg }) => msg === 'client changed by its cluster')
    const events = () => cluster.api.store.all(cluster.api.resource('events'), edge) as unknown as { reason: string }[]
    await cluster.until(() => lines().length > 1, 'a line for the new one, and one for the change')
    await cluster.until(() => events().some(({ reason }) => reason === 'ChangedByCluster'), 'an Event')
    expect(lines().at(-1)).to.deep.include({
      client: `${edge}/shop.app`,
      redirectURIs: ['+https://evil.example.com/', '-https://app.example.com/callback'],
    })
  })
})
