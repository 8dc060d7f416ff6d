import { expect } from 'chai'
import { shardCount, shardFile, shardSecretName } from '@nauthera/proto/names'
import { decodeShardFile } from '@nauthera/proto/shard-file'
import { shardOf } from '@nauthera/proto/shard-of'
import { machine, startCluster } from '@nauthera/harness/operator/cluster'
import { appsNamespace, release, releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import type { TestReplica } from '@nauthera/harness/operator/replica'

const reports = `${appsNamespace}/reports`

/** A name whose client is in the same shard. */
const besideReports = (): string =>
  Array.from({ length: 100 }, (_, index) => `other-${index}`).find(
    (name) => shardOf(appsNamespace, name) === shardOf(appsNamespace, 'reports'),
  )!

describe('an operator and its API server', function () {
  this.timeout(60_000)
  let cluster: Cluster
  let replicas: TestReplica[]
  let operator: TestOperator

  const isReady = (name: string) => () => {
    const client = cluster.client(name)
    const ready = cluster.condition(name, 'Ready')
    return ready?.status === 'True' && client?.status?.observedGeneration === client?.metadata.generation
  }
  const shard = (index: number) =>
    decodeShardFile(
      Buffer.from(cluster.secret(shardSecretName(release, index), releaseNamespace)!.data[shardFile(index)]!, 'base64'),
    ).shard
  const versions = () =>
    cluster.api.store
      .all(cluster.api.resource('secrets'))
      .map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`)

  beforeEach(async () => {
    cluster = await startCluster()
    replicas = await Promise.all(['a', 'b', 'c'].map((name) => cluster.startReplica(`server-${name}`)))
    await cluster.apply('reports', machine)
    operator = cluster.startOperator()
    await operator.leading
    await cluster.until(isReady('reports'), 'reports is Ready')
    await cluster.until(() => cluster.isWhole(), 'the manifest names every shard as it is stored')
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  it('F10 the API is away for ten minutes: no Secret is rewritten, the replicas go on, and the next leader catches up', async () => {
    await cluster.until(() => operator.log.told('manifest written').length > 0, 'the set is complete')
    operator.clock.leap(3_000)
    const before = versions()
    const plain = cluster.plain('reports')!
    const back = cluster.api.faults.add({
      when: ({ userAgent }) => userAgent.startsWith('operator'),
      effect: { kind: 'reset' },
    })
    for (const watch of cluster.api.watches) watch.reset()
    await cluster.apply('reports', { ...machine, description: 'edited meanwhile' })
    for (let minute = 0; minute < 10 && operator.fatal() === undefined; minute++) {
      operator.clock.leap(60_000)
      await cluster.until(
        () => operator.fatal() !== undefined || operator.log.told('watch broken').length > minute,
        'it feels it',
      )
    }
    expect(versions()).to.deep.equal(before)
    expect(replicas.every((replica) => replica.accepts(reports, plain))).to.equal(true)
    back()
    await operator.kill()
    operator = cluster.startOperator()
    // Its own clock must see the record of the dead one stand still for 15 s.
    await cluster.until(
      () =>
        cluster.api.requests.some(({ user, resource }) => user === operator.identity && resource?.plural === 'leases'),
      'it has seen the Lease',
    )
    for (let looks = 0; looks < 8; looks++) await operator.passToLook()
    await operator.leading
    await cluster.until(() => cluster.stored('reports')?.desired?.description === 'edited meanwhile', 'it catches up')
    await cluster.until(isReady('reports'), 'reports is Ready')
    expect(cluster.plain('reports')).to.equal(plain)
    expect(versions().filter((one) => !before.includes(one)).length).to.equal(2)
  })

  for (const [when, leapMs] of [
    ['a second', 1_200],
    ['five seconds', 5_000],
    ['ten minutes', 600_000],
  ] as const) {
    it(`I4 a lost shard does not cost the published secret when the clock of the next leader is ${when} behind`, async () => {
      operator.clock.leap(1_500)
      const home = shardOf(appsNamespace, 'reports')
      const beside = besideReports()
      await cluster.apply(beside, machine)
      await cluster.until(isReady(beside), `${beside} is Ready`)
      // one that renews its Lease in time, whose clock is ahead
      for (let leapt = 0; leapt < leapMs; leapt += 4_000) await operator.pass(Math.min(4_000, leapMs - leapt))
      const before = cluster.plain('reports')!
      await cluster.apply('reports', { ...machine, rotation: { trigger: 'now', overlap: '1h' } })
      await cluster.until(
        () => isReady('reports')() && cluster.client('reports')?.status?.secret?.previous?.length === 1,
        'the secret is published',
      )
      const plain = cluster.plain('reports')!
      expect(plain).not.to.equal(before)
      await operator.kill()
      for (const [plural, name] of [
        ['leases', 'nauthera-operator'],
        ['secrets', shardSecretName(release, home)],
      ] as const)
        cluster.api.store.remove(cluster.api.resource(plural), releaseNamespace, name)
      // the shard waits for another client, while this one is looked at again and again
      const end = cluster.api.faults.add({
        when: ({ verb, name }) => verb === 'get' && name === `${beside}-oidc`,
        effect: { kind: 'refuse', code: 500 },
      })
      operator = cluster.startOperator()
      await operator.leading
      await cluster.until(() => operator.log.told('reconcile failed').length > 0, 'the fault is met')
      for (const description of ['edited', 'edited again']) {
        await cluster.apply('reports', { ...machine, description, rotation: { trigger: 'now', overlap: '1h' } })
        await operator.pass(1_000)
      }
      end()
      await operator.pass(61_000)
      await cluster.until(() => (cluster.stored('reports')?.verifiers.length ?? 0) > 0, 'the shard is there again')
      await cluster.until(isReady('reports'), 'reports is Ready')
      await operator.pass(4_000)
      expect(operator.log.told('secret minted')).to.deep.equal([])
      expect(cluster.plain('reports')).to.equal(plain)
      for (const value of [plain, before])
        expect(replicas.map((replica) => replica.accepts(reports, value))).to.deep.equal([true, true, true])
    })
  }

  for (const [what, effect] of [
    ['403', { kind: 'refuse', code: 403 }],
    ['500', { kind: 'refuse', code: 500 }],
    ['nothing', { kind: 'silence' }],
  ] as const) {
    it(`F37 a lost shard takes no client away while reading its Secret answers ${what}, and delays no other client`, async () => {
      const home = shardOf(appsNamespace, 'reports')
      const beside = besideReports()
      await cluster.apply(beside, machine)
      await cluster.until(isReady(beside), `${beside} is Ready`)
      const plain = cluster.plain('reports')!
      await operator.stop()
      cluster.api.store.remove(cluster.api.resource('secrets'), releaseNamespace, shardSecretName(release, home))
      const end = cluster.api.faults.add({
        when: ({ verb, name }) => verb === 'get' && name === 'reports-oidc',
        effect,
      })
      operator = cluster.startOperator({ timeouts: { requestMs: 500 } })
      await operator.leading
      await cluster.until(() => operator.log.told('reconcile failed').length > 0, 'the fault is met')
      await operator.pass(61_000)
      await cluster.until(
        () => cluster.secret(shardSecretName(release, home), releaseNamespace) !== undefined,
        'the shard is there again',
      )
      expect(
        shard(home)
          .entries.map(({ name }) => name)
          .sort(),
      ).to.deep.equal([beside, 'reports'].sort())
      await cluster.apply(beside, { ...machine, description: 'edited meanwhile' })
      await cluster.until(isReady(beside), `${beside} is Ready again`)
      expect(replicas.map((replica) => replica.accepts(reports, plain))).to.deep.equal([true, true, true])
      expect(cluster.condition('reports', 'SecretReady')).to.include({ status: 'Unknown', reason: 'SecretUnreadable' })
      end()
      await operator.pass(61_000)
      await cluster.until(() => cluster.stored('reports')?.verifiers.length === 1, 'its secret is known again')
      await cluster.until(isReady('reports'), 'reports is Ready again')
      expect(cluster.plain('reports')).to.equal(plain)
      const late = await cluster.startReplica('server-late')
      expect(late.accepts(reports, plain)).to.equal(true)
    })
  }

  it('F12 there is one writer at a time, and a new one within 20 s of a crash', async () => {
    const standby = cluster.startOperator()
    await cluster.until(
      () => cluster.api.requests.some(({ user }) => user === standby.identity),
      'the standby has looked',
    )
    expect(cluster.writes().some((write) => write.includes(standby.identity))).to.equal(false)
    await operator.kill()
    const from = standby.clock.monotonic()
    const leads = () => standby.log.told('leads now').length > 0
    // in steps that wait for the answer, so that a slow machine does not count as time of the standby
    while (!leads() && standby.clock.monotonic() - from < 30_000) await standby.passToLook()
    expect(leads()).to.equal(true)
    expect(standby.clock.monotonic() - from).to.be.below(20_000)
    operator = standby
    await cluster.apply('reports', { ...machine, description: 'edited' })
    await cluster.until(isReady('reports'), 'reports is Ready')
  })

  it('F12 a paused leader that continues gets a conflict on its first write, and ends itself', async () => {
    const paused = operator
    const write = paused.pauseAt(({ method, path }) => method === 'PATCH' && path.includes('nauthera-clients-'))
    paused.clock.leap(1_500)
    await cluster.apply('reports', { ...machine, description: 'seen by the first' })
    await write
    cluster.api.store.remove(cluster.api.resource('leases'), releaseNamespace, 'nauthera-operator')
    operator = cluster.startOperator()
    await operator.leading
    await cluster.until(
      () => cluster.stored('reports')?.desired?.description === 'seen by the first',
      'the second writes it',
    )
    await cluster.apply('reports', { ...machine, description: 'seen by the second' })
    await cluster.until(() => cluster.stored('reports')?.desired?.description === 'seen by the second', 'and goes on')
    const from = cluster.api.requests.length
    paused.resume()
    await cluster.until(() => paused.fatal() !== undefined, 'the first has ended itself')
    const its = cluster.api.requests
      .slice(from)
      .filter(
        ({ user, verb, resource }) => user === paused.identity && verb === 'patch' && resource?.plural === 'secrets',
      )
    expect(its.map(({ code }) => code)).to.include(409)
    expect(its.some(({ code }) => code === 200)).to.equal(false)
    expect(cluster.stored('reports')?.desired?.description).to.equal('seen by the second')
  })

  it('F36 objects that cannot be parsed do not stop the work for the others', async () => {
    for (const [index, spec] of [
      { type: 'Web', redirectURIs: { not: 'a list' } },
      { type: 7 },
      [],
      { scopes: 'all' },
    ].entries()) {
      cluster.api.set({
        apiVersion: 'auth.nauthera.io/v1alpha1',
        kind: 'OIDCClient',
        metadata: { name: `poison-${index}`, namespace: appsNamespace, generation: 1 },
        spec,
      } as never)
    }
    await cluster.apply('other', machine)
    await cluster.until(isReady('other'), 'other is Ready')
    await cluster.apply('reports', { ...machine, description: 'edited' })
    await cluster.until(isReady('reports'), 'reports is Ready')
    expect(
      Array.from({ length: shardCount }, (_, index) => shard(index))
        .flatMap(({ entries }) => entries)
        .map(({ name }) => name)
        .sort(),
    ).to.deep.equal(['other', 'reports'])
    expect(operator.fatal()).to.equal(undefined)
  })
})
