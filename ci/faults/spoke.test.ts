import { expect } from 'chai'
import { fetchVerifiedToken, parseCredentials, requestToken } from '@nauthera/local/product/token'
import { isReady, waitForObject } from '@nauthera/local/product/wait-for'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { machine, startChain } from './support/chain.ts'
import type { Chain } from './support/chain.ts'
import { startChainSpoke } from './support/chain-spoke.ts'
import type { ChainSpoke } from './support/chain-spoke.ts'
import { tell } from './support/tell.ts'

// Another cluster, with an operator and nothing else, whose clients three real replicas serve.

const cluster = 'edge'
const apps = 'apps'
/** A second one would wait a minute, for the end of the overlap; spoke-load.nightly.test.ts has thirty. */
const rotations = 1
const clients = `/apis/auth.nauthera.io/v1alpha1/namespaces/${apps}/oidcclients`

describe('a spoke of three replicas', function () {
  this.timeout(120_000)
  let chain: Chain
  let spoke: ChainSpoke

  before(async () => {
    chain = await startChain()
    spoke = await startChainSpoke(chain, { cluster, apps })
  })
  after(async () => {
    await spoke?.stop()
    await chain?.stop()
  })

  const apply = async (spec: object) => {
    const { status } = await spoke.kube.call('PATCH', `${clients}/report`, {
      query: { fieldManager: 'test', force: true },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCClient', metadata: { name: 'report' }, spec },
    })
    expect(status).to.be.below(300)
  }
  const until = (holds: (object: KubeObject | undefined) => boolean) =>
    waitForObject(spoke.api, 'oidcclients', { namespace: apps, name: 'report' }, holds, 30_000)
  const credentials = () => {
    const secret = spoke.api.store.find(spoke.api.resource('secrets'), apps, 'report-oidc')
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
    const hub = JSON.stringify([chain.lines, chain.stack.api.store.dump(), spoke.lines])
    for (const secret of secrets) expect(hub.includes(secret)).to.equal(false)
    tell('a client of a spoke', { readyMs: tookMs, requests, rotations })
  })
})
