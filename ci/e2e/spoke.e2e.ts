import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { freePort } from '@nauthera/local/processes/ports'
import { startProcess } from '@nauthera/local/processes/process'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { writeSettings } from '@nauthera/local/processes/program'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { parseCredentials } from '@nauthera/local/product/token'
import { isReady } from '@nauthera/local/product/wait-for'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import { gatewayDefinitions } from '@nauthera/stand-in/gateway-api'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import type { Json } from '@nauthera/stand-in/kube-client'
import { quantile } from '../report.ts'
import { clusterState } from './support/api-server.ts'
import { applyClients, clientObject, clientsIn, credentialsOf } from './support/clients.ts'
import type { Driver } from './support/driver.ts'
import { admin, applyObjects, get, kubectl, kubectlWithInput, root, until, whenObject } from './support/kubernetes.ts'
import { textsInFiles, textsInMemory } from './support/look-for.ts'
import { kubectlNauthera } from './support/plugin.ts'
import { canKill, processesOf, restrictedContainer, restrictedPod } from './support/pods.ts'
import { machine, useDriver, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { e2eImage } from './support/release.ts'
import { record } from './support/report.ts'
import { startSecondCluster } from './support/second-cluster.ts'
import type { SecondCluster } from './support/second-cluster.ts'
import { showToken } from './support/show-token.ts'
import { openTwoClustersPage } from './support/two-clusters-page.ts'

const cluster = 'berlin'
/** Of the release there, as the tutorial has it. */
const own = 'auth'
const shop = 'shop'
/** One after the other; a hundred tell p50 and p99. */
const applies = Number(process.env['NAUTHERA_E2E_APPLIES'] ?? 3)

// The tutorial of two clusters, by its own commands, and what it does not say. The second cluster has no kubelet: its operator runs as a
// process, with the settings, the account and the rights that the chart made there.

describe('a second cluster, with a real API server of its own', function () {
  this.timeout(240_000)
  let product: InstalledProduct
  let driver: Driver
  let second: SecondCluster
  let operator: RunningProcess
  let page: Awaited<ReturnType<typeof openTwoClustersPage>>

  before(async function () {
    if (!canKill || process.arch !== 'x64') {
      process.stderr.write('a second API server needs the programs of the cluster of this machine: it is not tested\n')
      this.skip()
    }
    const { issuer } = await get('/.well-known/openid-configuration')
    ;[product, driver, second] = await Promise.all([
      useProduct(),
      useDriver(),
      startSecondCluster({ serviceAccountIssuer: issuer }),
    ])
  })
  after(async () => {
    await operator?.stop()
    await second?.stop()
  })

  const there = (...args: string[]) => kubectl('--kubeconfig', second.kubeconfigFile, ...args)
  const applyThere = (...objects: object[]) =>
    kubectlWithInput(
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
      '--kubeconfig',
      second.kubeconfigFile,
      'apply',
      '-f',
      '-',
    )
  const whenThere = (name: string, holds: (object: Json) => boolean) =>
    whenObject(clientsIn(shop), name, holds, 60_000, second.admin)
  const credentialsThere = async (name: string) =>
    parseCredentials((await second.admin.call('GET', `/api/v1/namespaces/${shop}/secrets/${name}-oidc`)).body.data)
  const nauthera = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await kubectlNauthera('cluster', ...args)
    expect(code, stderr).to.equal(0)
    return stdout
  }

  /** As its pod would: with the token of its account and the settings of its ConfigMap. */
  const startOperator = async (): Promise<void> => {
    const directory = mkdtempSync(join(root, '.nauthera/e2e-spoke-'))
    reapDirectory(directory)
    const token = (await there('-n', own, 'create', 'token', 'nauthera-operator', '--duration', '2h')).trim()
    const kubeconfig = join(directory, 'kubeconfig')
    writeFileSync(kubeconfig, second.withToken(token), { mode: 0o600 })
    const { data } = JSON.parse(await there('-n', own, 'get', 'configmap', 'nauthera-operator', '-o', 'json')) as Json
    const settings = writeSettings(join(directory, 'operator.yaml'), {
      ...(parse(data['operator.yaml']) as object),
      identity: 'nauthera-operator-0',
      management: { host: '127.0.0.1', port: await freePort() },
    })
    operator = startProcess({
      name: 'spoke',
      script: 'operator/src/main.ts',
      args: ['--settings', settings],
      env: { KUBECONFIG: kubeconfig },
    })
    await operator.line(/started/, { timeoutMs: 60_000 })
  }

  it('joins by the commands of the tutorial', async () => {
    // followed below
    await applyThere(...gatewayDefinitions)
    const ofOperator = {
      redirectURIsFrom: true,
      policy: { allow: { redirectHosts: ['.apps.example.com'], audiences: ['https://*'] } },
    }
    const sets = Object.entries(ofOperator).map(([name, value]) => `operator.${name}=${JSON.stringify(value)}`)
    page = await openTwoClustersPage({
      second: second.kubeconfigFile,
      install: ['--set', `issuer=${product.release.issuer}`, ...sets.flatMap((set) => ['--set-json', set])],
    })
    await page.run('cluster join berlin')
    await page.run('helm upgrade')
    await startOperator()
    const isHeard = async () => / ok$/m.test(await nauthera('list'))
    await until('the hub to hear of it', isHeard, 90_000)
    await page.run('cluster list')
  })

  it('K2 may write mirrors of its own clients with the token that it has, and nothing else', async () => {
    const { body } = await second.admin.call('GET', `/api/v1/namespaces/${own}/secrets/nauthera-hub`)
    const spoke = createKubeClient(Buffer.from(body.data.kubeconfig, 'base64').toString())
    const [namespace, name] = [namespaceOfCluster(cluster), `${shop}.probe`]
    const origin = { namespace: shop, name: 'probe', uid: '0f6c2a58-6d0e-4f4e-9a3b-2f1f7f1f0c11' }
    const mirror = { type: 'M2M', origin, secret: { verifiers: [{ sha256: 'ab'.repeat(32) }] } }
    const answerTo = async (spec: object, metadata: object = {}): Promise<string> => {
      const head = { apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCClient', metadata: { name, ...metadata } }
      const about = { query: { dryRun: 'All' }, body: { ...head, spec } }
      const { status, body: said } = await spoke.call('POST', clientsIn(namespace), about)
      return status < 300 ? 'taken' : String(said.message)
    }
    expect(await answerTo(mirror)).to.equal('taken')
    expect(await answerTo({ ...mirror, origin: undefined })).to.include('spec.origin must be there')
    expect(await answerTo(mirror, { name: 'web.probe' })).to.include('must be <namespace>.<name> of spec.origin')
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: origin.uid }
    for (const held of [{ finalizers: ['example.com/x'] }, { ownerReferences: [owner] }])
      expect(await answerTo(mirror, held)).to.include('neither finalizers nor ownerReferences')
    for (const secret of [
      { name: 'nauthera-keys' },
      { labels: { a: 'b' } },
      { annotations: { a: 'b' } },
      { presets: ['Generic'] },
      { keys: { client_id: 'a' } },
      { data: { a: '{{ .clientId }}' } },
      { existingSecretRef: { name: 'a', key: 'b' } },
    ])
      expect(await answerTo({ ...mirror, secret }), Object.keys(secret).join()).to.include('must have verifiers alone')
    const redirectURIsFrom = [{ kind: 'Ingress', name: 'a', path: '/' }]
    expect(await answerTo({ ...mirror, redirectURIsFrom })).to.include('redirectURIsFrom')
    for (const [verb, path] of [
      ['PUT', `${clientsIn(namespace)}/${name}/status`],
      ['DELETE', clientsIn(namespace)],
      ['GET', clientsIn(product.team)],
      ['GET', `/api/v1/namespaces/${namespace}/secrets`],
      ['GET', `/api/v1/namespaces/${namespace}/configmaps/other`],
      ['PUT', `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/other`],
      ['POST', `/api/v1/namespaces/${namespace}/serviceaccounts/default/token`],
      ['PATCH', `/apis/auth.nauthera.io/v1alpha1/oidcclusters/${cluster}`],
    ] as const)
      expect((await spoke.call(verb, path, verb === 'GET' ? {} : { body: {} })).status, `${verb} ${path}`).to.equal(403)
  })

  it('makes the client of the tutorial Ready, and shows where its Secret is', async () => {
    await page.run('create namespace shop')
    await page.run('get secret report-oidc')
  })

  it('makes clients Ready, with two writes at the hub for each at most', async () => {
    const before = await writesAtHub()
    const times: number[] = []
    for (let index = 0; index < applies; index++) {
      const began = performance.now()
      await applyOne(`report-${index}`, machine)
      await whenThere(`report-${index}`, isReady)
      times.push(performance.now() - began)
    }
    const after = await writesAtHub()
    const [bySpoke, byHub] = [after.spec - before.spec, after.status - before.status].map((writes) => writes / applies)
    record({ name: 'spoke.ready.p50', value: quantile(times, 0.5), unit: 'ms', target: null })
    record({ name: 'spoke.ready.p99', value: quantile(times, 0.99), unit: 'ms', target: null })
    record({ name: 'spoke.writes-at-hub', value: bySpoke!, unit: 'writes per client', target: null })
    record({ name: 'spoke.status-writes-at-hub', value: byHub!, unit: 'writes per client', target: null })
  })

  it('keeps the secret that it minted out of the memory, the logs and the database of the hub, which serves it', async () => {
    const { release } = product
    await applyClients(product.team, { 'of-hub': machine })
    const [{ clientId, clientSecret }, ofHub] = [
      await credentialsThere('report-0'),
      await credentialsOf(product.team, 'of-hub'),
    ]
    expect(clientId).to.equal(`${cluster}_${shop}.report-0`)
    const texts = [clientSecret, Buffer.from(clientSecret).toString('base64')]
    for (const [part, container] of [
      ['operator', 'operator'],
      ['server', 'server'],
      ['server', 'config-agent'],
    ] as const)
      for (const pod of await release.pods(part)) {
        const pids = processesOf(pod, container)
        const seen = pids.flatMap((pid) => textsInMemory(pid, [...texts, clientId]))
        // an operator that does not lead holds nothing
        if (part === 'server') expect(seen, `${container} knows the client`).to.include(clientId)
        expect(
          seen.filter((text) => texts.includes(text)),
          `memory of ${pod.metadata.name} ${container}`,
        ).to.deep.equal([])
        expect(await kubectl('-n', release.namespace, 'logs', pod.metadata.name, '-c', container)).to.not.include(
          clientSecret,
        )
      }
    const kept = (needles: readonly string[]) =>
      ['var/lib/etcd', 'log'].flatMap((directory) => textsInFiles(join(clusterState, directory), needles))
    expect(kept([ofHub.clientSecret]), 'etcd has the secrets of the hub itself').to.not.deep.equal([])
    expect(kept(texts)).to.deep.equal([])
    // from now on the server has seen it
    expect(await driver.ask(clientId, clientSecret)).to.deep.equal({ status: 200 })
  })

  it('lets its own ServiceAccounts in, and not those of a cluster that has the same issuer', async () => {
    const name = 'keyless'
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } }
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        ...restrictedPod,
        serviceAccountName: name,
        nodeSelector: { 'example.com/nowhere': 'true' },
        containers: [{ ...restrictedContainer, name, image: e2eImage('driver:1') }],
      },
    }
    const objectsIn = (namespace: string) =>
      [account, pod].map((object) => ({ ...object, metadata: { name, namespace } }))
    await Promise.all([
      applyObjects([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: shop } }, ...objectsIn(shop)]),
      applyThere(...objectsIn(shop)),
      kubectl('patch', 'oidccluster', cluster, '--type=merge', '-p', '{"spec":{"serviceAccountKeys":true}}'),
      applyOne(name, { type: 'M2M', auth: { method: 'federated_jwt', identities: [{ serviceAccount: { name } }] } }),
    ])
    await whenThere(name, isReady)
    const request = ['-n', shop, 'create', 'token', name, '--audience', product.release.issuer]
    const bound = ['--bound-object-kind', 'Pod', '--bound-object-name', name]
    const answerTo = async (token: string): Promise<unknown> => {
      const target = ['-n', product.team, 'exec', driver.pod, '--', '/usr/local/bin/node', '-e', showToken]
      return JSON.parse(await kubectl(...target, `${cluster}_${shop}.${name}`, token.trim()))
    }
    const [its, others] = [await there(...request, ...bound), await kubectl(...request, ...bound)]
    const said = async () => JSON.stringify(await answerTo(its))
    await until('the keys of that cluster to be known', async () => (await said()) === '[200,null]', 60_000)
    expect(await answerTo(others)).to.deep.equal([401, 'invalid_client'])
    await kubectl('delete', 'namespace', shop, '--wait=false')
  })

  it('follows an Ingress and an HTTPRoute there, for as long as they have the host', async () => {
    const metadata = { name: 'web', namespace: shop }
    await applyThere(
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata,
        spec: {
          tls: [{ hosts: ['web.apps.example.com'], secretName: 'web-tls' }],
          defaultBackend: { service: { name: 'web', port: { number: 8080 } } },
        },
      },
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        metadata,
        spec: {
          gatewayClassName: 'any',
          listeners: [{ name: 'https', port: 8443, protocol: 'HTTPS', hostname: '*.apps.example.com' }],
        },
      },
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata,
        spec: { parentRefs: [{ name: 'web' }], hostnames: ['route.apps.example.com'] },
      },
    )
    const controller = async (resource: string, status: object) =>
      there(
        '-n',
        shop,
        'patch',
        resource,
        'web',
        '--subresource=status',
        '--type=merge',
        '-p',
        JSON.stringify({ status }),
      )
    await controller('ingress', { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } })
    const accepted = { type: 'Accepted', status: 'True', reason: 'Accepted', message: '', observedGeneration: 1 }
    await controller('httproute', {
      parents: [{ parentRef: { name: 'web' }, controllerName: 'example.com/any', conditions: [accepted] }],
    })
    const follow = (kind: string) => ({ kind, name: 'web', path: '/callback' })
    await applyOne('web', { type: 'Web', redirectURIsFrom: [follow('Ingress'), follow('HTTPRoute')] })
    const uris = ['https://route.apps.example.com:8443/callback', 'https://web.apps.example.com/callback']
    const followed = (object: Json): string[] =>
      (object?.status?.redirectURIs ?? [])
        .filter(({ goneSince }: Json) => goneSince === undefined)
        .map(({ uri }: Json) => uri as string)
    const follows = (wanted: readonly string[]) => (object: Json) =>
      isReady(object) && followed(object).toSorted().join(' ') === wanted.join(' ')
    await whenThere('web', follows(uris))
    await there('-n', shop, 'delete', 'ingress', 'web')
    await whenThere('web', follows(uris.slice(0, 1)))
  })

  it('leaves, and its clients end', async () => {
    const { clientId, clientSecret } = await credentialsThere('report-0')
    await page.run('cluster leave berlin')
    const isOut = async () => (await driver.ask(clientId, clientSecret)).status === 401
    await until('its client to be refused', isOut, 60_000)
  })

  const applyOne = async (name: string, spec: object): Promise<void> => {
    const { status, body } = await second.admin.call('PATCH', `${clientsIn(shop)}/${name}`, {
      query: { fieldManager: 'e2e', force: true },
      body: clientObject(shop, name, spec),
      contentType: 'application/apply-patch+yaml',
    })
    expect(status, JSON.stringify(body)).to.be.lessThan(300)
  }
})

/** Changes of OIDCClients that the API server of the hub has counted, and of their status. */
async function writesAtHub(): Promise<{ spec: number; status: number }> {
  const { body } = await admin().call<string>('GET', '/metrics', { accept: 'text/plain' })
  const lines = body.match(/^apiserver_request_total\{.*resource="oidcclients".*$/gm) ?? []
  const changes = lines.filter((line) => /verb="(POST|PUT|PATCH|APPLY)"/.test(line) && /code="2/.test(line))
  const sum = (subresource: string) =>
    changes
      .filter((line) => line.includes(`subresource="${subresource}"`))
      .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0)
  return { spec: sum(''), status: sum('status') }
}
