import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { shardSecretName } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import type { MachineCredentials } from '@nauthera/local/product/token'
import type { Json } from '@nauthera/stand-in/kube-client'
import { quantile } from '../report.ts'
import { applyClients, credentialsOf, measureReady } from './support/clients.ts'
import type { DriverOutcome } from './support/driver.ts'
import { admin, applyObjects, get, kubectl, until, whenObject } from './support/kubernetes.ts'
import { agentLines, restrictedContainer, restrictedPod } from './support/pods.ts'
import { machine, useDriver, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { e2eImage } from './support/release.ts'
import { record } from './support/report.ts'

/** New ones and edits, one at a time. */
const changes = 15
const changed = Array.from({ length: Math.ceil(changes / 2) }, (_, index) => `change-${index}`)
const kubeletSpacingMs = 1_100

describe('an OIDCClient on a real cluster', function () {
  this.timeout(180_000)
  let product: InstalledProduct
  let team: string
  before(async () => {
    product = await useProduct()
    team = product.team
    await useDriver()
    const names = Array.from({ length: 1_000 }, (_, n) => `looked-for-${n}`)
    // a new secret of a shard, or a change in it, would write the shard
    const written = new Set([...changed, 'reports'].map((name) => shardOf(team, name)))
    const free = names.filter((name) => !written.has(shardOf(team, name)))
    lost = free[0]!
    served = free.find((name) => shardOf(team, name) !== shardOf(team, lost))!
    await applyClients(team, { reports: machine, [lost]: machine, [served]: machine })
    held = await credentialsOf(team, lost)
    restored = restore()
    restored.catch(() => undefined)
    shardRestored = restoreShard()
    shardRestored.catch(() => undefined)
  })

  /** The Secret of this one is deleted. Nobody tells the operator: it is found within a minute, while others are tested. */
  let lost: string
  let held: MachineCredentials
  let restored: Promise<void>
  const restore = async () => {
    const secrets = `/api/v1/namespaces/${team}/secrets`
    const { metadata } = await get(`${secrets}/${lost}-oidc`)
    const began = performance.now()
    await kubectl('-n', team, 'delete', 'secret', `${lost}-oidc`)
    const isNew = (object: Json) => ![undefined, metadata.uid].includes(object?.metadata.uid)
    await whenObject(secrets, `${lost}-oidc`, isNew, 90_000)
    record({ name: 'f37.secret-restored', value: (performance.now() - began) / 1000, unit: 's', target: 70 })
  }

  /** The shard of this one is deleted, and nobody tells the operator of that either. */
  let served: string
  let shardRestored: Promise<DriverOutcome>
  const restoreShard = async () => {
    const { namespace, name: release } = product.release
    const secrets = `/api/v1/namespaces/${namespace}/secrets`
    const name = shardSecretName(release, shardOf(team, served))
    const { metadata } = await get(`${secrets}/${name}`)
    const driver = await useDriver()
    return driver.underCalls({ clients: served }, async () => {
      const began = performance.now()
      await kubectl('-n', namespace, 'delete', 'secret', name)
      // within a minute, or at once when the look of that minute comes just then
      await whenObject(secrets, name, (object) => ![undefined, metadata.uid].includes(object?.metadata.uid), 75_000)
      record({ name: 'f37.shard-restored', value: (performance.now() - began) / 1000, unit: 's', target: 60 })
      // every replica has taken the restored one
      await measureReady(team, served, { ...machine, displayName: 'Of a restored shard' }, 90_000)
    })
  }

  it('becomes a working credential: a pod that mounts its Secret gets a token by the name of the Service', async () => {
    const script = `
      const read = (key) => fs.readFileSync('/client/' + key, 'utf8')
      const basic = Buffer.from(read('client_id') + ':' + read('client_secret')).toString('base64')
      const { token_endpoint } = await (await fetch(read('discovery_url'))).json()
      const answer = await fetch(token_endpoint, {
        method: 'POST',
        headers: { authorization: 'Basic ' + basic },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      })
      const { access_token } = await answer.json()
      console.log(answer.status, Buffer.from(access_token.split('.')[1], 'base64url').toString())`
    const pod = { name: 'reports', namespace: team }
    await applyObjects([
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: pod,
        spec: {
          ...restrictedPod,
          restartPolicy: 'Never',
          containers: [
            {
              ...restrictedContainer,
              name: 'reports',
              image: e2eImage('driver:1'),
              args: ['--input-type=module', '--eval', `import fs from 'node:fs'\n${script}`],
              env: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' }],
              volumeMounts: [
                { name: 'ca', mountPath: '/ca' },
                { name: 'client', mountPath: '/client' },
              ],
            },
          ],
          volumes: [
            { name: 'ca', configMap: { name: 'ca' } },
            { name: 'client', secret: { secretName: 'reports-oidc' } },
          ],
        },
      },
    ])
    await whenObject(
      `/api/v1/namespaces/${team}/pods`,
      'reports',
      (object) => ['Succeeded', 'Failed'].includes(object?.status?.phase),
      30_000,
    )
    const said = await kubectl('-n', team, 'logs', 'reports')
    expect(said).to.match(/^200 /)
    expect(JSON.parse(said.slice(4))).to.include({ client_id: `${team}.reports`, iss: product.release.issuer })
  })

  it('is shown with its columns, and its events', async () => {
    const table = await kubectl('-n', team, 'get', 'oidcclient', 'reports')
    expect(table).to.match(/NAME +TYPE +CLIENT-ID +SECRET +LOADED +SUSPENDED +NEXT-ROTATION +READY +AGE/)
    expect(table).to.match(/reports +M2M +\S+\.reports +reports-oidc +2\/2 .*True/)
    const described = await kubectl('-n', team, 'describe', 'oidcclient', 'reports')
    expect(described).to.match(/Normal +SecretCreated/)
    expect(described).to.not.include((await credentialsOf(team, 'reports')).clientSecret)
  })

  it(`is Ready soon after each of ${changes} changes, with the nudge`, async () => {
    const times: number[] = []
    for (let index = 0; index < changes; index++) {
      // every other one is an edit of the one before
      const spec = { ...machine, displayName: `Change ${index}` }
      // A kubelet syncs a pod once a second at most; who measures back to back measures that.
      await pause(kubeletSpacingMs)
      times.push(await measureReady(team, changed[Math.floor(index / 2)]!, spec, 30_000))
    }
    record({ name: 'ready.nudge.p50', value: quantile(times, 0.5), unit: 'ms', target: 500 })
    record({ name: 'ready.nudge.p99', value: quantile(times, 0.99), unit: 'ms', target: 1_000 })
    record({ name: 'ready.nudge.max', value: Math.max(...times), unit: 'ms', target: null })
    // the bound of a test, not the target: this machine does other things too
    expect(quantile(times, 0.5)).to.be.lessThan(5_000)
  })

  it('is told in the log of each agent, line by line', async () => {
    const since = new Date(Date.now() - 1_000)
    await measureReady(team, 'change-0', { ...machine, displayName: 'Told', description: 'In the log.' }, 30_000)
    for (const pod of await product.release.pods('server')) {
      const lines = await agentLines([pod], since)
      const diff = lines.find((line) => line.includes(`client=${team}/change-0 `) && line.startsWith('INF diff'))
      expect(diff, lines.join('\n')).to.match(/fields=\S*displayName/)
      const change = /change=([0-9a-f]{4})/.exec(diff!)![1]!
      const steps = lines.filter((line) => line.includes(`change=${change}`)).map((line) => line.split(/ +/)[1])
      // what changed is told beside the push: nobody waits for it
      expect(steps).to.include('diff')
      expect(steps.filter((step) => step !== 'diff')).to.include.ordered.members(['snapshot', 'push', 'live'])
    }
  })

  it('F37 whose shard is deleted goes on being served, and the shard is restored within a minute', async () => {
    const outcome = await shardRestored
    expect(outcome.failures).to.deep.equal([])
    expect(outcome.requests).to.be.greaterThan(0)
  })

  it('F37 whose Secret is deleted gets it again within a minute: a new secret, the same client id', async () => {
    await restored
    const after = await credentialsOf(team, lost)
    expect(after.clientId).to.equal(held.clientId)
    expect(after.clientSecret).to.not.equal(held.clientSecret)
    const driver = await useDriver()
    expect(await driver.ask(after.clientId, after.clientSecret)).to.deep.equal({ status: 200 })
  })

  it('that is deleted leaves nothing: its Secret is removed, and the value that it held is refused', async () => {
    const { clientId, clientSecret } = await credentialsOf(team, 'change-2')
    const lines = new Date()
    await kubectl('-n', team, 'delete', 'oidcclient', 'change-2')
    await until('the Secret to go', async () => {
      const { status } = await admin().call('GET', `/api/v1/namespaces/${team}/secrets/change-2-oidc`)
      return status === 404
    })
    const pods = await product.release.pods('server')
    await until('every replica to have heard', async () => {
      const told = await agentLines(pods, lines)
      return (
        told.filter((line) => line.startsWith('INF diff') && line.includes(`client=${team}/change-2 `)).length ===
        pods.length
      )
    })
    const driver = await useDriver()
    expect(await driver.ask(clientId, clientSecret)).to.deep.equal({ status: 401, error: 'invalid_client' })
  })
})
