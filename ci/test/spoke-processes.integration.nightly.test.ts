import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { fetchManagement } from '@nauthera/local/product/management'
import { releaseNamespace } from '@nauthera/local/product/stack'
import { parseCredentials, requestToken } from '@nauthera/local/product/token'
import { isReady, waitForObject } from '@nauthera/local/product/wait-for'
import { digestOf, shortDigest } from '@nauthera/proto/digest'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import { holdBackup } from '@nauthera/stand-in/backup'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { machine, startChain } from '../faults/support/chain.ts'
import type { Chain } from '../faults/support/chain.ts'
import { startChainSpoke, tokenSeconds } from '../faults/support/chain-spoke.ts'
import type { ChainSpoke } from '../faults/support/chain-spoke.ts'
import { namespace } from '../faults/support/chain-clients.ts'
import { startTcpProxy } from '../faults/support/tcp-proxy.ts'
import type { TcpProxy } from '../faults/support/tcp-proxy.ts'
import { tell } from '../faults/support/tell.ts'

// The operator of a spoke as a process, whose clients three replicas serve: what breaks between it and its hub refuses no program.

const cluster = 'edge'
const apps = 'apps'
const clients = `/apis/auth.nauthera.io/v1alpha1/namespaces/${apps}/oidcclients`

/** What the hub says of them. */
const verifiersOf = (mirror: KubeObject | undefined) =>
  (mirror?.['status'] as { verifiers?: { id: string; acceptedByAll: boolean }[] } | undefined)?.verifiers?.map(
    ({ id, acceptedByAll }) => ({ id, acceptedByAll }),
  )
const rotating = (trigger: string, more: object = {}) => ({
  ...machine,
  rotation: { trigger, overlap: '10m', retire: 'AfterOverlap', ...more },
})
/** A program has more to do than to ask: one that does nothing else takes the cores that the rotation needs. Milliseconds. */
const betweenAsksMs = 20

describe('a spoke as a process, when something breaks', function () {
  this.timeout(300_000)
  let chain: Chain
  let spoke: ChainSpoke
  let proxy: TcpProxy

  before(async () => {
    chain = await startChain()
    const { port } = chain.stack.api
    proxy = await startTcpProxy(port)
    const through = (kubeconfig: string) => kubeconfig.replace(`:${port}`, `:${proxy.port}`)
    spoke = await startChainSpoke(chain, { cluster, apps, through })
  })
  after(async () => {
    await spoke?.stop()
    await proxy?.stop()
    await chain?.stop()
  })

  const apply = async (name: string, spec: object) => {
    const { status } = await spoke.kube.call('PATCH', `${clients}/${name}`, {
      query: { fieldManager: 'test', force: true },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCClient', metadata: { name }, spec },
    })
    expect(status).to.be.below(300)
  }
  const until = (name: string, holds: (object: KubeObject | undefined) => boolean) =>
    waitForObject(spoke.api, 'oidcclients', { namespace: apps, name }, holds, 120_000)
  const untilSecret = (name: string, holds: () => boolean) =>
    waitForObject(spoke.api, 'secrets', { namespace: apps, name: `${name}-oidc` }, holds, 120_000)
  const secretOf = (name: string) => spoke.api.store.find(spoke.api.resource('secrets'), apps, `${name}-oidc`)
  const credentials = (name: string) => parseCredentials(secretOf(name)?.['data'] as Record<string, string> | undefined)
  const secret = (name: string) => credentials(name).clientSecret
  const mirrorOf = (name: string) => ({ namespace: namespaceOfCluster(cluster), name: `${apps}.${name}` })
  const mirror = (name: string) => {
    const { api } = chain.stack
    return api.store.find(api.resource('oidcclients'), namespaceOfCluster(cluster), mirrorOf(name).name)
  }
  const listed = (name: string) =>
    (mirror(name) as { spec: { secret: { verifiers: { sha256: string; notAfter?: string }[] } } } | undefined)?.spec
      .secret.verifiers ?? []
  /** The hub knows the secret that the Secret here holds. */
  const isListed = (name: string) => listed(name).some(({ sha256 }) => sha256 === digestOf(secret(name)))
  const hubSays = (reason: string) => (object: KubeObject | undefined) =>
    JSON.stringify(object?.['status'] ?? {}).includes(`"reason":"${reason}"`)
  const isRevoked = (object: KubeObject | undefined) => {
    const status = JSON.stringify(object?.['status'])
    return status.includes('"observedRevoke":"leak"') && !status.includes('"previous"')
  }
  const begin = async (name: string): Promise<string> => {
    await apply(name, machine)
    await until(name, isReady)
    return secret(name)
  }
  const statusesWith = (given: ReturnType<typeof credentials>) =>
    Promise.all(chain.stack.pods.map(async ({ port }) => (await requestToken(port, given)).status))
  const statusesOf = (name: string, clientSecret = secret(name)) => statusesWith({ ...credentials(name), clientSecret })

  /** A program that asks every replica with what its Secret holds, all the time. @returns ends it, and says who had another answer */
  const startProgram = (name: string, ask = () => statusesOf(name), answer = 200): (() => Promise<void>) => {
    let [isOver, requests] = [false, 0]
    const other: number[] = []
    const work = async () => {
      while (!isOver) {
        const answers = await ask()
        requests += answers.length
        other.push(...answers.filter((status) => status !== answer))
        await setTimeout(betweenAsksMs)
      }
    }
    const working = work()
    return async () => {
      isOver = true
      await working
      tell(`the program of ${name}`, { requests, [`not ${answer}`]: other.length })
      expect(other).to.deep.equal([])
      expect(requests).to.be.greaterThan(0)
    }
  }

  const untilAnswer = async (given: ReturnType<typeof credentials>, wanted: number) => {
    while ((await statusesWith(given)).some((status) => status !== wanted)) await setTimeout(betweenAsksMs)
  }

  it('tells when its token for the hub ends, as an alert reads it', async () => {
    await begin('told')
    const { status, body } = await fetchManagement(spoke.managementPort, '/metrics')
    expect(status).to.equal(200)
    const told = /^nauthera_certificate_expiry_timestamp_seconds\{[^}]*certificate="hub"[^}]*\} (\S+)$/m.exec(body)?.[1]
    expect(Number(told)).to.be.closeTo(Date.now() / 1000 + tokenSeconds, 300)
  })

  it('F57 loses its hub before the new secret is minted: nothing is published until it is back', async () => {
    const old = await begin('early')
    const end = startProgram('early')
    proxy.cut()
    await apply('early', rotating('1'))
    await until('early', hubSays('HubUnreachable'))
    expect(secret('early')).to.equal(old)
    proxy.restore()
    await untilSecret('early', () => secret('early') !== old)
    await until('early', (object) => isReady(object) && hubSays('HubReachable')(object))
    await end()
  })

  it('F57 loses its hub when the new secret is published: both are taken, and the hub learns the end later', async () => {
    const old = await begin('late')
    const end = startProgram('late')
    const stop = spoke.api.store.onChange(() => {
      if (secretOf('late') && secret('late') !== old) proxy.cut()
    })
    await apply('late', rotating('1'))
    await untilSecret('late', () => secret('late') !== old)
    stop()
    await until('late', hubSays('HubUnreachable'))
    expect(await statusesOf('late', old)).to.deep.equal([200, 200, 200])
    proxy.restore()
    await until('late', (object) => isReady(object) && hubSays('HubReachable')(object))
    await end()
  })

  it('F63 is copied with its values: the copy is told so, and changes nothing', async () => {
    await begin('copied')
    const end = startProgram('copied')
    const { spec } = mirror('copied')! as KubeObject & { spec: unknown }
    const copy = await startChainSpoke(chain, { cluster, apps, copies: spoke })
    try {
      await copy.operator.line(/ClusterTaken/, { timeoutMs: 120_000 })
      expect(mirror('copied')?.['spec']).to.deep.equal(spec)
    } finally {
      await copy.stop()
    }
    await end()
  })

  it('F64 has its token revoked: all serves on, and the rotation goes on with a new one, without a restart', async () => {
    const old = await begin('revoked')
    const end = startProgram('revoked')
    spoke.revokeToken()
    await until('revoked', hubSays('CredentialRefused'))
    await apply('revoked', rotating('1'))
    expect(secret('revoked')).to.equal(old)
    spoke.joinAgain()
    await untilSecret('revoked', () => secret('revoked') !== old)
    await until('revoked', (object) => isReady(object) && hubSays('HubReachable')(object))
    await end()
  })

  it('F61 has its Secret of yesterday back: what has ended stays ended, and another one is minted', async () => {
    const yesterday = await begin('restored')
    const kept = secretOf('restored')!
    await apply('restored', rotating('1', { revokePrevious: 'leak' }))
    await untilSecret('restored', () => secret('restored') !== yesterday)
    const today = secret('restored')
    await until('restored', isRevoked)
    expect(await statusesOf('restored', yesterday)).to.deep.equal([401, 401, 401])
    const { resourceVersion: _old, ...metadata } = kept.metadata
    spoke.api.set({ ...kept, metadata })
    await untilSecret('restored', () => secret('restored') !== yesterday)
    expect(await statusesOf('restored')).to.deep.equal([200, 200, 200])
    expect(await statusesOf('restored', yesterday)).to.deep.equal([401, 401, 401])
    expect(secret('restored')).not.to.equal(today)
  })

  it('F62 has its hub set back to yesterday: no program is refused, and what ended since stays ended', async () => {
    const { api, operator, pods } = chain.stack
    const yesterday = await begin('behind')
    const ended = { ...credentials('behind') }
    const setBack = holdBackup(api, [releaseNamespace, namespace, namespaceOfCluster(cluster)])
    await apply('behind', rotating('1', { revokePrevious: 'leak' }))
    await untilSecret('behind', () => secret('behind') !== yesterday)
    await until('behind', isRevoked)
    await begin('later')
    const ends = [startProgram('behind'), startProgram('later'), startProgram('behind', () => statusesWith(ended), 401)]
    const begunAt = performance.now()
    proxy.cut()
    operator.kill('SIGSTOP')
    setBack()
    operator.kill('SIGKILL')
    expect([isListed('behind'), mirror('later')]).to.deep.equal([false, undefined])
    await until('behind', hubSays('HubUnreachable'))
    proxy.restore()
    await waitForObject(
      api,
      'oidcclients',
      mirrorOf('behind'),
      () => isListed('behind') && mirror('later') !== undefined,
      120_000,
    )
    const [digest, other] = [digestOf(secret('behind')), digestOf(secret('later'))].map(shortDigest)
    const accepts = (name: string, id: string | undefined) =>
      waitForObject(
        api,
        'oidcclients',
        mirrorOf(name),
        (object) => JSON.stringify(verifiersOf(object)) === JSON.stringify([{ id, acceptedByAll: true }]),
        120_000,
      )
    await accepts('behind', digest)
    await accepts('later', other)
    await until('behind', (object) => isReady(object) && hubSays('HubReachable')(object))
    tell('a hub of yesterday', { replicas: pods.length, wholeAgainMs: Math.round(performance.now() - begunAt) })
    for (const end of ends) await end()
  })

  it('moves a client to another spoke: its program goes on with the Secret of before, and the new one is taken', async () => {
    await begin('moving')
    const before = credentials('moving')
    const end = startProgram('moving', () => statusesWith(before))
    const far = await startChainSpoke(chain, { cluster: 'far', apps })
    try {
      const { clientId } = before
      await far.kube.call('POST', clients, {
        body: {
          apiVersion: 'auth.nauthera.io/v1alpha1',
          kind: 'OIDCClient',
          metadata: { name: 'moving' },
          spec: { ...machine, clientId },
        },
      })
      const [from, to] = [cluster, 'far'].map((one) => ({ namespace: namespaceOfCluster(one), name: `${apps}.moving` }))
      const waiting = await waitForObject(chain.stack.api, 'oidcclients', to!, hubSays('InvalidSpec'), 120_000)
      const { uid } = (waiting!['spec'] as { origin: { uid: string } }).origin
      const isAccepted = (object: KubeObject | undefined) =>
        (object?.['status'] as { conditions: { type: string; status: string }[] } | undefined)?.conditions.some(
          ({ type, status }) => type === 'Accepted' && status === 'True',
        ) === true
      await chain.kube.call('PATCH', '/apis/auth.nauthera.io/v1alpha1/oidcclusters/far', {
        contentType: 'application/merge-patch+json',
        body: { spec: { moved: [{ clientId, from, to: { ...to, uid } }] } },
      })
      await waitForObject(chain.stack.api, 'oidcclients', to!, isAccepted, 120_000)
      const begunAt = performance.now()
      await spoke.kube.call('DELETE', `${clients}/moving`)
      await waitForObject(far.api, 'oidcclients', { namespace: apps, name: 'moving' }, isReady, 120_000)
      tell('a client of a spoke moves to another', { readyMs: Math.round(performance.now() - begunAt) })
      const made = far.api.store.find(far.api.resource('secrets'), apps, 'moving-oidc')
      const after = parseCredentials(made?.['data'] as Record<string, string> | undefined)
      expect(after).to.include({ clientId }).and.not.to.include({ clientSecret: before.clientSecret })
      expect(await statusesWith(after)).to.deep.equal([200, 200, 200])
    } finally {
      await far.stop()
    }
    await end()
  })

  it('F59 has a mirror edited and deleted by hand: it is put back, and the same Secret gets a token everywhere', async () => {
    const held = await begin('touched')
    const { spec } = mirror('touched')! as KubeObject & { spec: object }
    const { api } = chain.stack
    const isAsBefore = () => JSON.stringify(mirror('touched')?.['spec']) === JSON.stringify(spec)
    const untilPutBack = () => waitForObject(api, 'oidcclients', mirrorOf('touched'), isAsBefore, 120_000)
    const end = startProgram('touched')
    const { namespace: where, name } = mirrorOf('touched')
    const path = `/apis/auth.nauthera.io/v1alpha1/namespaces/${where}/oidcclients/${name}`
    const edited = await chain.kube.call('PATCH', path, {
      contentType: 'application/merge-patch+json',
      body: { spec: { displayName: 'Another' } },
    })
    expect(edited.status).to.equal(200)
    await untilPutBack()
    await end()
    const { uid } = mirror('touched')!.metadata
    expect((await chain.kube.call('DELETE', path)).status).to.equal(200)
    await untilPutBack()
    expect(mirror('touched')?.metadata.uid).not.to.equal(uid)
    await until('touched', isReady)
    expect([secret('touched'), await statusesOf('touched')]).to.deep.equal([held, [200, 200, 200]])
  })

  it('F60 loses its hub before a client is deleted: its program works until the hub is back, and then no more', async () => {
    await begin('deleted')
    const given = { ...credentials('deleted') }
    const end = startProgram('deleted', () => statusesWith(given))
    proxy.cut()
    await until('deleted', hubSays('HubUnreachable'))
    await spoke.kube.call('DELETE', `${clients}/deleted`)
    await until('deleted', (object) => object === undefined)
    await end()
    expect(mirror('deleted')).not.to.equal(undefined)
    proxy.restore()
    await untilAnswer(given, 401)
    expect(mirror('deleted')).to.equal(undefined)
  })

  // last: an operator that stood still for so long has lost its Lease, and ends itself
  it('F58 is away in the middle of a rotation: the new secret is taken all the time, and the hub ends the one before', async () => {
    await begin('away')
    const ended = { ...credentials('away') }
    await apply('away', rotating('1', { overlap: '1m' }))
    // the secret before gets its end with the write that follows the publication of the new one
    const hasEnd = () =>
      listed('away').some(({ sha256, notAfter }) => sha256 === digestOf(ended.clientSecret) && notAfter !== undefined)
    await waitForObject(chain.stack.api, 'oidcclients', mirrorOf('away'), hasEnd, 120_000)
    spoke.operator.kill('SIGSTOP')
    const end = startProgram('away')
    expect(await statusesWith(ended)).to.deep.equal([200, 200, 200])
    await untilAnswer(ended, 401)
    await end()
  })
})
