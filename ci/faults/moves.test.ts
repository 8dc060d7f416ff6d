import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { digestOf } from '@nauthera/proto/digest'
import { joinedCluster } from '@nauthera/harness/operator/joined-cluster'
import { requestToken } from '@nauthera/local/product/token'
import { isReady, waitForObject } from '@nauthera/local/product/wait-for'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { namespace } from './support/chain-clients.ts'
import { machine, startChain } from './support/chain.ts'
import type { Chain } from './support/chain.ts'
import { tell } from './support/tell.ts'

// A client of a joined cluster that moves into the cluster of the issuer, while its program works.

const edge = namespaceOfCluster('edge')
const clientId = `edge_${namespace}.report`
const mirrorName = `${namespace}.report`

describe('a client that moves, at three replicas', function () {
  this.timeout(120_000)
  let chain: Chain

  before(async () => {
    chain = await startChain()
  })
  after(() => chain?.stop())

  const put = (object: object) => chain.stack.api.set(object as KubeObject)
  const cluster = (spec: object, generation: number) => put(joinedCluster('edge', spec, generation))
  const ask = (clientSecret: string) =>
    Promise.all(
      chain.stack.pods.map(async ({ port }) => {
        const credentials = { clientId, clientSecret, tokenEndpoint: `${chain.stack.issuer}/token` }
        return (await requestToken(port, credentials)).status
      }),
    )
  const until = (where: string, name: string, holds: (object: KubeObject | undefined) => boolean) =>
    waitForObject(chain.stack.api, 'oidcclients', { namespace: where, name }, holds, 30_000)
  const says = (type: string, status: string) => (object: KubeObject | undefined) =>
    (
      (object?.['status'] ?? {}) as { conditions?: { type: string; status: string; reason: string }[] }
    ).conditions?.some((one) => one.type === type && one.status === status) === true

  it('gets tokens all the time: with the secret of before, and then with the new one as well', async () => {
    const { kube } = chain
    const path = (where: string) => `/apis/auth.nauthera.io/v1alpha1/namespaces/${where}/oidcclients`
    const old = randomBytes(32).toString('base64url')
    put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: edge } })
    cluster({}, 1)
    const origin = { namespace, name: 'report', uid: '0f6c2a58-6d0e-4f4e-9a3b-2f1f7f1f0c11' }
    const mirror = { ...machine, origin, secret: { verifiers: [{ sha256: digestOf(old) }] } }
    const head = { apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCClient' }
    await kube.call('POST', path(edge), { body: { ...head, metadata: { name: mirrorName }, spec: mirror } })
    await until(edge, mirrorName, isReady)

    let [isOver, requests] = [false, 0]
    const refused: number[] = []
    const program = async () => {
      while (!isOver) {
        const answers = await ask(old)
        requests += answers.length
        refused.push(...answers.filter((status) => status !== 200))
      }
    }
    const working = program()
    await chain.apply('report', { ...machine, clientId })
    await until(namespace, 'report', says('Accepted', 'False'))
    const { uid } = chain.stack.api.store.find(chain.stack.api.resource('oidcclients'), namespace, 'report')!.metadata
    const moved = [{ clientId, from: { namespace: edge, name: mirrorName }, to: { namespace, name: 'report', uid } }]
    cluster({ moved }, 2)
    // every replica has it, and keeps it waiting for the name
    await until(namespace, 'report', says('Propagated', 'False'))
    const begunAt = performance.now()
    await kube.call('DELETE', `${path(edge)}/${mirrorName}`)
    await until(namespace, 'report', isReady)
    const readyMs = performance.now() - begunAt
    expect(await ask(chain.credentials('report').clientSecret)).to.deep.equal([200, 200, 200])
    isOver = true
    await working
    expect(refused).to.deep.equal([])
    tell('a client moves', { requests, readyMs })
  })
})
