import { expect } from 'chai'
import { parseCredentials, requestToken } from '@nauthera/local/product/token'
import { isReady, waitForObject } from '@nauthera/local/product/wait-for'
import { machine, startChain } from '../faults/support/chain.ts'
import type { Chain } from '../faults/support/chain.ts'
import { startChainSpoke } from '../faults/support/chain-spoke.ts'
import type { ChainSpoke } from '../faults/support/chain-spoke.ts'
import { tell } from '../faults/support/tell.ts'

// Another cluster whose clients three real replicas serve: each of its secrets is changed while programs use all of them. A second
// rotation of one client would wait for its overlap, a minute at least.

const apps = 'apps'
const rotations = 30
/** Between two requests to each replica: a program asks on time, whatever the machine does. */
const everyMs = 50
const names = Array.from({ length: rotations }, (_, index) => `app-${index}`)

describe('the secrets of a spoke, under load', function () {
  this.timeout(900_000)
  let chain: Chain
  let spoke: ChainSpoke

  before(async () => {
    chain = await startChain()
    spoke = await startChainSpoke(chain, { cluster: 'edge', apps })
  })
  after(async () => {
    await spoke?.stop()
    await chain?.stop()
  })

  const apply = async (name: string, spec: object) => {
    const path = `/apis/auth.nauthera.io/v1alpha1/namespaces/${apps}/oidcclients/${name}`
    const { status } = await spoke.kube.call('PATCH', path, {
      query: { fieldManager: 'test', force: true },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCClient', metadata: { name }, spec },
    })
    expect(status).to.be.below(300)
  }
  const credentials = (name: string) => {
    const secret = spoke.api.store.find(spoke.api.resource('secrets'), apps, `${name}-oidc`)
    return parseCredentials(secret?.['data'] as Record<string, string> | undefined)
  }

  it('are rotated thirty times, and no program is refused at any replica', async () => {
    for (const name of names) await apply(name, machine)
    for (const name of names) await waitForObject(spoke.api, 'oidcclients', { namespace: apps, name }, isReady, 120_000)
    let [requests, turn, changing] = [0, 0, names[0]!]
    const asked: Promise<void>[] = []
    const refused: string[] = []
    const ask = async (name: string, port: number) => {
      requests++
      const { status } = await requestToken(port, credentials(name))
      if (status !== 200) refused.push(`${name}: ${status}`)
    }
    const programs = setInterval(() => {
      // the one whose secret changes, and in turn all others
      const next = [changing, names[turn++ % names.length]!]
      for (const { port } of chain.stack.pods) for (const name of next) asked.push(ask(name, port))
    }, everyMs)
    const begunAt = performance.now()
    for (const name of names) {
      changing = name
      const before = credentials(name).clientSecret
      await apply(name, { ...machine, rotation: { trigger: '1', overlap: '1m', retire: 'AfterOverlap' } })
      const isPublished = () => credentials(name).clientSecret !== before
      await waitForObject(spoke.api, 'secrets', { namespace: apps, name: `${name}-oidc` }, isPublished, 120_000)
    }
    clearInterval(programs)
    await Promise.all(asked)
    const seconds = (performance.now() - begunAt) / 1000
    tell('rotations of a spoke', { rotations, requests, refused: refused.length, seconds })
    expect(refused).to.deep.equal([])
    expect(requests).to.be.greaterThan(10 * rotations)
  })
})
