import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { startProcess } from '@nauthera/local/processes/process'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { freePort } from '@nauthera/local/processes/ports'
import { fetchVerifiedToken, parseCredentials, requestToken } from '@nauthera/local/product/token'
import { isReady, waitForObject } from '@nauthera/local/product/wait-for'
import { hubObjects } from '@nauthera/operator/kubectl/clusters/hub-objects'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import type { RbacRule } from '@nauthera/stand-in/http/rbac'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import type { KubeClient } from '@nauthera/stand-in/kube-client'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { operatorRules } from '@nauthera/stand-in/operator-rules'
import { machine, startChain } from './support/chain.ts'
import type { Chain } from './support/chain.ts'
import { tell } from './support/tell.ts'

// Another cluster, with an operator and nothing else, whose clients three real replicas serve.

const cluster = 'edge'
const hubNamespace = namespaceOfCluster(cluster)
const release = { name: 'nauthera', namespace: 'auth' }
const apps = 'apps'
/** A second one would wait a minute, for the end of the overlap; spoke-load.nightly.test.ts has thirty. */
const rotations = 1
const clients = `/apis/auth.nauthera.io/v1alpha1/namespaces/${apps}/oidcclients`

describe('a spoke of three replicas', function () {
  this.timeout(120_000)
  let chain: Chain
  let spoke: KubeApi
  let kube: KubeClient
  let operator: RunningProcess
  const directory = mkdtempSync(join(tmpdir(), 'spoke-'))
  const lines: string[] = []

  before(async () => {
    chain = await startChain()
    spoke = await startKubeApi({ namespaces: [release.namespace, apps, 'kube-system'] })
    kube = createKubeClient(spoke.adminConfig)
    const kubeconfig = Buffer.from(joinHub(chain.stack.api)).toString('base64')
    const metadata = { name: 'nauthera-hub', namespace: release.namespace }
    spoke.set({ apiVersion: 'v1', kind: 'Secret', metadata, data: { kubeconfig } } as KubeObject)
    operator = startProcess({
      name: 'spoke',
      script: 'operator/src/main.ts',
      args: ['--settings', await writeFiles()],
      env: { KUBECONFIG: join(directory, 'kubeconfig') },
      onLine: (line) => void lines.push(line),
    })
  })
  after(async () => {
    await operator?.stop()
    await spoke?.stop()
    await chain?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  const writeFiles = async (): Promise<string> => {
    const about = { mode: 'cluster', release: release.name, namespace: release.namespace, nudge: false } as const
    const rules = operatorRules({ ...about, hubSecret: 'nauthera-hub' })
    writeFileSync(join(directory, 'kubeconfig'), spoke.addUser('operator', rules))
    const settings = join(directory, 'operator.yaml')
    writeFileSync(
      settings,
      JSON.stringify({
        issuer: chain.stack.issuer,
        release: release.name,
        namespace: release.namespace,
        mode: 'spoke',
        spoke: { cluster, kubeconfigSecret: 'nauthera-hub' },
        identity: 'operator-0',
        management: { host: '127.0.0.1', port: await freePort() },
      }),
    )
    return settings
  }
  const apply = async (spec: object) => {
    const { status } = await kube.call('PATCH', `${clients}/report`, {
      query: { fieldManager: 'test', force: true },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCClient', metadata: { name: 'report' }, spec },
    })
    expect(status).to.be.below(300)
  }
  const until = (holds: (object: KubeObject | undefined) => boolean) =>
    waitForObject(spoke, 'oidcclients', { namespace: apps, name: 'report' }, holds, 30_000)
  const credentials = () => {
    const secret = spoke.store.find(spoke.resource('secrets'), apps, 'report-oidc')
    return parseCredentials(secret?.['data'] as Record<string, string>)
  }

  it('gets a token at every replica with the Secret that lies in it, through rotations, and tells the hub no secret', async () => {
    const begunAt = performance.now()
    await apply(machine)
    await until((object) => isReady(object))
    const tookMs = Math.round(performance.now() - begunAt)
    for (const { port } of chain.stack.pods) {
      const token = await fetchVerifiedToken({ port, issuer: chain.stack.issuer, credentials: credentials() })
      expect(token.sub).to.equal(`${cluster}_${apps}.report`)
    }
    let [isOver, requests] = [false, 0]
    const refused: number[] = []
    const program = async () => {
      while (!isOver) {
        const present = credentials()
        const answers = await Promise.all(chain.stack.pods.map(({ port }) => requestToken(port, present)))
        requests += answers.length
        for (const { status } of answers) if (status !== 200) refused.push(status)
      }
    }
    const running = program()
    const secrets = [credentials().clientSecret]
    for (let round = 1; round <= rotations; round++) {
      const before = credentials().clientSecret
      await apply({ ...machine, rotation: { trigger: String(round), overlap: '1m', retire: 'AfterOverlap' } })
      await until(() => credentials().clientSecret !== before)
      secrets.push(credentials().clientSecret)
    }
    isOver = true
    await running
    expect(refused).to.deep.equal([])
    expect(new Set(secrets).size).to.equal(rotations + 1)
    const hub = JSON.stringify([chain.lines, chain.stack.api.store.dump(), lines])
    for (const secret of secrets) expect(hub.includes(secret)).to.equal(false)
    tell('a client of a spoke', { readyMs: tookMs, requests, rotations })
  })
})

/** @returns the kubeconfig of the spoke */
function joinHub(api: KubeApi): string {
  const made = ['OIDCCluster', 'Namespace', 'ConfigMap', 'Lease']
  const objects = hubObjects(cluster)
  for (const object of objects.filter(({ kind }) => made.includes(kind))) api.set(object as KubeObject)
  const role = objects.find(({ kind }) => kind === 'Role')?.['rules'] as readonly RbacRule[]
  return api.addUser(
    cluster,
    role.map((rule) => ({ ...rule, namespace: hubNamespace })),
  )
}
