import { expect } from 'chai'
import { startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import { gatewayDefinitions } from '@nauthera/stand-in/gateway-api'
import { readDefinitions, readManifests } from '@nauthera/stand-in/manifests'
import type { Gateway, HttpRoute, Ingress } from '../src/decide/client/route-hosts.ts'
import { gateway, httpRoute, ingress, listener } from './decide/routes.ts'

const follows = (kind: string, more: object = {}) => ({
  type: 'Web',
  redirectURIsFrom: [{ kind, name: 'web', path: '/callback' }],
  ...more,
})
const policy = { allow: { redirectHosts: ['.example.com'] } }
const uri = 'https://app.example.com/callback'
const apps = { namespace: 'apps' }

describe('redirectURIsFrom', () => {
  let cluster: Cluster
  let operator: TestOperator
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  const start = async (settings: object = {}, definitions = [...readDefinitions(), ...gatewayDefinitions]) => {
    cluster = await startCluster({ definitions })
    await cluster.startReplica('server-a')
    operator = cluster.startOperator({ settings: { redirectURIsFrom: true, policy, ...settings } })
    await operator.leading
  }
  const put = (apiVersion: string, kind: string, { metadata, ...object }: Ingress | HttpRoute | Gateway) => {
    const { name, namespace = '', creationTimestamp = '' } = metadata
    cluster.api.set({ apiVersion, kind, metadata: { name, namespace, creationTimestamp }, ...object })
  }
  const putIngress = (...about: Parameters<typeof ingress>) => put('networking.k8s.io/v1', 'Ingress', ingress(...about))
  const accepted = { observedGeneration: 1 }
  const remove = (plural: string, namespace: string, name: string) =>
    cluster.api.store.remove(cluster.api.resource(plural), namespace, name)
  const served = () => cluster.stored('app')?.granted?.redirectUris ?? []
  const told = () => cluster.client('app')?.status?.redirectURIs ?? []
  const gives = (uris: readonly string[]) =>
    cluster.until(
      () =>
        JSON.stringify(served()) === JSON.stringify(uris) &&
        JSON.stringify(told().map((one) => one.uri)) === JSON.stringify(uris),
      `servers and status have ${uris.join(' ') || 'none'}`,
    )
  const is = (type: string, status: string, reason: string) =>
    cluster.until(() => {
      const found = cluster.condition('app', type)
      return found?.status === status && (found.reason === reason || reason === '')
    }, `${type}=${status} ${reason}`)

  it('follows an Ingress from its address to ten minutes after its end, and its Secret with it', async () => {
    await start()
    put('networking.k8s.io/v1', 'Ingress', { ...ingress(['app.example.com'], apps), status: {} })
    await cluster.apply('app', follows('Ingress'))
    await is('RedirectsFollowed', 'False', 'NoRedirectURI')
    await is('Ready', 'False', 'NoRedirectURI')
    await cluster.until(() => cluster.plain('app') !== undefined, 'its Secret is there, so that its program can start')
    putIngress(['app.example.com'], apps)
    await gives([uri])
    await is('Ready', 'True', '')
    const inSecret = () => Buffer.from(cluster.secret('app-oidc')?.data['redirect_uris'] ?? '', 'base64').toString()
    await cluster.until(() => inSecret() === uri, 'the Secret lists it')
    remove('ingresses', 'apps', 'web')
    await cluster.until(() => told()[0]?.goneSince !== undefined, 'the status says that it is gone')
    expect(served()).to.deep.equal([uri])
    await operator.pass(601_000)
    await gives([])
    await is('Ready', 'False', 'NoRedirectURI')
  })

  it('follows an HTTPRoute at a Gateway, and the Gateway', async () => {
    await start()
    await cluster.apply('app', follows('HTTPRoute', { redirectURIs: ['https://own.example.com/callback'] }))
    await is('RedirectsFollowed', 'False', 'HostsLeftOut')
    await is('Ready', 'True', '')
    put('gateway.networking.k8s.io/v1', 'HTTPRoute', httpRoute(['app.example.com'], { ...apps, accepted }))
    put('gateway.networking.k8s.io/v1', 'Gateway', gateway(listener({ port: 8443 })))
    await gives(['https://app.example.com:8443/callback'])
    await is('RedirectsFollowed', 'True', 'Followed')
    put('gateway.networking.k8s.io/v1', 'Gateway', gateway(listener()))
    await cluster.until(() => served().includes(uri), 'the port of the listener')
    expect(served(), 'what it gave before has its grace').to.have.length(2)
  })

  it('K26 ends the URIs of an object that is gone at once when another namespace names the host', async () => {
    await start()
    putIngress(['app.example.com'], apps)
    await cluster.apply('app', follows('Ingress'))
    await gives([uri])
    putIngress(['app.example.com'], { namespace: 'auth', createdAt: '2026-05-01T00:00:00Z' })
    remove('ingresses', 'apps', 'web')
    await gives([])
  })

  it('K26 ends a URI also for a client whose newer spec is refused', async () => {
    await start()
    putIngress(['app.example.com'], apps)
    await cluster.apply('app', follows('Ingress'))
    await gives([uri])
    await is('Ready', 'True', '')
    await cluster.apply('app', follows('Ingress', { consent: 'Skip' }))
    await is('PolicyCompliant', 'False', '')
    expect(served()).to.deep.equal([uri])
    remove('ingresses', 'apps', 'web')
    await cluster.until(() => told()[0]?.goneSince !== undefined, 'its grace begins')
    await operator.pass(601_000)
    await gives([])
    expect(cluster.stored('app'), 'the version of before is served').to.not.equal(undefined)
    cluster.planted.add(cluster.plain('app')!)
  })

  it('follows Ingresses where there is no Gateway API, and says of an HTTPRoute that there is none', async () => {
    await start({}, readDefinitions())
    putIngress(['app.example.com'], apps)
    await cluster.apply('app', {
      type: 'Web',
      redirectURIsFrom: ['Ingress', 'HTTPRoute'].map((kind) => ({ kind, name: 'web', path: '/callback' })),
    })
    await gives([uri])
    await is('RedirectsFollowed', 'False', 'HostsLeftOut')
    expect(cluster.condition('app', 'RedirectsFollowed')?.message).to.include('the API server does not serve')
    await is('Ready', 'True', '')
  })

  it('keeps what it gave when a new operator cannot read the objects, and says so', async () => {
    await start()
    putIngress(['app.example.com'], apps)
    await cluster.apply('app', follows('Ingress'))
    await gives([uri])
    await operator.stop()
    cluster.api.faults.add({
      when: ({ resource }) => resource?.plural === 'ingresses',
      effect: { kind: 'refuse', code: 403 },
    })
    operator = cluster.startOperator({ settings: { redirectURIsFrom: true, policy } })
    await operator.leading
    await is('RedirectsFollowed', 'False', 'HostsLeftOut')
    expect(cluster.condition('app', 'RedirectsFollowed')?.message).to.include('what it gave before stays')
    expect(served()).to.deep.equal([uri])
    cluster.api.faults.clear()
    await operator.pass(8_000)
    await is('RedirectsFollowed', 'True', 'Followed')
  })

  it('follows what examples/routes.yaml has, once a controller gives its Ingress an address', async () => {
    await start({ policy: {} })
    const [policyObject, ingressObject, clientObject] = readManifests('examples/routes.yaml')
    cluster.api.set({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'demo', labels: { 'kubernetes.io/metadata.name': 'demo' } },
    })
    cluster.api.set(policyObject!)
    cluster.api.set({ ...ingressObject!, status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } })
    await cluster.apply('shop', clientObject!['spec'] as Record<string, unknown>, { namespace: 'demo' })
    const uris = () => cluster.stored('shop', 'demo')?.granted?.redirectUris
    await cluster.until(() => uris()?.[0] === 'https://shop.apps.example.com/callback', 'servers have it')
  })

  for (const [where, settings] of [
    ['without the setting', { redirectURIsFrom: false }],
    ['that watches some namespaces alone', { watch: { mode: 'namespaces', namespaces: ['apps'] } }],
  ] as const)
    it(`is refused with words by an operator ${where}, which asks for no route`, async () => {
      await start(settings)
      await cluster.apply('app', follows('Ingress', { redirectURIs: ['https://own.example.com/callback'] }))
      await is('Ready', 'False', 'NotFollowed')
      expect(cluster.condition('app', 'Ready')?.message).to.include('operator.redirectURIsFrom')
      const asked = cluster.api.requests.filter(({ resource }) => resource?.plural === 'ingresses')
      expect(asked).to.deep.equal([])
    })
})
