import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { manifestSecretName, shardCount, shardSecretName } from '@nauthera/proto/names'
import { kubeContract } from '@nauthera/stand-in/contract'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import type { Json, KubeClient } from '@nauthera/stand-in/kube-client'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { connectRealApi } from './real-api.ts'
import { bareIssuer, startBareOperator } from './support/bare-operator.ts'

// The real operator on a real API server, with the rights of its roles and no more. There are no server replicas here, and the operator waits
// a minute until that is clear: meanwhile the API server is asked what the stand-in is asked.

describe('the operator on a real API server', function () {
  this.timeout(150_000)
  const id = randomBytes(3).toString('hex')
  const [own, team] = [`operator-${id}`, `team-${id}`]
  const clients = `/apis/auth.nauthera.io/v1alpha1/namespaces/${team}/oidcclients`
  const secrets = `/api/v1/namespaces/${team}/secrets`
  let admin: KubeClient
  let removeBrought: () => Promise<void>
  let operator: RunningProcess
  let watch: Awaited<ReturnType<KubeClient['watch']>>
  let created: ReturnType<typeof watch.next>

  before(async () => {
    const api = await connectRealApi()
    admin = api.admin
    removeBrought = api.removeBrought
    for (const name of [own, team]) {
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
      expect((await admin.call('POST', '/api/v1/namespaces', { body })).status).to.equal(201)
    }
    operator = await startBareOperator(api, { namespace: own, namespaces: [team] })
    const body = {
      apiVersion: 'auth.nauthera.io/v1alpha1',
      kind: 'OIDCClient',
      metadata: { name: 'app' },
      spec: { type: 'Web', redirectURIs: ['https://app.example.com/callback'] },
    }
    expect((await admin.call('POST', clients, { body })).status).to.equal(201)
    watch = await admin.watch(secrets, { fieldSelector: 'metadata.name=app-oidc', timeoutSeconds: 240 })
    created = watch.next(200_000)
    created.catch(() => undefined)
  })
  after(async () => {
    watch?.close()
    await operator?.stop()
    for (const name of [own, team]) await admin.call('DELETE', `/api/v1/namespaces/${name}`)
    await removeBrought()
  })

  it('writes every shard and the manifest, and holds the Lease', async () => {
    await operator.line(/^INF manifest written/)
    const names = [
      ...Array.from({ length: shardCount }, (_, shard) => shardSecretName('nauthera', shard)),
      manifestSecretName('nauthera'),
    ]
    for (const name of names) {
      expect((await admin.call('GET', `/api/v1/namespaces/${own}/secrets/${name}`)).status, name).to.equal(200)
    }
    const leases = (await admin.call('GET', `/apis/coordination.k8s.io/v1/namespaces/${own}/leases`)).body
      .items as Json[]
    expect(leases.map((lease) => lease.spec.holderIdentity)).to.deep.equal(['operator-0'])
  })

  describe('meanwhile: a real API server', () => {
    kubeContract(async () => {
      const { admin: contractor, addUser, removeBrought: stop } = await connectRealApi()
      const userWith = async (...about: Parameters<typeof addUser>) => createKubeClient(await addUser(...about))
      return { admin: contractor, userWith, stop }
    })
  })

  describe('a minute later', () => {
    it('writes Secret, status and event of a client once it is clear that there is no replica to wait for', async () => {
      const event = await created
      expect(event?.type).to.equal('ADDED')
      const read = (key: string) => Buffer.from(event?.object.data[key], 'base64').toString()
      expect(read('client_id')).to.equal(`${team}.app`)
      expect(read('client_secret')).to.match(/^[A-Za-z0-9_-]{43}$/)
      expect(read('issuer')).to.equal(bareIssuer)

      const changes = await admin.watch(clients, { fieldSelector: 'metadata.name=app', timeoutSeconds: 60 })
      let status: Json = {}
      while (!status.conditions?.some((one: Json) => one.type === 'SecretReady' && one.status === 'True')) {
        status = (await changes.next(30_000))?.object.status ?? {}
      }
      changes.close()
      expect(status).to.include({ clientId: `${team}.app`, servedBy: `${own}/nauthera` })
      // Events are written after the status, and nothing waits for them: neither does a person, who watches.
      const events = await admin.watch(`/api/v1/namespaces/${team}/events`, { timeoutSeconds: 60 })
      let reason = ''
      while (reason !== 'SecretCreated') reason = (await events.next(30_000))?.object.reason ?? ''
      events.close()
    })

    it('made no call that the API server refused', () => {
      expect(operator.lines.filter((line) => /: 40[13] |[Ff]orbidden/.test(line))).to.deep.equal([])
    })

    it('leaves nothing of a client that is deleted', async () => {
      await admin.call('DELETE', `${clients}/app`)
      let event = await watch.next(45_000)
      while (event && event.type !== 'DELETED') event = await watch.next(45_000)
      expect(event?.type).to.equal('DELETED')
    })

    it('releases the Lease when it is told to stop', async () => {
      await operator.stop()
      const leases = (await admin.call('GET', `/apis/coordination.k8s.io/v1/namespaces/${own}/leases`)).body
        .items as Json[]
      expect(leases.map((lease) => lease.spec.holderIdentity ?? '')).to.deep.equal([''])
    })
  })
})
