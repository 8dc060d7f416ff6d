import { expect } from 'chai'
import { decodeManifest } from '@nauthera/proto/digest'
import {
  manifestFile,
  manifestSecretName,
  proofSecretName,
  shardCount,
  shardFile,
  shardSecretName,
} from '@nauthera/proto/names'
import { decodeLine, decodeShardFile, parseShardFile, renderShardFile } from '@nauthera/proto/shard-file'
import { VerifierSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { create } from '@bufbuild/protobuf'
import { shardOf } from '@nauthera/proto/shard-of'
import { machine, startCluster } from '@nauthera/harness/operator/cluster'
import { appsNamespace, release, releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import type { TestReplica } from '@nauthera/harness/operator/replica'

const reports = `${appsNamespace}/reports`
const home = shardOf(appsNamespace, 'reports')
const homeSecret = shardSecretName(release, home)

describe('createShards', () => {
  let cluster: Cluster
  let replicas: TestReplica[]
  let operator: TestOperator

  const isReady = (name: string) => () => {
    const client = cluster.client(name)
    return (
      cluster.condition(name, 'Ready')?.status === 'True' &&
      client?.status?.observedGeneration === client?.metadata.generation
    )
  }
  const bytes = (name: string, file: string) =>
    Buffer.from(cluster.secret(name, releaseNamespace)?.data[file] ?? '', 'base64')
  const stored = () => decodeShardFile(bytes(homeSecret, shardFile(home))).shard
  const manifest = () => decodeManifest(bytes(manifestSecretName(release), manifestFile)).manifest
  const secretObject = (name: string) => structuredClone(cluster.secret(name, releaseNamespace)!)
  const shardWrites = (from: number, name = homeSecret) =>
    cluster.api.requests
      .slice(from)
      .filter(({ verb, name: one, resource }) => verb === 'patch' && resource?.plural === 'secrets' && one === name)
  const dropLease = () =>
    cluster.api.store.remove(cluster.api.resource('leases'), releaseNamespace, 'nauthera-operator')
  const remove = (name: string) => cluster.api.store.remove(cluster.api.resource('secrets'), releaseNamespace, name)

  beforeEach(async () => {
    cluster = await startCluster()
    replicas = await Promise.all(['a', 'b'].map((name) => cluster.startReplica(`server-${name}`)))
    await cluster.apply('reports', machine)
    operator = cluster.startOperator()
    await operator.leading
    await cluster.until(isReady('reports'), 'reports is Ready')
    // each shard is written once a second at most
    operator.clock.leap(1_500)
    await cluster.until(() => cluster.isWhole(), 'the manifest names every shard as it is stored')
    operator.clock.leap(1_500)
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  it('writes all sixteen and a manifest that names each as it is stored', () => {
    const named = manifest()
    expect(named.shards.map(({ shard }) => shard)).to.deep.equal(
      Array.from({ length: shardCount }, (_, index) => index),
    )
    expect(named.total).to.equal(1)
    for (const { shard, digest, seq } of named.shards) {
      const read = decodeShardFile(bytes(shardSecretName(release, shard), shardFile(shard)))
      expect([read.digest, read.shard.seq]).to.deep.equal([digest, seq])
    }
  })

  it('writes neither a shard nor a Secret when an operator starts and all is as it should be', async () => {
    const from = cluster.api.requests.length
    await operator.stop()
    operator = cluster.startOperator()
    await operator.leading
    await cluster.until(
      () =>
        cluster.api.requests
          .slice(from)
          .some(({ user, name }) => user === operator.identity && name === 'reports-oidc'),
      'the client was looked at',
    )
    await cluster.apply('other', machine)
    await cluster.until(isReady('other'), 'other is Ready')
    expect(shardWrites(from)).to.deep.equal([])
    // a status may say for a moment that replicas have not been heard yet
    const ofClient = cluster.writes(from).filter((write) => write.includes('reports') && !write.endsWith('status'))
    expect(ofClient).to.deep.equal([])
  })

  it('F23 writes a shard at most once a second, the last edit included', async () => {
    const from = cluster.api.requests.length
    for (let edit = 1; edit <= 50; edit++) await cluster.apply('reports', { ...machine, description: `edit ${edit}` })
    await cluster.until(() => cluster.stored('reports')?.desired?.description === 'edit 50', 'the last edit is stored')
    expect(shardWrites(from).length).to.be.at.most(oneASecond())
  })
  let startedAt = 0
  /** How many writes of a shard that makes until now. */
  const oneASecond = () => Math.ceil((performance.now() - startedAt) / 1000) + 1
  beforeEach(() => {
    startedAt = performance.now()
  })

  it('F35 has one write at a time for a shard when the API is slow, and coalesces', async () => {
    cluster.api.faults.add({
      when: ({ verb, name }) => verb === 'patch' && name === homeSecret,
      effect: { kind: 'delay', ms: 700 },
    })
    const from = cluster.api.requests.length
    for (let edit = 1; edit <= 20; edit++) {
      await cluster.apply('reports', { ...machine, description: `edit ${edit}` })
      const open = shardWrites(from).filter(({ code }) => code === undefined)
      expect(open.length).to.be.at.most(1)
    }
    await cluster.until(() => cluster.stored('reports')?.desired?.description === 'edit 20', 'the last edit is stored')
    expect(shardWrites(from).length).to.be.at.most(oneASecond())
  })

  it('F33 reads again after a 409, and writes what is still to be written', async () => {
    cluster.api.faults.add({
      when: ({ verb, name }) => verb === 'patch' && name === homeSecret,
      effect: { kind: 'refuse', code: 409 },
      times: 1,
    })
    await cluster.apply('reports', { ...machine, description: 'edited' })
    await cluster.until(isReady('reports'), 'reports is Ready')
    expect(cluster.stored('reports')?.desired?.description).to.equal('edited')
  })

  it('F33 writes nothing twice when an answer was lost after the work was done', async () => {
    const from = cluster.api.requests.length
    const before = stored().seq
    cluster.api.faults.add({
      when: ({ verb, name }) => verb === 'patch' && name === homeSecret,
      effect: { kind: 'lose-answer' },
      times: 1,
    })
    await cluster.apply('reports', { ...machine, description: 'edited' })
    await cluster.until(() => operator.log.told('shard not written').length >= 1, 'the loss is met')
    await cluster.until(() => replicas[0]!.seq(home) === Number(before) + 1, 'the replicas have it')
    operator.clock.leap(2_000)
    await cluster.until(isReady('reports'), 'reports is Ready')
    expect(shardWrites(from).length).to.equal(1)
  })

  it('F10 keeps every Secret as it is while the API refuses, and catches up', async () => {
    const before = stored().seq
    const end = cluster.api.faults.add({
      when: ({ resource }) => resource?.plural === 'secrets',
      effect: { kind: 'refuse', code: 429, retryAfterSeconds: 3 },
    })
    await cluster.apply('reports', { ...machine, description: 'edited' })
    await cluster.until(() => operator.log.told('shard not written').length >= 1, 'the refusal is met')
    end()
    const from = cluster.api.requests.length
    operator.clock.leap(2_000)
    expect(shardWrites(from)).to.deep.equal([])
    operator.clock.leap(1_500)
    await cluster.until(() => stored().seq > before, 'it is written')
    await cluster.until(isReady('reports'), 'reports is Ready')
  })

  describe('what others do to the Secrets', () => {
    it('F37 restores a deleted shard within a minute, under a higher seq', async () => {
      const before = stored()
      remove(homeSecret)
      await operator.pass(61_000)
      await cluster.until(() => cluster.secret(homeSecret, releaseNamespace) !== undefined, 'it is there again')
      expect(stored().seq > before.seq).to.equal(true)
      expect(stored().entries.map(({ name }) => name)).to.deep.equal(['reports'])
      await cluster.until(() => manifest().shards[home]!.seq === stored().seq, 'the manifest names it')
    })

    it('F37 restores a damaged shard, a shortened one, and the manifest', async () => {
      for (const data of ['AAAA', bytes(homeSecret, shardFile(home)).subarray(0, 40).toString('base64')]) {
        const before = operator.log.told('shard written').length
        cluster.api.set({ ...secretObject(homeSecret), data: { [shardFile(home)]: data } } as never)
        await operator.pass(61_000)
        await cluster.until(() => operator.log.told('shard written').length > before, 'it is written again')
        expect(stored().entries.map(({ name }) => name)).to.deep.equal(['reports'])
      }
      remove(manifestSecretName(release))
      await operator.pass(61_000)
      await cluster.until(
        () => cluster.secret(manifestSecretName(release), releaseNamespace) !== undefined,
        'the manifest is there',
      )
      expect(manifest().shards[home]!.seq).to.equal(stored().seq)
    })

    it('K20 takes nothing from a shard that somebody else wrote, neither while it runs nor when it starts', async () => {
      const forge = (seq: bigint) => {
        const { head, ...rest } = parseShardFile(bytes(homeSecret, shardFile(home)))
        head.entries = rest.lines.map(decodeLine)
        head.entries[0]!.verifiers.push(create(VerifierSchema, { id: 'f'.repeat(8), sha256: 'f'.repeat(64) }))
        head.seq = seq
        const data = Buffer.from(renderShardFile(head).file).toString('base64')
        const object = secretObject(homeSecret)
        cluster.api.set({ ...object, data: { ...object.data, [shardFile(home)]: data } } as never)
      }
      const isForged = () => stored().entries[0]!.verifiers.some(({ id }) => id === 'f'.repeat(8))
      const writes: boolean[] = []
      cluster.api.store.onChange(({ object }) => {
        if (object.metadata.name === homeSecret) writes.push(isForged())
      })
      const before = stored().seq
      forge(before + 5n)
      await operator.pass(61_000)
      await cluster.until(() => !isForged(), 'it is written over')
      expect(operator.log.told('shard missing or damaged, writing it again')).to.have.length(1)
      await operator.stop()
      forge(before + 900n)
      operator = cluster.startOperator()
      await operator.leading
      await cluster.until(() => !isForged() && manifest().shards[home]!.seq === stored().seq, 'it is written over')
      expect(operator.log.told('shard damaged or not ours, writing it again')).to.have.length(1)
      // each forgery, and nothing after it that has what it said
      expect(writes.filter(Boolean).length).to.equal(2)
      expect(cluster.stored('reports')?.verifiers).to.have.length(1)
    })

    it('K20 signs every shard anew when its key was lost, and takes what is stored', async () => {
      await operator.stop()
      remove(proofSecretName(release))
      const [{ signedBy }, before] = [manifest(), stored()]
      operator = cluster.startOperator()
      await operator.leading
      await cluster.until(() => !Buffer.from(signedBy).equals(manifest().signedBy), 'the manifest names the next key')
      expect(stored().entries).to.deep.equal(before.entries)
      expect(operator.log.told('shard damaged or not ours, writing it again')).to.deep.equal([])
    })

    it('P6 raises the seq above an older copy that was put back', async () => {
      const older = secretObject(homeSecret)
      await cluster.apply('reports', { ...machine, description: 'newer' })
      await cluster.until(isReady('reports'), 'reports is Ready')
      const newer = stored().seq
      cluster.api.set({ ...secretObject(homeSecret), data: older.data } as never)
      await operator.pass(61_000)
      await cluster.until(() => stored().seq > newer, 'it is written over')
      expect(cluster.stored('reports')?.desired?.description).to.equal('newer')
    })

    it('P6 raises the seq above what a replica has seen', async () => {
      const seen = Number(stored().seq) + 1_000
      replicas[0]!.claimSeen(home, seen)
      await cluster.until(() => Number(stored().seq) > seen, 'ours is above it')
    })

    it('takes no seq from a replica that leaves no room to count on', async () => {
      const before = stored().seq
      replicas[0]!.claimSeen(home, Number.MAX_SAFE_INTEGER)
      await cluster.apply('reports', { ...machine, description: 'edited' })
      await cluster.until(isReady('reports'), 'reports is Ready')
      expect(stored().seq).to.equal(before + 1n)
    })
  })

  describe('after all shards were lost', () => {
    it('rebuilds them from the Secrets of the applications, without a rotation', async () => {
      const plain = cluster.plain('reports')!
      await operator.stop()
      for (let shard = 0; shard < shardCount; shard++) remove(shardSecretName(release, shard))
      remove(manifestSecretName(release))
      operator = cluster.startOperator()
      await operator.leading
      await cluster.until(() => operator.log.told('manifest written').length > 0, 'the set is complete again')
      expect(cluster.plain('reports')).to.equal(plain)
      expect(stored().entries.map(({ name }) => name)).to.deep.equal(['reports'])
      const late = await cluster.startReplica('server-late')
      expect(late.accepts(reports, plain)).to.equal(true)
    })

    it('writes no half shard meanwhile, though a Secret cannot be read at first', async () => {
      await cluster.apply('other', machine)
      await cluster.until(isReady('other'), 'other is Ready')
      await operator.stop()
      for (let shard = 0; shard < shardCount; shard++) remove(shardSecretName(release, shard))
      cluster.api.faults.add({
        when: ({ verb, name }) => verb === 'get' && name === 'reports-oidc',
        effect: { kind: 'refuse', code: 500 },
        times: 3,
      })
      operator = cluster.startOperator()
      await operator.leading
      await cluster.until(() => cluster.secret(homeSecret, releaseNamespace) !== undefined, 'its shard is there')
      expect(stored().entries.map(({ name }) => name)).to.include('reports')
      expect(stored().entries.find(({ name }) => name === 'reports')!.verifiers.length).to.equal(1)
    })

    it('takes older copies for what they are', async () => {
      const older = secretObject(homeSecret)
      await cluster.apply('reports', { ...machine, rotation: { trigger: '1', overlap: '1h' } })
      const old = cluster.plain('reports')!
      await cluster.until(() => cluster.plain('reports') !== old, 'the secret has rotated')
      await cluster.until(() => cluster.stored('reports')?.verifiers.length === 2, 'both are in the shard')
      const published = cluster.plain('reports')!
      await operator.stop()
      cluster.api.set({ ...secretObject(homeSecret), data: older.data } as never)
      operator = cluster.startOperator()
      await operator.leading
      const newest = () => cluster.stored('reports')?.verifiers[0]?.id
      const active = () => cluster.client('reports')?.status?.secret?.activeId
      await cluster.until(
        () => newest() === active() && replicas[0]!.seq(home) === Number(stored().seq),
        'the published secret is back in the shard',
      )
      expect(cluster.plain('reports')).to.equal(published)
      expect(replicas.every((replica) => replica.accepts(reports, published))).to.equal(true)
    })
  })

  it('F38 names every written shard in the manifest before it ends, and frees the Lease', async () => {
    cluster.api.faults.add({
      when: ({ verb, name }) => verb === 'patch' && name === homeSecret,
      effect: { kind: 'delay', ms: 300 },
      times: 1,
    })
    await cluster.apply('reports', { ...machine, description: 'edited' })
    await cluster.until(
      () =>
        cluster.api.requests.some(
          ({ verb, name, code }) => verb === 'patch' && name === homeSecret && code === undefined,
        ),
      'a write is running',
    )
    await operator.stop()
    expect(cluster.stored('reports')?.desired?.description).to.equal('edited')
    expect(manifest().shards[home]!.seq).to.equal(stored().seq)
    const lease = cluster.api.store.find(cluster.api.resource('leases'), releaseNamespace, 'nauthera-operator')
    expect((lease as unknown as { spec: { holderIdentity: string } }).spec.holderIdentity).to.equal('')
  })

  it('K6 forgets a client that was deleted while no operator ran', async () => {
    const plain = cluster.plain('reports')!
    await operator.kill()
    await cluster.remove('reports')
    dropLease()
    operator = cluster.startOperator()
    await operator.leading
    await cluster.until(() => replicas.every((replica) => !replica.accepts(reports, plain)), 'every replica refuses it')
  })
})
