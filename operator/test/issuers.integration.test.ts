import { expect } from 'chai'
import { issuersSecretName, platformKeysFile, proofSecretName, signatureFile } from '@nauthera/proto/names'
import { startCluster } from '@nauthera/harness/operator/cluster'
import { release, releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import type { TestReplica } from '@nauthera/harness/operator/replica'
import { serviceAccountIssuer } from '@nauthera/stand-in/service-accounts'

const asksForKeys = ({ path }: { path: string }) => path === '/openid/v1/jwks'

const secretless = {
  type: 'M2M',
  auth: { method: 'federated_jwt', identities: [{ serviceAccount: { name: 'worker' } }] },
}

describe('the keys of the cluster, on their way to the servers', () => {
  let cluster: Cluster
  let replica: TestReplica
  let operator: TestOperator
  const name = issuersSecretName(release)
  const told = () => {
    const file = cluster.secret(name, releaseNamespace)?.data[platformKeysFile]
    if (file === undefined) return undefined
    const text = Buffer.from(file, 'base64').toString()
    return JSON.parse(text) as { issuer: string; keys: { jwk: { kid: string }; notAfter?: string }[] }
  }
  const published = () => cluster.api.accountKeys.jwks.keys.map((key) => (key as { kid: string }).kid)
  const condition = (type: string) =>
    cluster.client('worker')?.status?.conditions?.find((one) => one.type === type && one.observedGeneration === 1)
  const isReady = () => condition('Ready')?.status === 'True'

  beforeEach(async () => {
    cluster = await startCluster()
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })
  const start = async () => {
    replica = await cluster.startReplica('server-a')
    await cluster.apply('worker', secretless)
    operator = cluster.startOperator()
    await operator.leading
  }

  it('are written for the servers, and the client is Ready with a Secret that holds no secret', async () => {
    await start()
    await cluster.until(isReady, 'the client is Ready')
    expect(told()?.issuer).to.equal(serviceAccountIssuer)
    expect(told()?.keys.map(({ jwk }) => jwk.kid)).to.deep.equal(published())
    const data = cluster.secret('worker-oidc')!.data
    expect(data).to.include.keys('client_id', 'token_endpoint', 'issuer')
    expect(data).not.to.have.property('client_secret')
    replica.prove('apps/worker', 'worker', Date.now())
    await cluster.until(() => cluster.client('worker')?.status?.identity?.name, 'the identity is shown')
    expect(cluster.client('worker')?.status?.identity?.name).to.equal('ServiceAccount apps/worker')
  })

  it('T32 come at the next look, and at once when a replica meets one that it does not have, at most once in 10 s', async () => {
    await start()
    await cluster.until(isReady, 'the client is Ready')
    const next = cluster.api.accountKeys.publish()
    await operator.pass(9_000)
    const reads = () => cluster.api.requests.filter(({ path }) => path === '/openid/v1/jwks').length
    const before = reads()
    for (let turn = 0; turn < 20; turn++) replica.meetUnknownKey()
    await operator.pass(2_000)
    await cluster.until(() => told()?.keys.length === 2, 'the new key is told')
    expect(reads() - before).to.equal(1)
    next.signs()
    cluster.api.accountKeys.remove()
    await operator.pass(61_000)
    await cluster.until(() => told()?.keys[1]?.notAfter, 'the old key gets its end')
  })

  it('T32 stay what they were while the API server does not tell them, and are written anew when they are lost', async () => {
    await start()
    await cluster.until(isReady, 'the client is Ready')
    const before = told()
    cluster.api.faults.add({ when: asksForKeys, effect: { kind: 'refuse', code: 503 }, times: 2 })
    await operator.pass(61_000)
    expect(told()).to.deep.equal(before)
    cluster.api.store.remove(cluster.api.resource('secrets'), releaseNamespace, name)
    await operator.pass(130_000)
    await cluster.until(() => told() !== undefined, 'the Secret is there again')
    expect(told()?.keys).to.deep.equal(before?.keys)
  })

  it('K20 takes no key that somebody else wrote into the Secret, and writes it over within a minute', async () => {
    await start()
    await cluster.until(isReady, 'the client is Ready')
    const before = told()!
    const forged = { ...before, keys: [...before.keys, { jwk: { ...before.keys[0]!.jwk, kid: 'forged' } }] }
    const object = cluster.api.store.get(cluster.api.resource('secrets'), releaseNamespace, name)
    const data = {
      ...(object['data'] as object),
      [platformKeysFile]: Buffer.from(JSON.stringify(forged)).toString('base64'),
    }
    cluster.api.set({ ...object, data })
    await operator.pass(61_000)
    await cluster.until(() => told()?.keys.length === before.keys.length, 'it is written over')
    expect(told()?.keys).to.deep.equal(before.keys)
  })

  it('K20 stay, signed by the key of now, when the key of files was lost and the API server does not tell them', async () => {
    await start()
    await cluster.until(isReady, 'the client is Ready')
    const signature = () => cluster.secret(name, releaseNamespace)?.data[signatureFile(platformKeysFile)]
    const before = { keys: told()?.keys, signature: signature() }
    await operator.stop()
    cluster.api.store.remove(cluster.api.resource('secrets'), releaseNamespace, proofSecretName(release))
    cluster.api.faults.add({ when: asksForKeys, effect: { kind: 'refuse', code: 503 } })
    operator = cluster.startOperator()
    await operator.leading
    await cluster.until(() => signature() !== before.signature, 'they are signed anew')
    expect(told()?.keys).to.deep.equal(before.keys)
  })

  it('says what to do when the operator may not read them', async () => {
    cluster.api.faults.add({ when: asksForKeys, effect: { kind: 'refuse', code: 403 } })
    await start()
    await cluster.until(() => condition('Propagated')?.reason === 'IssuerUnreadable', 'the condition says so')
    expect(condition('Ready')?.message).to.include('system:service-account-issuer-discovery')
  })

  it('P9 a client that changes to them keeps its secret valid for the overlap, and not longer', async () => {
    replica = await cluster.startReplica('server-a')
    await cluster.apply('worker', { type: 'M2M', rotation: { overlap: '2m' } })
    operator = cluster.startOperator()
    await operator.leading
    await cluster.until(() => cluster.plain('worker'), 'its first secret is there')
    const secret = cluster.plain('worker')!
    await cluster.apply('worker', { ...secretless, rotation: { overlap: '2m' } })
    await cluster.until(() => cluster.secret('worker-oidc')?.data['client_secret'] === undefined, 'it has no secret')
    expect(replica.accepts('apps/worker', secret)).to.equal(true)
    const previous = () => cluster.client('worker')?.status?.secret?.previous?.[0]
    await cluster.until(() => previous()?.expiresAt, 'its end is shown')
    await operator.pass(80_000)
    expect(replica.accepts('apps/worker', secret)).to.equal(true)
    await operator.pass(60_000)
    await cluster.until(() => !replica.accepts('apps/worker', secret), 'the old secret has ended')
  })

  it('T12 revokePrevious ends that secret at once, with the change or after it', async () => {
    replica = await cluster.startReplica('server-a')
    const machine = { type: 'M2M', rotation: { revokePrevious: 'before' } }
    for (const name of ['worker', 'other']) await cluster.apply(name, machine)
    operator = cluster.startOperator()
    await operator.leading
    await cluster.until(() => cluster.plain('worker') && cluster.plain('other'), 'their first secrets are there')
    const [worker, other] = [cluster.plain('worker')!, cluster.plain('other')!]
    await cluster.apply('worker', { ...secretless, rotation: { revokePrevious: 'leak' } })
    await cluster.until(() => !replica.accepts('apps/worker', worker), 'the secret has ended with the change')
    await cluster.apply('other', { ...secretless, rotation: machine.rotation })
    await cluster.until(() => cluster.secret('other-oidc')?.data['client_secret'] === undefined, 'it has no secret')
    expect(replica.accepts('apps/other', other), 'what was obeyed before is not obeyed again').to.equal(true)
    await cluster.apply('other', { ...secretless, rotation: { revokePrevious: 'leak' } })
    await cluster.until(() => !replica.accepts('apps/other', other), 'the secret has ended after it')
    const observed = () => cluster.client('other')?.status?.secret?.observedRevoke
    await cluster.until(() => observed() === 'leak', 'it is said that it was obeyed')
  })

  for (const [method, spec] of [
    ['federated_jwt', { ...secretless, rotation: { overlap: '2m' } }],
    ['private_key_jwt', { type: 'M2M', auth: { method: 'private_key_jwt', jwksURI: 'https://app.example.com/jwks' } }],
  ] as const)
    it(`a client that changes to ${method} keeps its secret while a server refuses that`, async () => {
      replica = await cluster.startReplica('server-a')
      await cluster.apply('worker', { type: 'M2M' })
      operator = cluster.startOperator()
      await operator.leading
      await cluster.until(isReady, 'the client is Ready')
      const secret = cluster.plain('worker')!
      const { generation } = cluster.client('worker')!.metadata
      const fault = { field: 'spec.auth.method', code: 'CLIENT_METADATA_INVALID', message: 'not here' }
      replica.reject(({ desired }) => (desired?.tokenEndpointAuthMethod === method ? fault : undefined))
      await cluster.apply('worker', spec)
      const reason = () =>
        cluster
          .client('worker')
          ?.status?.conditions?.find((one) => one.type === 'Propagated' && one.observedGeneration !== generation)
          ?.reason
      await cluster.until(() => reason() === 'RejectedByServer', 'the condition says so')
      await operator.pass(300_000)
      expect(replica.accepts('apps/worker', secret)).to.equal(true)
      expect(cluster.plain('worker')).to.equal(secret)
      // with keys the client has no overlap: what its server takes refuses every secret
      if (method === 'private_key_jwt') return
      replica.reject(() => undefined)
      await cluster.until(() => cluster.secret('worker-oidc')?.data['client_secret'] === undefined, 'it has no secret')
    })
})
