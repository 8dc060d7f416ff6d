import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import { parse } from 'yaml'
import { digestOf } from '@nauthera/proto/digest'
import { VerifierSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { decodeShardFile, renderShardFile } from '@nauthera/proto/shard-file'
import { manifestSecretName, shardFile, shardSecretName } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import type { Json } from '@nauthera/stand-in/kube-client'
import { operatorRules } from '@nauthera/stand-in/operator-rules'
import type { ApiRequest } from '@nauthera/stand-in/http/request'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { startServerPod } from '@nauthera/local/product/pod'
import type { LocalPod } from '@nauthera/local/product/pod'
import { startProcess } from '@nauthera/local/processes/process'
import { writeSettings } from '@nauthera/local/processes/program'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { freePort } from '@nauthera/local/processes/ports'
import { baseline, release, releaseNamespace } from '@nauthera/local/product/stack'
import { requestToken } from '@nauthera/local/product/token'
import { statusOf, waitForObject } from '@nauthera/local/product/wait-for'
import { watchStretch } from '@nauthera/local/processes/stretch'
import { namespace } from './support/chain-clients.ts'
import { machine, startChain } from './support/chain.ts'
import type { Chain } from './support/chain.ts'
import { checkInvariants } from './support/invariants.ts'
import { startLoad } from './support/load.ts'
import type { Load } from './support/load.ts'
import { startTcpProxy } from './support/tcp-proxy.ts'
import { tell } from './support/tell.ts'

// Faults of the operator and the Kubernetes API while three replicas serve, which must not be affected. The load edits no client here,
// since most of these rows stop edits on purpose.

describe('the operator and its API under three replicas with load', function () {
  this.timeout(60_000)
  let chain: Chain
  let load: Load
  const undo: (() => Promise<void> | void)[] = []

  before(async () => {
    chain = await startChain({ serverSettings: { signing: { algorithms: ['ES256'], idToken: 'ES256' } } })
    await Promise.all(others.map((name) => chain.applyAndWait(name, machine)))
  })
  after(() => chain?.stop())
  beforeEach(async () => {
    load = await startLoad(chain)
  })
  afterEach(async () => {
    for (const end of undo.splice(0).reverse()) await end()
    await load.stop()
    expect(load.failures(), 'I2 no sign-in and no token request fails').to.deep.equal([])
    await checkInvariants(chain, load)
  })

  const others = Array.from({ length: 24 }, (_, index) => `other-${index}`)
  let edits = 0
  const edit = async (name: string) => {
    await chain.patch(name, { spec: { description: `edit ${++edits}` } })
    await chain.ready(name)
  }
  const condition = (object: KubeObject | undefined, type: string) =>
    statusOf(object).conditions?.find((one) => one.type === type)
  const until = (name: string, holds: (object: KubeObject | undefined) => boolean, timeoutMs?: number) =>
    waitForObject(chain.stack.api, 'oidcclients', { namespace, name }, holds, timeoutMs)
  const byOperator = (request: ApiRequest) => (request as ApiRequest & { user: string }).user.startsWith('operator')
  const holder = (lease: KubeObject | undefined) => (lease as Json)?.spec?.holderIdentity as string | undefined
  const untilHolder = (holds: (identity: string | undefined) => boolean) =>
    waitForObject(
      chain.stack.api,
      'leases',
      { namespace: releaseNamespace, name: `${release}-operator` },
      (lease) => holds(holder(lease)),
      25_000,
    )
  const expectServed = async (pod: LocalPod, names: readonly string[]) => {
    for (const name of names) {
      const { status, body } = await requestToken(pod.port, chain.credentials(name))
      expect(status, `${name} at ${pod.name}: ${body}`).to.equal(200)
    }
  }
  const expectAllServed = () => Promise.all(chain.stack.pods.map((pod) => expectServed(pod, [...others, 'machine'])))

  it('F10 the API refuses, breaks connections and loses its history: no Secret is rewritten, and all is in sync when it is back', async () => {
    const { api, operator } = chain.stack
    const before = chain.secretVersions()
    const { ended } = operator
    const restarted = operator.line(/^INF starting /, { from: operator.lines.length, timeoutMs: 25_000 })
    undo.push(() => api.faults.clear())
    // ten minutes in the table; the operator gives up its Lease after ten seconds, so one such end stands for all (factor 1:50)
    api.faults.add({ when: byOperator, effect: { kind: 'refuse', code: 429, retryAfterSeconds: 1 }, times: 20 })
    api.faults.add({ when: byOperator, effect: { kind: 'reset' } })
    for (const watch of api.watches) if (watch.user.startsWith('operator')) watch.expire()
    await ended
    api.faults.clear()
    const backAt = performance.now()
    await restarted
    await edit('machine')
    const healMs = performance.now() - backAt
    const after = chain.secretVersions()
    const changed = new Set(Object.keys(after).filter((name) => after[name] !== before[name]))
    // the edit's own: its shard and the manifest
    changed.delete(shardSecretName(release, shardOf(namespace, 'machine')))
    changed.delete(manifestSecretName(release))
    expect([...changed]).to.deep.equal([])
    tell('F10', { healMs })
  })

  it('F34 one empty answer to a list removes no client', async () => {
    const { api } = chain.stack
    const before = chain.secretVersions()
    const isList = (one: ApiRequest) => byOperator(one) && one.verb === 'list' && one.resource?.plural === 'oidcclients'
    const empty = { apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCClientList', items: [] }
    const body = { ...empty, metadata: { resourceVersion: api.store.version } }
    const from = api.requests.length
    undo.push(() => api.faults.clear())
    api.faults.add({ when: isList, effect: { kind: 'answer', body }, times: 1 })
    for (const watch of api.watches) if (watch.resource.plural === 'oidcclients') watch.expire()
    await edit('machine')
    expect(api.requests.slice(from).filter(isList).length, 'lists: the empty one, and another').to.be.at.least(2)
    await expectAllServed()
    const touched = Object.entries(chain.secretVersions()).filter(([name, version]) => before[name] !== version)
    expect(touched.length, `rewritten: ${touched.map(([name]) => name).join(', ')}`).to.be.at.most(2)
  })

  it('F36 an object that cannot be parsed does not stop the work for the others', async () => {
    const { api } = chain.stack
    const poison = (name: string, spec: unknown) => {
      const metadata = { name, namespace, uid: `uid-${name}`, generation: 1 }
      api.set({ apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCClient', metadata, spec } as unknown as KubeObject)
      undo.push(() => void api.store.remove(api.resource('oidcclients'), namespace, name))
    }
    const { restarts } = chain.stack.operator
    poison('poison-null', null)
    poison('poison-list', { type: ['Web'], redirectURIs: { a: 1 }, scopes: 7 })
    poison('poison-text', 'all of it')
    const from = performance.now()
    await edit('machine')
    tell('F36', { otherReadyMs: performance.now() - from })
    await expectAllServed()
    expect(chain.stack.operator.restarts - restarts).to.equal(0)
  })

  it('F37 shards, manifest and an application Secret are deleted and damaged: every replica goes on, and each object is restored', async () => {
    const { api } = chain.stack
    const secrets = api.resource('secrets')
    const shard = shardSecretName(release, shardOf(namespace, 'other-0'))
    const old = chain.credentials('other-0')
    const from = performance.now()
    api.store.remove(secrets, releaseNamespace, shard)
    api.store.remove(secrets, releaseNamespace, manifestSecretName(release))
    api.store.remove(secrets, namespace, 'other-0-oidc')
    for (const { clients } of chain.stack.pods) clients.sync()
    for (const pod of chain.stack.pods) expect((await requestToken(pod.port, old)).status).to.equal(200)
    // the operator looks by itself after 60 s, at the application's Secret after 10 min; whoever rotates has it at once
    await chain.rotate('other-0')
    await chain.published('other-0', undefined)
    await chain.ready('other-0')
    const secretMs = performance.now() - from
    expect(api.store.find(secrets, releaseNamespace, shard)).to.not.equal(undefined)
    await waitForObject(api, 'secrets', { namespace: releaseNamespace, name: manifestSecretName(release) }, Boolean)
    tell('F37', { restoredMs: performance.now() - from, secretMs })
    await expectAllServed()
  })

  it('K20 a verifier that somebody else wrote into a shard counts on no replica, and the next write takes it away', async () => {
    const { api, pods } = chain.stack
    const secrets = api.resource('secrets')
    const shard = shardOf(namespace, 'other-1')
    const name = shardSecretName(release, shard)
    const object = api.store.get(secrets, releaseNamespace, name)
    const data = object['data'] as Record<string, string>
    const { shard: content } = decodeShardFile(Buffer.from(data[shardFile(shard)]!, 'base64'))
    const forged = { ...chain.credentials('other-1'), clientSecret: 'of somebody else' }
    const sha256 = digestOf(forged.clientSecret)
    const entry = content.entries.find((one) => one.name === 'other-1')!
    entry.verifiers.push(create(VerifierSchema, { id: sha256.slice(0, 8), sha256 }))
    content.seq += 5n
    const file = Buffer.from(renderShardFile(content).file).toString('base64')
    const refused = pods.map(({ agent }) => agent.line(/SHARD_UNSIGNED/, { from: agent.lines.length }))
    api.set({ ...object, data: { ...data, [shardFile(shard)]: file } })
    for (const { clients } of pods) clients.sync()
    await Promise.all(refused)
    for (const { port } of pods) expect((await requestToken(port, forged)).status).to.equal(401)
    await edit('other-1')
    for (const { port } of pods) expect((await requestToken(port, forged)).status).to.equal(401)
    await expectAllServed()
  })

  it('a replica that starts while a client is rejected serves what the others serve; F39 its status port is cut off', async () => {
    await chain.applyAndWait('signer', { ...machine, displayName: 'accepted' })
    await chain.patch('signer', { spec: { signing: { idToken: 'EdDSA' } } })
    await until('signer', (object) => condition(object, 'Propagated')?.reason === 'RejectedByServer')

    const { pod, proxy } = await startBehindProxy()
    await pod.whenReady()
    await expectServed(pod, [...others, 'machine', 'signer'])
    await chain.patch('signer', { spec: { signing: null } })
    await chain.ready('signer')

    proxy.cut()
    const cutAt = performance.now()
    const before = chain.secretId('machine')
    await chain.rotate('machine')
    const unreachable = (object: KubeObject | undefined) =>
      condition(object, 'Propagated')?.reason === 'StatusUnreachable'
    await until('machine', unreachable, 25_000)
    const noticedMs = performance.now() - cutAt
    expect(chain.secretId('machine'), 'published while a replica was silent').to.equal(before)
    proxy.restore()
    const restoredAt = performance.now()
    await chain.published('machine', before, 35_000)
    tell('F39', { noticedMs, publishedMs: performance.now() - restoredAt })
    await expectServed(pod, ['machine'])
  })
  /** A fourth replica whose status port the operator reaches only through a proxy. */
  const startBehindProxy = async () => {
    const { api } = chain.stack
    const directory = join(chain.directory, 'pods/behind-proxy')
    let proxy: Awaited<ReturnType<typeof startTcpProxy>> | undefined
    const held: KubeObject[] = []
    const put = (object: KubeObject) => {
      const port = (object as Json).spec.initContainers[0].ports[0]
      if (proxy === undefined) {
        held.push(object)
        return object
      }
      port.containerPort = proxy.port
      return api.set(object)
    }
    const pod = await startServerPod({
      api: Object.create(api, { set: { value: put } }) as typeof api,
      release,
      namespace: releaseNamespace,
      name: 'server-proxied',
      directory,
      server: parse(readFileSync(chain.stack.serverSettings, 'utf8')) as object,
      onLine: (process, line) => chain.note(`${process} proxied: ${line}`),
    })
    undo.push(() => pod.stop())
    const first = held[0] as Json
    proxy = await startTcpProxy(first.spec.initContainers[0].ports[0].containerPort as number)
    put(first as KubeObject)
    undo.push(() => proxy.stop())
    return { pod, proxy }
  }

  it('F12 a leader that is stopped is replaced, and writes nothing when it continues', async () => {
    const { api, operator } = chain.stack
    const second = await startSecondOperator()
    await second.line(/^INF starting /)
    const before = chain.secretId('other-2')
    await chain.rotate('other-2')
    operator.kill('SIGSTOP')
    const stoppedAt = performance.now()
    const stretch = watchStretch(process.pid)
    undo.push(() => operator.kill('SIGCONT'))
    await untilHolder((identity) => identity === 'operator-1')
    const takenOverMs = performance.now() - stoppedAt
    expect(takenOverMs).to.be.below(20_000 * stretch())
    await edit('other-2')
    if (chain.secretId('other-2') === before) await chain.published('other-2', before)
    const held = chain.secretId('other-2')
    const from = api.requests.length
    const { ended } = operator
    operator.kill('SIGCONT')
    await ended
    const written = api.requests
      .slice(from)
      .filter((one) => one.user === 'operator' && ['patch', 'create', 'update', 'delete'].includes(one.verb))
      .filter((one) => one.resource?.plural === 'secrets' && (one.code ?? 0) < 300)
    expect(written.map(({ verb, name }) => `${verb} ${name}`)).to.deep.equal([])
    expect(chain.secretId('other-2')).to.equal(held)
    await expectAllServed()
    tell('F12', { takenOverMs })
  })
  const startSecondOperator = async (): Promise<RunningProcess> => {
    const settings = writeSettings(join(chain.directory, 'operator-1.yaml'), {
      issuer: chain.stack.issuer,
      release,
      namespace: releaseNamespace,
      identity: 'operator-1',
      nudge: true,
      management: { host: '127.0.0.1', port: await freePort() },
      log: { format: 'pretty', level: 'info' },
      policy: baseline,
    })
    const rules = operatorRules({ mode: 'cluster', release, namespace: releaseNamespace, nudge: true })
    const kubeconfig = join(chain.directory, 'operator-1.kubeconfig')
    writeFileSync(kubeconfig, chain.stack.api.addUser('operator-1', rules), { mode: 0o600 })
    const second = startProcess({
      name: 'operator-1',
      script: 'operator/src/main.ts',
      args: ['--settings', settings],
      env: { KUBECONFIG: kubeconfig },
      onLine: (line) => chain.note(`operator-1: ${line}`),
    })
    undo.push(() => second.stop())
    return second
  }

  // the last one: after a refusal the operator tries no nudge for ten minutes
  it('F40 without the right to nudge the operator warns once, and changes arrive at the pace of the kubelet', async () => {
    const { api, operator, pods } = chain.stack
    await untilHolder((identity) => identity === 'operator-0')
    await edit('machine')
    const warnings = () => operator.lines.filter((line) => line.startsWith('WRN nudge forbidden')).length
    const before = warnings()
    const isNudge = (one: ApiRequest) => one.verb === 'patch' && one.resource?.plural === 'pods'
    const tries = () => api.requests.filter(isNudge).length
    const triesBefore = tries()
    undo.push(() => api.faults.clear())
    api.faults.add({ when: isNudge, effect: { kind: 'refuse', code: 403 } })
    // what the kubelet does by itself within 90 s of the last write, which is that of the manifest
    const stopSyncing = api.store.onChange(({ object }) => {
      if (object.metadata.name !== manifestSecretName(release)) return
      for (const { clients } of pods) queueMicrotask(() => clients.sync())
    })
    undo.push(stopSyncing)
    for (let turn = 0; turn < 3; turn++) {
      await chain.patch('machine', { spec: { description: `slow ${turn}` } })
      await chain.ready('machine')
    }
    expect(warnings() - before).to.equal(1)
    expect(tries() - triesBefore, 'no loop of tries').to.be.at.most(3 * pods.length * 2)
  })
})
