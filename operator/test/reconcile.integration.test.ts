import { expect } from 'chai'
import { digestOf, shortDigest } from '@nauthera/proto/digest'
import { annotations, labels, managedByOperator, manifestSecretName } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { machine, startCluster } from '@nauthera/harness/operator/cluster'
import { appsNamespace, release, releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import type { TestReplica } from '@nauthera/harness/operator/replica'

const reports = `${appsNamespace}/reports`
const shardOfReports = `nauthera-clients-${String(shardOf(appsNamespace, 'reports')).padStart(2, '0')}`
const everyTime = [
  'patch secrets nauthera-clients-manifest',
  ...['a', 'b', 'c'].map((name) => `patch pods server-${name}`),
]

describe('operator', () => {
  let cluster: Cluster
  let replicas: TestReplica[]
  let operator: TestOperator

  const isReady = (name: string) => () => {
    const client = cluster.client(name)
    const ready = cluster.condition(name, 'Ready')
    return ready?.status === 'True' && client?.status?.observedGeneration === client?.metadata.generation
  }
  const applyReady = async (name: string, spec: Record<string, unknown> = machine) => {
    await cluster.apply(name, spec)
    await cluster.until(isReady(name), `${name} is Ready`)
  }

  /** These writes and one or two of status, and no more however long one waits. */
  const expectWrites = async (from: number, expected: readonly string[]) => {
    const writes = () => cluster.writes(from).filter((write) => !write.includes('leases') && !write.includes('events'))
    const others = () => writes().filter((write) => !write.endsWith('status'))
    await cluster.until(() => others().length >= expected.length, `${expected.length} writes`)
    operator.clock.leap(6_000)
    await cluster.until(() => cluster.writes(from).some((write) => write.includes('leases')), 'the Lease was renewed')
    expect(others().sort()).to.deep.equal([...expected].sort())
    expect(writes().length - others().length).to.be.within(1, 2)
  }

  beforeEach(async () => {
    cluster = await startCluster()
    replicas = await Promise.all(['a', 'b', 'c'].map((name) => cluster.startReplica(`server-${name}`)))
    operator = cluster.startOperator()
    await operator.leading
    await cluster.until(() => replicas.every(({ expected }) => (expected.at(-1) ?? '') !== ''), 'a complete empty set')
    // Every shard may be written at once again.
    operator.clock.leap(1_500)
    await cluster.until(() => cluster.isWhole(), 'the manifest names every shard as it is stored')
    const manifest = cluster.secret(manifestSecretName(release), releaseNamespace)!
    const revision = shortDigest(manifest.metadata.annotations![annotations.contentDigest]!)
    const nudges = () =>
      cluster.api.store
        .all(cluster.api.resource('pods'), releaseNamespace)
        .map(({ metadata }) => metadata.annotations?.[annotations.clientsRevision] ?? '')
    await cluster.until(() => nudges().every((value) => value.startsWith(revision)), 'and every pod was nudged for it')
    operator.clock.leap(1_500)
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  describe('a new client', () => {
    it('is Ready when and only when every replica has it, and only then has a Secret', async () => {
      const slow = replicas[2]!
      slow.hold()
      await cluster.apply('reports', machine)
      await cluster.until(
        () => cluster.client('reports')?.status !== undefined,
        'people are told that it is on its way',
      )
      operator.clock.leap(6_000)
      await cluster.until(() => cluster.client('reports')?.status?.replicas?.loaded === 2, 'status counts two replicas')
      expect(cluster.client('reports')?.status?.replicas?.summary).to.equal('2/3')
      expect(cluster.condition('reports', 'Ready')).to.include({ status: 'False', reason: 'ReplicasLagging' })
      expect(cluster.secret('reports-oidc')).to.equal(undefined)
      slow.release()
      await cluster.until(isReady('reports'), 'reports is Ready')
      expect(cluster.plain('reports')).to.match(/^[A-Za-z0-9_-]{43}$/)
      expect(replicas.map((replica) => replica.accepts(reports, cluster.plain('reports')!))).to.deep.equal([
        true,
        true,
        true,
      ])
    })

    it('costs one shard, one manifest, one nudge a pod, its Secret and at most two status writes', async () => {
      const from = cluster.api.requests.length
      await applyReady('reports')
      await expectWrites(from, ['create secrets', `patch secrets ${shardOfReports}`, ...everyTime])
      const requests = cluster.api.requests.slice(from)
      const made = requests.findIndex(({ verb, resource }) => verb === 'create' && resource?.plural === 'secrets')
      const reads = requests.slice(0, made).filter(({ verb, name }) => verb === 'get' && name === 'reports-oidc')
      expect(reads.length, 'reads of a Secret that cannot be there').to.equal(0)
    })

    it('is reported in events, once each', async () => {
      await applyReady('reports')
      await cluster.until(
        () => cluster.api.store.all(cluster.api.resource('events'), appsNamespace).length >= 2,
        'two events',
      )
      const events = cluster.api.store.all(cluster.api.resource('events'), appsNamespace) as unknown as {
        reason: string
      }[]
      expect(events.map(({ reason }) => reason).sort()).to.deep.equal(['ClientAccepted', 'SecretCreated'])
    })

    it('without a secret of its own still gets a Secret with the endpoints', async () => {
      await applyReady('app', { type: 'SPA', redirectURIs: ['https://app.example.com/callback'] })
      const secret = cluster.secret('app-oidc')
      expect(Object.keys(secret!.data)).to.include.members(['client_id', 'issuer', 'token_endpoint'])
      expect(secret!.data).not.to.have.property('client_secret')
    })

    it('gets its Secret without a replica too, when none has come for a minute', async () => {
      await Promise.all(replicas.map((replica) => replica.remove()))
      await cluster.until(() => operator.log.told('replica gone').length === 3, 'no replica is left')
      await cluster.apply('reports', machine)
      await cluster.until(() => operator.log.told('secret minted').length === 1, 'the secret is minted')
      await cluster.until(() => operator.log.told('manifest written').length > 1, 'the client is in its shard')
      expect(cluster.secret('reports-oidc')).to.equal(undefined)
      await operator.pass(61_000)
      await cluster.until(() => cluster.plain('reports') !== undefined, 'the Secret is there')
    })
  })

  describe('an operator that starts before the replicas', () => {
    const names = Array.from({ length: 16 }, (_, index) => `early-${index}`)
    const allGone = async () => {
      const told = operator.log.told('replica gone').length
      const { length } = replicas
      await Promise.all(replicas.splice(0).map((replica) => replica.remove()))
      await cluster.until(() => operator.log.told('replica gone').length === told + length, 'no replica is left')
    }

    it('I9 says 0/0 and not Ready, and every client is Ready soon after a replica has come: nobody touches it', async () => {
      await allGone()
      for (const name of names) await cluster.apply(name, machine)
      await cluster.until(() => operator.log.told('secret minted').length === names.length, 'all secrets are minted')
      await operator.pass(70_000)
      await cluster.until(() => names.every((name) => cluster.plain(name) !== undefined), 'the Secrets are there')
      await cluster.until(
        () => names.every((name) => cluster.client(name)?.status?.replicas?.summary === '0/0'),
        'people are told that no replica is there',
      )
      await operator.pass(8_000)
      for (const name of names)
        expect(cluster.condition(name, 'Ready'), name).to.include({ status: 'False', reason: 'ReplicasLagging' })
      await cluster.startReplica('server-d')
      await cluster.until(() => names.every((name) => isReady(name)()), 'every client is Ready')
      expect(cluster.client(names[0]!)?.status?.replicas?.summary).to.equal('1/1')
    })

    it('I9 says that no replica is left, and Ready again when one is back', async () => {
      await applyReady('reports')
      await allGone()
      await operator.pass(8_000)
      await cluster.until(() => cluster.client('reports')?.status?.replicas?.summary === '0/0', 'nobody has it')
      expect(cluster.condition('reports', 'Ready')).to.include({ status: 'False', reason: 'ReplicasLagging' })
      await cluster.startReplica('server-d')
      await cluster.until(isReady('reports'), 'reports is Ready')
    })
  })

  describe('a replica that joins', () => {
    const names = Array.from({ length: 8 }, (_, index) => `settled-${index}`)
    const ofClients = (from: number) => cluster.writes(from).filter((write) => !/leases|events|pods/.test(write))
    const passUntil = async (holds: () => boolean) => {
      while (!holds()) await operator.pass(4_000)
    }
    /** @returns how many looks there were until nothing was looked at for some time */
    const looksAtRest = async () => {
      let looks = await operator.looks()
      for (let before = -1; before !== looks; looks = await operator.looks()) {
        before = looks
        await operator.pass(4_000)
      }
      return looks
    }

    it('costs no look at a client and no write about one, when it loads what is stored before it takes requests', async () => {
      for (const name of names) await cluster.apply(name, machine)
      await cluster.until(() => names.every((name) => isReady(name)()), 'every client is Ready')
      const looks = await looksAtRest()
      const from = cluster.api.requests.length
      const late = await cluster.startReplica('server-d', { isLoading: true })
      await cluster.until(() => (late.expected.at(-1) ?? '') !== '', 'it hears what is expected')
      late.load()
      await operator.pass(8_000)
      expect(ofClients(from)).to.deep.equal([])
      expect((await operator.looks()) - looks).to.equal(0)

      await applyReady('settled-0', { ...machine, description: 'The new one has it too' })
      expect(cluster.client('settled-0')?.status?.replicas?.summary).to.equal('4/4')
      const others = ofClients(from).filter((write) => write.includes('settled') && !write.includes('settled-0'))
      expect(others).to.deep.equal([])
      expect((await operator.looks()) - looks, 'looks at the one that was changed').to.be.below(names.length)
    })

    it('is noticed when it takes requests without a client: that one is Ready no longer, until the replica has it', async () => {
      await applyReady('reports')
      const late = await cluster.startReplica('server-d', { isLoading: true })
      await cluster.until(() => (late.expected.at(-1) ?? '') !== '', 'it hears what is expected')
      await operator.pass(8_000)
      expect(cluster.condition('reports', 'Ready')?.status, 'while it loads').to.equal('True')
      late.mount()
      await passUntil(() => cluster.client('reports')?.status?.replicas?.summary === '3/4')
      expect(cluster.condition('reports', 'Ready')).to.include({ status: 'False', reason: 'ReplicasLagging' })
      late.load()
      await cluster.until(isReady('reports'), 'reports is Ready')
    })

    it('is noticed when it loads for more than a minute, though nobody says anything new', async () => {
      await applyReady('reports')
      const late = await cluster.startReplica('server-d', { isLoading: true })
      await cluster.until(() => (late.expected.at(-1) ?? '') !== '', 'it hears what is expected')
      await passUntil(() => cluster.client('reports')?.status?.replicas?.summary === '3/4')
      expect(cluster.condition('reports', 'Ready')).to.include({ status: 'False', reason: 'ReplicasLagging' })
    })
  })

  describe('a changed client', () => {
    it('costs one shard, one manifest, one nudge a pod and one or two status writes', async () => {
      await applyReady('reports')
      operator.clock.leap(1_500)
      const from = cluster.api.requests.length
      await applyReady('reports', { ...machine, description: 'Monthly reports' })
      await expectWrites(from, [`patch secrets ${shardOfReports}`, ...everyTime])
    })

    it('is Ready again when an edit that was taken back on its way has come and gone', async () => {
      await applyReady('reports')
      operator.clock.leap(1_500)
      const from = cluster.api.requests.length
      const isWrite = ({ verb, name }: { verb: string; name?: string | undefined }) =>
        verb === 'patch' && name === shardOfReports
      const writes = () => cluster.api.requests.slice(from).filter(isWrite).length
      cluster.api.faults.add({ when: isWrite, effect: { kind: 'delay', ms: 2_000 }, times: 1 })
      await cluster.apply('reports', { ...machine, description: 'Taken back' })
      await cluster.until(() => writes() === 1, 'the edit is being written')
      await applyReady('reports')
      expect(writes(), 'the edit, and what it was before').to.equal(2)
    })

    it('keeps what is live when the new version breaks a rule', async () => {
      await applyReady('reports')
      const plain = cluster.plain('reports')!
      await cluster.apply('reports', { ...machine, access: { requiredAcr: ['mfa'] } })
      await cluster.until(() => cluster.condition('reports', 'Accepted')?.status === 'False', 'the version is refused')
      expect(cluster.condition('reports', 'Accepted')?.reason).to.equal('InvalidSpec')
      expect(replicas.every((replica) => replica.accepts(reports, plain))).to.equal(true)
    })

    it('keeps the earlier version on every replica, new ones too, when a server rejects the new version', async () => {
      await applyReady('reports')
      const plain = cluster.plain('reports')!
      const rule: Parameters<TestReplica['reject']>[0] = ({ desired }) =>
        desired?.description === 'Refused by the server'
          ? { field: 'spec.auth.jwks', code: 'CLIENT_REJECTED', message: 'not a JWK set' }
          : undefined
      for (const replica of replicas) replica.reject(rule)
      await cluster.apply('reports', { ...machine, description: 'Refused by the server' })
      await cluster.until(
        () => cluster.condition('reports', 'Propagated')?.reason === 'RejectedByServer',
        'the reason is shown',
      )
      expect(cluster.condition('reports', 'Ready')?.message).to.include('spec.auth.jwks')
      const late = await cluster.startReplica('server-late')
      late.reject(rule)
      expect(late.accepts(reports, plain)).to.equal(true)
      expect(replicas.every((replica) => replica.accepts(reports, plain))).to.equal(true)
    })

    it('goes on with other clients when one cannot be understood', async () => {
      await applyReady('reports')
      cluster.api.set({
        apiVersion: 'auth.nauthera.io/v1alpha1',
        kind: 'OIDCClient',
        metadata: { name: 'poison', namespace: appsNamespace, generation: 1 },
        spec: { type: 'Web', redirectURIs: { not: 'a list' }, auth: 7 },
      } as never)
      await cluster.until(
        () =>
          cluster.condition('poison', 'Accepted')?.status === 'False' ||
          operator.log.told('reconcile failed').length > 0,
        'the poison is met',
      )
      await applyReady('other')
      expect(isReady('reports')()).to.equal(true)
    })
  })

  describe('a deleted client', () => {
    it('is refused by every replica, and its Secret is removed', async () => {
      await applyReady('reports')
      const plain = cluster.plain('reports')!
      await cluster.remove('reports')
      await cluster.until(
        () => replicas.every((replica) => !replica.accepts(reports, plain)),
        'every replica refuses it',
      )
      expect(cluster.secret('reports-oidc')).to.equal(undefined)
    })

    it('K1 leaves nothing to a new client of the same name', async () => {
      await applyReady('reports')
      const [plain, uid] = [cluster.plain('reports')!, cluster.client('reports')!.metadata.uid]
      await cluster.remove('reports')
      await applyReady('reports')
      expect(cluster.client('reports')!.metadata.uid).not.to.equal(uid)
      expect(cluster.plain('reports')).not.to.equal(plain)
      expect(replicas.some((replica) => replica.accepts(reports, plain))).to.equal(false)
    })
  })

  describe('two clients with one id', () => {
    const custom = { ...machine, clientId: 'shared-id' }

    it('K1 serves the older one; the other takes over when that is gone', async () => {
      await operator.stop()
      operator = cluster.startOperator({ settings: { policy: { allow: { customClientId: true } } } })
      await operator.leading
      await applyReady('first', custom)
      await cluster.apply('second', custom)
      await cluster.until(
        () => cluster.condition('second', 'Accepted')?.reason === 'ClientIDConflict',
        'the conflict is shown',
      )
      expect(replicas[0]!.clients()).to.deep.equal([`${appsNamespace}/first`])
      await cluster.apply('third', custom)
      const holderOf = (name: string) => /apps\/\w+/.exec(cluster.condition(name, 'Accepted')?.message ?? '')?.[0]
      await cluster.until(() => holderOf('third') === `${appsNamespace}/first`, 'the third learns who has it')
      const untilItHasIt = (one: string, other: string): Promise<void> => {
        const has = () => isReady(one)() && holderOf(other) === `${appsNamespace}/${one}`
        return cluster.until(has, `${one} has it, and ${other} learns who`)
      }
      await cluster.remove('first')
      await untilItHasIt('second', 'third')
      await cluster.apply('first', custom)
      await cluster.until(
        () => holderOf('first') === `${appsNamespace}/second`,
        'a new first does not get it back, though the entry of the old one may still be stored',
      )
      await cluster.remove('second')
      await untilItHasIt('third', 'first')
    })

    it('K1 serves one on that asks for the identifier of another API, and gives it the name when that is free', async () => {
      await operator.stop()
      operator = cluster.startOperator({ settings: { policy: { allow: { resourceServer: true } } } })
      await operator.leading
      const api = (identifier: string) => ({ ...machine, resourceServer: { identifier, scopes: [{ name: 'read' }] } })
      const identifierIn = (version: 'desired' | 'accepted') =>
        cluster.stored('moving')![version]?.resourceServer?.identifier
      await applyReady('billing', api('urn:example:billing'))
      await applyReady('moving', api('urn:example:moving'))
      const id = `${appsNamespace}/moving`
      const plain = cluster.plain('moving')!
      const caller = { ...machine, audiences: ['urn:example:moving'], scopes: ['read'] }
      await applyReady('caller', caller)
      const letIn = () =>
        cluster.stored('caller')!.granted!.apis.map(({ identifier, scopes }) => [identifier, ...scopes])
      expect(letIn()).to.deep.equal([['urn:example:moving', 'read']])
      await cluster.apply('moving', api('urn:example:billing'))
      await cluster.until(
        () => cluster.condition('moving', 'Accepted')?.message.includes(`taken by ${appsNamespace}/billing`),
        'it learns who has the identifier',
      )
      expect(replicas.every((replica) => replica.accepts(id, plain))).to.equal(true)
      await cluster.until(() => identifierIn('accepted') === 'urn:example:moving', 'its earlier version is carried')
      expect(replicas.every((replica) => replica.accepts(id, plain))).to.equal(true)
      await applyReady('caller', { ...caller, displayName: 'Looked at since' })
      expect(letIn()).to.deep.equal([['urn:example:moving', 'read']])
      await cluster.remove('billing')
      await cluster.until(isReady('moving'), 'the name is free')
      expect(identifierIn('desired')).to.equal('urn:example:billing')
      expect(cluster.plain('moving')).to.equal(plain)
    })
  })

  describe('secrets of others', () => {
    it('K2 leaves a Secret of that name alone', async () => {
      cluster.api.set({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'reports-oidc', namespace: appsNamespace, labels: { 'auth.nauthera.io/client': 'reports' } },
        data: { token: 'dW50b3VjaGVk' },
      } as never)
      await cluster.apply('reports', machine)
      await cluster.until(
        () => cluster.condition('reports', 'SecretReady')?.reason === 'NameTaken',
        'NameTaken is shown',
      )
      expect(cluster.secret('reports-oidc')!.data).to.deep.equal({ token: 'dW50b3VjaGVk' })
    })

    it('K2 leaves one alone that nobody owns, though its labels and annotations say that it is ours', async () => {
      const sha256 = digestOf('hunter2')
      cluster.planted.add('hunter2')
      cluster.api.set({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {
          name: 'reports-oidc',
          namespace: appsNamespace,
          labels: { [labels.client]: 'reports', [labels.managedBy]: managedByOperator },
          annotations: {
            [annotations.secretId]: sha256.slice(0, 8),
            [annotations.rotatedAt]: '2099-01-01T00:00:00Z',
            [annotations.verifiers]: JSON.stringify([{ sha256 }]),
          },
        },
        data: { client_secret: Buffer.from('hunter2').toString('base64') },
      } as never)
      await cluster.apply('reports', machine)
      await cluster.until(
        () => cluster.condition('reports', 'SecretReady')?.reason === 'NameTaken',
        'NameTaken is shown',
      )
      expect(cluster.plain('reports')).to.equal('hunter2')
      expect(replicas.some((replica) => replica.accepts(reports, 'hunter2'))).to.equal(false)
    })

    it('K2 never writes over its own Secrets for a client that asks for their name', async () => {
      for (const name of ['nauthera-clients-03', 'nauthera-keys', 'nauthera-link']) {
        await cluster.apply('thief', { ...machine, secret: { name } }, { namespace: releaseNamespace })
        const condition = () =>
          cluster.client('thief', releaseNamespace)?.status?.conditions?.find(({ type }) => type === 'SecretReady')
        await cluster.until(() => condition()?.reason === 'NameTaken', `${name} is taken`)
        expect(cluster.secret(name, releaseNamespace)?.data ?? {}).not.to.have.property('client_secret')
        await cluster.remove('thief', releaseNamespace)
      }
    })

    it('K2 waits for a Secret that its author may use, and uses it then', async () => {
      await operator.stop()
      operator = cluster.startOperator({ settings: { policy: { allow: { existingSecret: true } } } })
      await operator.leading
      const value = 'a-secret-of-their-own-with-40-characters'
      const given = (labels: Record<string, string>) =>
        cluster.api.set({
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'given', namespace: appsNamespace, labels },
          data: { value: Buffer.from(value).toString('base64') },
        } as never)
      given({})
      await cluster.apply('reports', { ...machine, secret: { existingSecretRef: { name: 'given', key: 'value' } } })
      await cluster.until(() => cluster.condition('reports', 'SecretReady')?.reason === 'WaitingForSecret', 'it waits')
      expect(cluster.plain('reports')).to.equal(undefined)
      given({ 'auth.nauthera.io/client': 'reports' })
      await operator.pass(16_000)
      await cluster.until(isReady('reports'), 'reports is Ready')
      expect(cluster.plain('reports')).to.equal(value)
      expect(replicas.every((replica) => replica.accepts(reports, value))).to.equal(true)
    })

    it('follows a changed value of their own within a minute; the one before it has an overlap, and a revocation ends it', async () => {
      await operator.stop()
      operator = cluster.startOperator({ settings: { policy: { allow: { existingSecret: true } } } })
      await operator.leading
      const values = ['first', 'second', 'third'].map((name) => `a-secret-of-their-own-${name}`.padEnd(40, '-'))
      const [first, second, third] = values as [string, string, string]
      const give = (value: string) =>
        cluster.api.set({
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'given', namespace: appsNamespace, labels: { 'auth.nauthera.io/client': 'reports' } },
          data: { value: Buffer.from(value).toString('base64') },
        } as never)
      const own = { ...machine, secret: { existingSecretRef: { name: 'given', key: 'value' } } }
      const accepted = () => values.map((value) => replicas.every((replica) => replica.accepts(reports, value)))
      give(first)
      await cluster.apply('reports', own)
      await cluster.until(isReady('reports'), 'reports is Ready')
      give(second)
      await operator.pass(61_000)
      await cluster.until(() => cluster.plain('reports') === second, 'the change is found')
      expect(accepted()).to.deep.equal([true, true, false])
      await cluster.until(
        () => cluster.client('reports')?.status?.secret?.previous?.length === 1,
        'the one before it is shown',
      )
      expect(cluster.client('reports')?.status?.effective?.rotation?.overlap).to.equal('1h')
      give(third)
      await cluster.apply('reports', { ...own, rotation: { revokePrevious: 'leaked' } })
      await cluster.until(() => cluster.plain('reports') === third, 'a revocation lets the third in at once')
      await cluster.until(() => accepted().join() === 'false,false,true', 'and ends the others')
    })

    it('K4 shows no secret in status, events or log', async () => {
      await applyReady('reports')
      const plain = cluster.plain('reports')!
      const shown = JSON.stringify([
        cluster.client('reports'),
        cluster.api.store.all(cluster.api.resource('events')),
        operator.log.lines,
      ])
      for (const form of [plain, Buffer.from(plain).toString('base64'), Buffer.from(plain).toString('hex')]) {
        expect(shown).not.to.include(form)
      }
    })

    it('K12 stores verifiers only in its shards', async () => {
      await applyReady('reports')
      const plain = cluster.plain('reports')!
      for (const { metadata } of cluster.api.store.all(cluster.api.resource('secrets'), releaseNamespace)) {
        expect(JSON.stringify(cluster.secret(metadata.name, releaseNamespace))).not.to.include(plain)
      }
      expect(replicas[0]!.accepts(reports, plain)).to.equal(true)
    })
  })

  describe('a client that lists its secrets', () => {
    const digests = (...secrets: readonly string[]) => secrets.map((secret) => ({ sha256: digestOf(secret) }))
    const lists = (...verifiers: readonly { sha256: string; notAfter?: string }[]) => ({
      ...machine,
      secret: { verifiers },
    })
    const accepted = (...secrets: readonly string[]) =>
      secrets.map((secret) => replicas.map((replica) => replica.accepts(reports, secret)))
    const verifiers = () =>
      Object.fromEntries(
        (cluster.client('reports')?.status?.verifiers ?? []).map(({ id, acceptedByAll }) => [id, acceptedByAll]),
      )
    const idOf = (secret: string) => digestOf(secret).slice(0, 8)
    const [all, none] = [
      [true, true, true],
      [false, false, false],
    ]
    const callsForIt = () =>
      cluster.api.requests.filter(({ name }) => name === 'reports-oidc').map(({ verb, name }) => `${verb} ${name}`)

    beforeEach(async () => {
      await operator.stop()
      operator = cluster.startOperator({ settings: { policy: { allow: { verifiers: true } } } })
      await operator.leading
    })

    it('is Ready with them and no Secret; another list rotates them, and what ended does not return', async () => {
      await applyReady('reports', lists(...digests('first')))
      expect(accepted('first')).to.deep.equal([all])
      expect(cluster.condition('reports', 'Ready')?.message).to.equal(
        'live on every replica, and its secrets are valid there',
      )
      const notAfter = new Date(operator.clock.now() + 3_600_000).toISOString()
      await applyReady('reports', lists({ sha256: digestOf('first'), notAfter }, ...digests('second')))
      expect(accepted('first', 'second')).to.deep.equal([all, all])
      await applyReady('reports', lists(...digests('second')))
      await cluster.until(() => accepted('first')[0]!.every((is) => !is), 'the first has ended')
      await cluster.apply('reports', lists(...digests('first')))
      await cluster.until(() => cluster.condition('reports', 'SecretReady')?.reason === 'SecretEnded', 'it is refused')
      expect(accepted('first', 'second')).to.deep.equal([none, all])
      expect(cluster.client('reports')?.status?.endedVerifiers).to.deep.equal([idOf('first')])
      expect(callsForIt(), 'calls for a Secret').to.deep.equal([])
    })

    it('is Ready again, and tells that all take a secret, only when the last replica does', async () => {
      await applyReady('reports', lists(...digests('first')))
      const { generation } = cluster.client('reports')!.metadata
      const slow = replicas[2]!
      slow.hold()
      const notAfter = new Date(operator.clock.now() + 3_600_000).toISOString()
      await cluster.apply('reports', lists({ sha256: digestOf('first'), notAfter }, ...digests('second')))
      await cluster.until(() => replicas[0]!.accepts(reports, 'second'), 'one replica has it')
      operator.clock.leap(6_000)
      await cluster.until(
        () => cluster.client('reports')?.status?.verifiersGeneration === generation + 1,
        'the list is given to servers',
      )
      expect(cluster.condition('reports', 'Ready')).to.include({ status: 'False', reason: 'ReplicasLagging' })
      expect(verifiers()).to.deep.equal({ [idOf('second')]: false, [idOf('first')]: true })
      slow.release()
      await cluster.until(isReady('reports'), 'reports is Ready')
      expect(verifiers()).to.deep.equal({ [idOf('second')]: true, [idOf('first')]: true })
    })

    it('keeps them when its list breaks a rule, and when its version is denied', async () => {
      await applyReady('reports', lists(...digests('first')))
      await cluster.apply('reports', { ...lists(...digests('second')), access: { requiredAcr: ['mfa'] } })
      await cluster.until(() => cluster.condition('reports', 'Accepted')?.reason === 'InvalidSpec', 'it is refused')
      expect(accepted('first', 'second')).to.deep.equal([all, none])
      await operator.stop()
      operator = cluster.startOperator()
      await operator.leading
      await cluster.apply('reports', lists(...digests('second')))
      await cluster.until(
        () => cluster.condition('reports', 'PolicyCompliant')?.reason === 'PolicyViolation',
        'it is denied',
      )
      expect(accepted('first', 'second')).to.deep.equal([all, none])
      expect(callsForIt(), 'calls for a Secret').to.deep.equal([])
    })

    it('takes over from a minted secret and gives back to one: neither ends before the overlap', async () => {
      const rotation = { overlap: '1m', retire: 'AfterOverlap' }
      await applyReady('reports', { ...machine, rotation })
      const first = cluster.plain('reports')!
      await applyReady('reports', { ...lists(...digests('own')), rotation })
      await cluster.until(
        () => cluster.client('reports')?.status?.secret?.previous?.[0]?.expiresAt !== undefined,
        'the minted one has an end',
      )
      expect(accepted(first, 'own')).to.deep.equal([all, all])
      // people do this once no program reads it
      cluster.api.store.remove(cluster.api.resource('secrets'), appsNamespace, 'reports-oidc')
      await operator.pass(61_000)
      await cluster.until(() => accepted(first)[0]!.every((is) => !is), 'the minted one has ended')
      await applyReady('reports', { ...machine, rotation })
      await cluster.until(() => cluster.plain('reports') !== first, 'another one is minted')
      await cluster.until(isReady('reports'), 'reports is Ready')
      expect(accepted(first, 'own', cluster.plain('reports')!), 'the old one does not return').to.deep.equal([
        none,
        all,
        all,
      ])
      await operator.pass(61_000)
      await cluster.until(() => accepted('own')[0]!.every((is) => !is), 'the listed one has ended')
      expect(accepted(cluster.plain('reports')!)).to.deep.equal([all])
    })
  })

  describe('two clients that ask for one Secret', () => {
    const shared = { ...machine, secret: { name: 'shared-oidc' } }

    it('K2 only one is Ready: the one that has it, and it makes it again when it is gone', async () => {
      await applyReady('shared')
      await applyReady('second')
      const { api } = cluster
      api.store.remove(api.resource('secrets'), appsNamespace, 'shared-oidc')
      await cluster.apply('second', shared)
      await cluster.until(
        () => cluster.condition('second', 'SecretReady')?.reason === 'NameTaken',
        'the second is told whose it is',
      )
      expect(cluster.condition('second', 'SecretReady')?.message).to.include(`OIDCClient ${appsNamespace}/shared`)
      operator.clock.leap(2_000)
      await cluster.until(() => cluster.secret('shared-oidc') !== undefined, 'the first has made its Secret again')
      expect(cluster.secret('shared-oidc')?.metadata.labels?.[labels.client]).to.equal('shared')
      expect(cluster.condition('second', 'Ready')?.status).to.equal('False')
    })

    it('K2 is not Ready any more once the other has the Secret', async () => {
      await applyReady('shared')
      await applyReady('second')
      // as somebody does who writes the Secret by hand for the other client
      const taken = cluster.secret('shared-oidc')!
      const metadata = { ...taken.metadata, labels: { ...taken.metadata.labels, [labels.client]: 'second' } }
      cluster.api.set({ ...taken, metadata, ownerReferences: [] } as never)
      await cluster.apply('second', shared)
      operator.clock.leap(2_000)
      await cluster.until(
        () => cluster.condition('shared', 'SecretReady')?.reason === 'NameTaken',
        'the first is told that it has lost its Secret',
      )
      expect(cluster.condition('shared', 'Ready')?.status).to.equal('False')
    })
  })

  describe('what another release serves', () => {
    it('is left alone', async () => {
      await cluster.apply('foreign', { ...machine, serverName: 'internal' })
      cluster.api.set({
        apiVersion: 'auth.nauthera.io/v1alpha1',
        kind: 'OIDCClient',
        metadata: { name: 'served', namespace: appsNamespace, generation: 1 },
        spec: machine,
        status: { servedBy: 'elsewhere/nauthera' },
      } as never)
      await applyReady('reports')
      expect(replicas[0]!.clients()).to.deep.equal([reports])
      expect(cluster.client('foreign')?.status).to.equal(undefined)
      expect(cluster.client('served')?.status).to.deep.equal({ servedBy: 'elsewhere/nauthera' })
    })
  })

  describe('ways of watching', () => {
    for (const [mode, namespaces] of [
      ['namespaces', [appsNamespace]],
      ['release', []],
    ] as const) {
      it(`serves a client in mode ${mode} with no more rights than that mode has`, async () => {
        await operator.stop()
        operator = cluster.startOperator({ settings: { nudge: false, watch: { mode, namespaces } } })
        await operator.leading
        const namespace = mode === 'release' ? releaseNamespace : appsNamespace
        await cluster.apply('reports', machine, { namespace })
        const ready = () =>
          cluster.client('reports', namespace)?.status?.conditions?.find(({ type }) => type === 'Ready')?.status ===
          'True'
        await cluster.until(ready, 'reports is Ready')
        const refused = cluster.api.requests.filter(({ user, code }) => user === operator.identity && code === 403)
        expect(refused).to.deep.equal([])
      })
    }
  })

  it('never lists or watches Secrets', async () => {
    await applyReady('reports')
    const calls = cluster.api.requests.filter(
      ({ user, resource }) => user === operator.identity && resource?.plural === 'secrets',
    )
    expect(new Set(calls.map(({ verb }) => verb))).to.deep.equal(new Set(['get', 'create', 'patch']))
  })
})
