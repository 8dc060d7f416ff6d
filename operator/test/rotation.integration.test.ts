import { expect } from 'chai'
import type { OIDCClient } from '../src/api/oidc-client.ts'
import { runPlugin } from './kubectl/plugin.ts'
import { digestOf } from '@nauthera/proto/digest'
import { annotations } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { machine, startCluster } from '@nauthera/harness/operator/cluster'
import { appsNamespace, releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import type { TestReplica } from '@nauthera/harness/operator/replica'

const reports = `${appsNamespace}/reports`
const shard = shardOf(appsNamespace, 'reports')
const rotating = (trigger: string, more: Record<string, unknown> = {}) => ({
  ...machine,
  rotation: { trigger, overlap: '2m', retire: 'AfterOverlap', ...more },
})

describe('rotation', () => {
  let cluster: Cluster
  let replicas: TestReplica[]
  let operator: TestOperator

  const status = () => cluster.client('reports')?.status?.secret
  /** Every mount that is not held back has the pair of secrets. */
  const hasBoth = () =>
    cluster.stored('reports')?.verifiers.length === 2 &&
    replicas[1]!.seq(shard) > 0 &&
    replicas[1]!.seq(shard) === seqOf()
  const seqOf = () => cluster.storedSeq('reports')
  const isReady = () => cluster.condition('reports', 'Ready')?.status === 'True'
  const acceptedBy = (secret: string) => replicas.map((replica) => replica.accepts(reports, secret))
  const mark = (name: string) => cluster.secret('reports-oidc')?.metadata.annotations?.[name]

  beforeEach(async () => {
    cluster = await startCluster()
    replicas = await Promise.all(['a', 'b', 'c'].map((name) => cluster.startReplica(`server-${name}`)))
    await cluster.apply('reports', machine)
    operator = cluster.startOperator()
    await operator.leading
    await cluster.until(isReady, 'reports is Ready')
    // Every shard may be written at once again.
    operator.clock.leap(1_500)
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  it('mints, waits for every replica, publishes, keeps the old one for the overlap, retires it', async () => {
    const old = cluster.plain('reports')!
    const slow = replicas[2]!
    slow.hold()
    await cluster.apply('reports', rotating('1'))
    await cluster.until(() => operator.log.told('secret minted').length === 2, 'a second secret is minted')
    await cluster.until(() => replicas[0]!.seq(shard) > slow.seq(shard), 'the others have it')
    operator.clock.leap(5_000)
    expect(cluster.plain('reports')).to.equal(old)
    slow.release()
    await cluster.until(() => cluster.plain('reports') !== old, 'the new secret is published')
    const fresh = cluster.plain('reports')!
    expect(acceptedBy(fresh)).to.deep.equal([true, true, true])
    expect(acceptedBy(old)).to.deep.equal([true, true, true])
    await cluster.until(() => status()?.previous?.length === 1, 'status shows the previous one')
    expect(status()?.observedTrigger).to.equal('1')
    await operator.pass(121_000)
    await cluster.until(() => !acceptedBy(old).includes(true), 'the old one is refused everywhere')
    expect(acceptedBy(fresh)).to.deep.equal([true, true, true])
    await cluster.until(() => status()?.previous === undefined, 'status shows it no more')
  })

  it('is triggered by the annotation too, which stays where it is', async () => {
    const old = cluster.plain('reports')!
    await cluster.apply('reports', machine, { annotations: { [annotations.rotate]: 'now' } })
    await cluster.until(() => cluster.plain('reports') !== old, 'the new secret is published')
    await cluster.until(() => status()?.observedAnnotation === 'now', 'status says so')
    expect(cluster.client('reports')?.metadata.annotations?.[annotations.rotate]).to.equal('now')
  })

  it('is asked for by kubectl nauthera rotate, which follows it until nothing else works', async () => {
    const old = cluster.plain('reports')!
    const kubectl = (args: readonly string[]) => {
      const answer = {
        code: 0,
        stdout: JSON.stringify({ kind: 'OIDCClient', ...cluster.client('reports') }),
        stderr: '',
      }
      if (args[0] !== 'patch') return answer
      const { metadata, spec } = JSON.parse(args[args.indexOf('--patch') + 1]!) as Pick<OIDCClient, 'metadata' | 'spec'>
      void cluster.apply('reports', { ...machine, ...spec }, { annotations: { ...metadata.annotations } })
      return answer
    }
    const pause = () => {
      const before = JSON.stringify(status())
      return cluster.until(() => JSON.stringify(status()) !== before, 'the status says more')
    }
    const { code, out } = await runPlugin(['rotate', 'reports', '--wait', '--revoke-previous'], { kubectl, pause })
    expect(code).to.equal(0)
    expect(out).to.equal(
      `the new secret ${digestOf(cluster.plain('reports')!).slice(0, 8)} is in Secret reports-oidc; every server refuses the older ones\n`,
    )
    await cluster.until(() => !acceptedBy(old).includes(true), 'the old one is refused everywhere')
  })

  it('rotates once for an annotation that is longer than the status has room for', async () => {
    await cluster.apply('reports', machine, { annotations: { [annotations.rotate]: 'x'.repeat(1_000) } })
    await cluster.until(() => status()?.observedAnnotation === 'x'.repeat(256), 'status says so')
    await operator.pass(601_000)
    expect(operator.log.told('secret minted').length).to.equal(2)
  })

  it('stays Ready all the time and costs one status write or two', async () => {
    operator.clock.leap(1_500)
    const from = cluster.api.requests.length
    const seen = new Set<string | undefined>()
    const stop = cluster.api.store.onChange(() => seen.add(cluster.condition('reports', 'Ready')?.status))
    const old = cluster.plain('reports')!
    await cluster.apply('reports', rotating('1'))
    await cluster.until(() => status()?.previous?.length === 1, 'the overlap has begun')
    stop()
    expect(cluster.plain('reports')).not.to.equal(old)
    expect([...seen]).to.deep.equal(['True'])
    expect(cluster.writes(from).filter((write) => write.endsWith('reports status')).length).to.be.within(1, 2)
    expect(cluster.writes(from).filter((write) => write === 'patch secrets reports-oidc').length).to.equal(1)
  })

  it('K17 has at most two live secrets, though fifty triggers come', async () => {
    for (let trigger = 0; trigger < 50; trigger++) await cluster.apply('reports', rotating(String(trigger)))
    await cluster.until(() => status()?.observedTrigger !== undefined, 'one is obeyed')
    await cluster.until(() => (status()?.previous?.length ?? 0) === 1, 'the overlap has begun')
    const verifiers = JSON.parse(mark(annotations.verifiers)!) as unknown[]
    expect(verifiers.length).to.be.at.most(2)
    expect(operator.log.told('secret published').length).to.be.at.most(2)
  })

  it('revokes the previous secret at once when it is told to', async () => {
    const old = cluster.plain('reports')!
    await cluster.apply('reports', rotating('leak', { revokePrevious: 'leak' }))
    await cluster.until(() => cluster.plain('reports') !== old, 'the new secret is published')
    await cluster.until(() => !acceptedBy(old).includes(true), 'the leaked one is refused everywhere')
    await cluster.until(() => status()?.observedRevoke === 'leak', 'status says so')
  })

  it('names a secret that is ended early until the last server refuses it', async () => {
    const old = cluster.plain('reports')!
    const slow = replicas[2]!
    const id = digestOf(old).slice(0, 8)
    const early: string[] = []
    const stop = cluster.api.store.onChange(() => {
      // it gets the new secret, and nothing after it
      if (cluster.plain('reports') !== old) slow.hold()
      const isNamed = status()?.activeId === id || status()?.previous?.some((one) => one.id === id)
      if (!isNamed && acceptedBy(old).includes(true)) early.push(JSON.stringify(status()))
    })
    await cluster.apply('reports', rotating('leak', { revokePrevious: 'leak' }))
    await cluster.until(() => status()?.observedRevoke === 'leak', 'the revocation is obeyed')
    await cluster.until(() => acceptedBy(old).join() === 'false,false,true', 'all but one server refuse it')
    expect(status()?.previous).to.deep.equal([{ id }])
    expect(isReady()).to.equal(true)
    stop()
    slow.release()
    await cluster.until(() => status()?.previous === undefined, 'the status names it no more')
    expect(acceptedBy(old)).to.deep.equal([false, false, false])
    expect(early).to.deep.equal([])
  })

  /** With a quiet period that tests can wait for. */
  const restart = async (leapMs: number) => {
    await operator.stop()
    operator = cluster.startOperator({ settings: { quietPeriod: '5m' } })
    operator.clock.leap(leapMs)
    await operator.leading
    await cluster.until(() => operator.log.told('started').length > 0, 'the next one works')
  }

  it('shows the last use of a previous secret within minutes, and keeps the secret while it is used', async () => {
    const old = cluster.plain('reports')!
    const oldId = digestOf(old).slice(0, 8)
    await restart(1_500)
    await cluster.apply('reports', rotating('1', { retire: 'WhenUnused' }))
    await cluster.until(() => status()?.previous?.length === 1, 'the overlap has begun')
    await operator.pass(121_000)
    for (let turn = 0; turn < 3; turn++) {
      const from = cluster.api.requests.length
      replicas[0]!.use(reports, oldId, operator.clock.now())
      const usedAt = Math.floor(operator.clock.now() / 1000) * 1000
      await operator.pass(61_000)
      await cluster.until(
        () => Date.parse(status()?.previous?.[0]?.lastUsed ?? '') >= usedAt,
        'its last use is shown, though nobody edits anything',
      )
      expect(acceptedBy(old)).to.deep.equal([true, true, true])
      expect(cluster.writes(from).filter((write) => write.endsWith('reports status')).length).to.equal(1)
      await operator.pass(3 * 60_000)
    }
    expect(status()?.lastUsed, 'of any secret, once a day').to.be.a('string')
    await operator.pass(2 * 60_000)
    await cluster.until(() => !acceptedBy(old).includes(true), 'nobody has used it for the quiet period')
  })

  it('K27 writes the status on when a replica tells a use in a year that no calendar has', async () => {
    const beyond = 10 ** 16
    replicas[0]!.use(reports, status()!.activeId!, beyond)
    await cluster.apply('reports', rotating('1'))
    await cluster.until(
      () => status()?.observedTrigger === '1' && isReady(),
      'a rotation goes on, and the status says so',
    )
    await cluster.until(() => status()?.lastUsed !== undefined, 'the use is told')
    expect(Date.parse(status()!.lastUsed!)).to.be.at.most(operator.clock.now())
  })

  it('P9 begins the quiet period anew after a restart of the operator, and when a replica joins', async () => {
    const old = cluster.plain('reports')!
    await cluster.apply('reports', rotating('1', { retire: 'WhenUnused' }))
    await cluster.until(() => status()?.previous?.length === 1, 'the overlap has begun')
    await restart(4 * 60_000)
    await operator.pass(2 * 60_000)
    expect(acceptedBy(old), '6 min after the publication').to.deep.equal([true, true, true])
    const late = await cluster.startReplica('server-late')
    await cluster.until(() => late.accepts(reports, old), 'another replica has joined')
    await operator.pass(4 * 60_000)
    expect(acceptedBy(old), 'heard of all for 4 min').to.deep.equal([true, true, true])
    await operator.pass(2 * 60_000)
    await cluster.until(() => !acceptedBy(old).includes(true), 'heard of all for the quiet period')
  })

  it('warns before the end of a previous secret that is still used, once, and names it', async () => {
    const old = cluster.plain('reports')!
    const oldId = digestOf(old).slice(0, 8)
    const warnings = () =>
      cluster.api.store
        .all(cluster.api.resource('events'))
        .filter((event) => (event as { reason?: string }).reason === 'PreviousSecretStillUsed')
    await cluster.apply('reports', rotating('1', { overlap: '12m' }))
    await cluster.until(() => status()?.previous?.length === 1, 'the overlap has begun')
    await operator.pass(5 * 60_000)
    expect(warnings()).to.deep.equal([])
    for (let minute = 0; minute < 4; minute++) {
      replicas[0]!.use(reports, oldId, operator.clock.now())
      await operator.pass(60_000)
    }
    await cluster.until(() => warnings().length > 0, 'the warning')
    await cluster.until(() => cluster.condition('reports', 'Ready')?.message.includes(oldId), 'the client names it')
    expect(cluster.condition('reports', 'Ready')?.status).to.equal('True')
    expect(warnings().map((event) => (event as { count?: number }).count ?? 1)).to.deep.equal([1])
  })

  it('F39 publishes nothing while a replica is silent, and says so', async () => {
    const old = cluster.plain('reports')!
    await replicas[1]!.close()
    await cluster.apply('reports', rotating('1'))
    await cluster.until(() => operator.log.told('secret minted').length === 2, 'a second secret is minted')
    await operator.pass(20_000)
    await cluster.until(
      () => cluster.condition('reports', 'Propagated')?.reason === 'StatusUnreachable',
      'the silence is shown',
    )
    expect(cluster.condition('reports', 'Propagated')?.status).to.equal('Unknown')
    expect(cluster.plain('reports')).to.equal(old)
    await operator.pass(300_000)
    await cluster.until(
      () => cluster.condition('reports', 'RotationHealthy')?.status === 'False',
      'the rotation is overdue',
    )
    expect(cluster.condition('reports', 'RotationHealthy')?.reason).to.equal('ReplicasLagging')
    expect(cluster.plain('reports')).to.equal(old)
    await replicas[1]!.open()
    await operator.pass(40_000)
    await cluster.until(() => cluster.plain('reports') !== old, 'it answers again, and the secret is published')
    await cluster.until(isReady, 'reports is Ready')
  })

  it('F16 counts an agent without its server as not live', async () => {
    const old = cluster.plain('reports')!
    replicas[0]!.setServer(false)
    await cluster.apply('reports', rotating('1'))
    await cluster.until(() => operator.log.told('secret minted').length === 2, 'a second secret is minted')
    operator.clock.leap(5_000)
    await cluster.until(() => hasBoth(), 'every mount has followed')
    expect(cluster.plain('reports')).to.equal(old)
    replicas[0]!.setServer(true)
    await cluster.until(() => cluster.plain('reports') !== old, 'the secret is published')
  })

  describe('of a Secret that somebody touched', () => {
    const secrets = () => cluster.api.resource('secrets')

    const readySaid = () => {
      const seen: string[] = []
      const stop = cluster.api.store.onChange(() => {
        const ready = cluster.condition('reports', 'Ready')
        const text = `${ready?.status} ${ready?.reason}`
        if (seen.at(-1) !== text) seen.push(text)
      })
      return { seen, stop }
    }
    /** Deletes it, and waits until there is another. */
    const lose = async () => {
      cluster.api.store.remove(secrets(), appsNamespace, 'reports-oidc')
      await operator.pass(61_000)
      await cluster.until(() => cluster.plain('reports') !== undefined, 'the Secret is there again')
      return cluster.plain('reports')!
    }

    it('F37 restores a deleted Secret within a minute, with a new value that is live before it is written, and Ready is False meanwhile', async () => {
      const old = cluster.plain('reports')!
      replicas[2]!.hold()
      const { seen, stop } = readySaid()
      cluster.api.store.remove(secrets(), appsNamespace, 'reports-oidc')
      await operator.pass(61_000)
      await cluster.until(() => cluster.condition('reports', 'Ready')?.status === 'False', 'the loss is shown')
      expect(cluster.condition('reports', 'Ready')?.reason).to.equal('SecretLost')
      replicas[2]!.release()
      await cluster.until(() => cluster.plain('reports') !== undefined, 'the Secret is there again')
      expect(cluster.plain('reports')).not.to.equal(old)
      expect(acceptedBy(cluster.plain('reports')!)).to.deep.equal([true, true, true])
      await cluster.until(isReady, 'reports is Ready')
      stop()
      expect(seen.slice(0, 2)).to.deep.equal(['True Ready', 'False SecretLost'])
    })

    it('F37 restores it at once within an overlap too: three live until the oldest ends, and never four', async () => {
      const first = cluster.plain('reports')!
      await cluster.apply('reports', rotating('1', { overlap: '30m' }))
      await cluster.until(() => status()?.previous?.length === 1, 'the overlap has begun')
      const second = cluster.plain('reports')!
      const third = await lose()
      for (const value of [first, second, third]) expect(acceptedBy(value)).to.deep.equal([true, true, true])
      await cluster.until(() => status()?.previous?.length === 2, 'both are shown')
      const fourth = await (async () => {
        cluster.api.store.remove(secrets(), appsNamespace, 'reports-oidc')
        await operator.pass(61_000)
        await cluster.until(() => cluster.condition('reports', 'Ready')?.status === 'False', 'the second loss is shown')
        expect(cluster.stored('reports')?.verifiers.length).to.equal(3)
        expect(acceptedBy(first)).to.deep.equal([true, true, true])
        await operator.pass(61_000)
        await cluster.until(() => cluster.plain('reports') !== undefined, 'the Secret is there again')
        return cluster.plain('reports')!
      })()
      expect(cluster.stored('reports')?.verifiers.length).to.equal(3)
      expect(acceptedBy(first), 'the oldest made room').to.deep.equal([false, false, false])
      for (const value of [second, third, fourth]) expect(acceptedBy(value)).to.deep.equal([true, true, true])
      await operator.pass(31 * 60_000)
      await cluster.until(() => cluster.stored('reports')?.verifiers.length === 1, 'one is left')
      expect(acceptedBy(fourth)).to.deep.equal([true, true, true])
    })

    it('F37 looks at metadata alone while nothing changes, and writes nothing', async () => {
      const from = cluster.api.requests.length
      await operator.pass(200_000)
      const looks = cluster.api.requests.slice(from).filter(({ name }) => name === 'reports-oidc')
      expect(looks.length).to.be.within(3, 4)
      expect(looks.every(({ verb }) => verb === 'get')).to.equal(true)
      expect(cluster.writes(from).filter((write) => write.includes('reports'))).to.deep.equal([])
    })

    it('K2 leaves a Secret alone that was taken over, and says so within a minute', async () => {
      const theirs = { ...cluster.secret('reports-oidc')! }
      cluster.api.set({
        ...theirs,
        metadata: {
          ...theirs.metadata,
          ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'u', controller: true }],
        },
      } as never)
      await operator.pass(61_000)
      await cluster.until(() => cluster.condition('reports', 'Ready')?.reason === 'NameTaken', 'it is shown')
      expect(cluster.secret('reports-oidc')!.data).to.deep.equal(theirs.data)
    })

    it('restores a deleted Secret when the client is edited, even when the edit changes nothing in the Secret', async () => {
      cluster.api.store.remove(cluster.api.resource('secrets'), appsNamespace, 'reports-oidc')
      await cluster.apply('reports', { ...machine, description: 'edited' })
      await cluster.until(() => cluster.secret('reports-oidc') !== undefined, 'it is there again')
    })

    it('K7 restores an edited Secret: the endpoints from the spec, the secret by rotation', async () => {
      const secret = cluster.secret('reports-oidc')!
      const edit = (data: Record<string, string>) =>
        cluster.api.set({ ...cluster.secret('reports-oidc')!, data: { ...secret.data, ...data } } as never)
      edit({ issuer: Buffer.from('https://evil.example.com').toString('base64') })
      await operator.pass(61_000)
      const issuer = () => Buffer.from(cluster.secret('reports-oidc')!.data['issuer'] ?? '', 'base64').toString()
      await cluster.until(() => issuer() === 'https://login.example.com', 'the issuer is restored')
      expect(cluster.secret('reports-oidc')!.data['client_secret']).to.equal(secret.data['client_secret'])
    })

    it('K7 replaces a value that was never minted, whatever the annotations say of it', async () => {
      const old = cluster.plain('reports')!
      const secret = cluster.secret('reports-oidc')!
      const sha256 = digestOf('hunter2')
      cluster.planted.add('hunter2')
      cluster.api.set({
        ...secret,
        metadata: {
          ...secret.metadata,
          annotations: {
            ...secret.metadata.annotations,
            [annotations.secretId]: sha256.slice(0, 8),
            [annotations.rotatedAt]: new Date(operator.clock.now()).toISOString(),
            [annotations.verifiers]: JSON.stringify([{ sha256 }]),
          },
        },
        data: { ...secret.data, client_secret: Buffer.from('hunter2').toString('base64') },
      } as never)
      await cluster.apply('reports', { ...machine, description: 'edited' })
      await cluster.until(() => cluster.plain('reports') !== 'hunter2', 'another secret is published')
      expect(cluster.plain('reports')).not.to.equal(old)
      expect(acceptedBy('hunter2')).to.deep.equal([false, false, false])
      expect(acceptedBy(old), 'what the application read before').to.deep.equal([true, true, true])
    })

    it('leaves keys and labels of others in it', async () => {
      const secret = cluster.secret('reports-oidc')!
      cluster.api.set({
        ...secret,
        metadata: { ...secret.metadata, labels: { ...secret.metadata.labels, theirs: 'yes' } },
        data: { ...secret.data, 'cookie-secret': 'dGhlaXJz' },
      } as never)
      const from = cluster.api.requests.length
      await operator.pass(61_000)
      await cluster.until(
        () => cluster.api.requests.slice(from).some(({ verb, name }) => verb === 'get' && name === 'reports-oidc'),
        'it was read again',
      )
      await cluster.apply('reports', { ...machine, description: 'again' })
      await cluster.until(() => cluster.client('reports')?.status?.observedGeneration === 2, 'the change is through')
      expect(cluster.secret('reports-oidc')!.data['cookie-secret']).to.equal('dGhlaXJz')
      expect(cluster.secret('reports-oidc')!.metadata.labels?.['theirs']).to.equal('yes')
    })
  })

  const dropLease = () =>
    cluster.api.store.remove(cluster.api.resource('leases'), releaseNamespace, 'nauthera-operator')

  describe('of a Secret whose name changes', () => {
    const named = (name: string, more: Record<string, unknown> = {}) => ({ ...machine, ...more, secret: { name } })
    const valueIn = (name: string): string | undefined => {
      const text = cluster.secret(name)?.data['client_secret']
      return text === undefined ? undefined : Buffer.from(text, 'base64').toString()
    }
    /** The new Secret alone is there, and the status says so. */
    const hasMovedTo = (name: string) => () =>
      isReady() &&
      status()?.name === name &&
      cluster.api.store.all(cluster.api.resource('secrets'), appsNamespace).length === 1 &&
      cluster.secret(name) !== undefined

    it('moves the value and mints none', async () => {
      const old = cluster.plain('reports')!
      await cluster.apply('reports', named('moved'))
      await cluster.until(hasMovedTo('moved'), 'the Secret has moved')
      expect(valueIn('moved')).to.equal(old)
      expect(operator.log.told('secret minted').length).to.equal(1)
      expect(cluster.stored('reports')!.verifiers.length).to.equal(1)
    })

    it('moves it during an overlap too, and stays Ready', async () => {
      const old = cluster.plain('reports')!
      await cluster.apply('reports', rotating('1'))
      await cluster.until(() => status()?.previous?.length === 1, 'the overlap has begun')
      const fresh = cluster.plain('reports')!
      const seen = new Set<string | undefined>()
      const stop = cluster.api.store.onChange(() => seen.add(cluster.condition('reports', 'Ready')?.status))
      await cluster.apply('reports', named('moved', { rotation: rotating('1').rotation }))
      await cluster.until(hasMovedTo('moved'), 'the Secret has moved')
      stop()
      expect([...seen]).to.deep.equal(['True'])
      expect(valueIn('moved')).to.equal(fresh)
      expect([...acceptedBy(old), ...acceptedBy(fresh)]).not.to.include(false)
      await operator.pass(121_000)
      await cluster.until(() => !acceptedBy(old).includes(true), 'the old one is refused everywhere')
    })

    it('moves on when it is renamed again before the status says anything', async () => {
      const old = cluster.plain('reports')!
      for (const name of ['second', 'third', 'reports-oidc', 'fourth']) {
        await cluster.apply('reports', named(name))
        await cluster.until(() => cluster.secret(name) !== undefined, `${name} is there`)
      }
      await cluster.until(hasMovedTo('fourth'), 'the Secret has moved')
      expect(valueIn('fourth')).to.equal(old)
    })

    it('keeps the old one, and its name in the status, while the new name is taken', async () => {
      const old = cluster.plain('reports')!
      const theirs = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'taken', namespace: appsNamespace } }
      cluster.api.set(theirs as never)
      await cluster.apply('reports', named('taken'))
      await cluster.until(() => cluster.condition('reports', 'Ready')?.reason === 'NameTaken', 'NameTaken is shown')
      expect(status()?.name).to.equal('reports-oidc')
      expect(cluster.plain('reports')).to.equal(old)
      cluster.api.store.remove(cluster.api.resource('secrets'), appsNamespace, 'taken')
      await operator.pass(20_000)
      await cluster.until(hasMovedTo('taken'), 'the Secret has moved')
      expect(valueIn('taken')).to.equal(old)
    })

    it('is finished by the next leader, who removes the old Secret when the first leader died before it could', async () => {
      const removal = operator.pauseAt(
        ({ method, path }) => method === 'DELETE' && path.endsWith('/secrets/reports-oidc'),
      )
      await cluster.apply('reports', named('moved'))
      await removal
      await operator.kill()
      dropLease()
      operator = cluster.startOperator()
      await operator.leading
      await cluster.until(hasMovedTo('moved'), 'the Secret has moved')
    })

    it('keeps the old one while the edit that renames it breaks a rule', async () => {
      const old = cluster.plain('reports')!
      await cluster.apply('reports', named('moved', { access: { requiredAcr: ['mfa'] } }))
      await cluster.until(() => cluster.condition('reports', 'Accepted')?.status === 'False', 'the fault is shown')
      expect(cluster.plain('reports')).to.equal(old)
      expect(status()?.name).to.equal('reports-oidc')
    })
  })

  describe('with another leader', () => {
    it('drops the unpublished secret of a leader that died, and mints another', async () => {
      const old = cluster.plain('reports')!
      replicas[2]!.hold()
      await cluster.apply('reports', rotating('1'))
      await cluster.until(() => operator.log.told('secret minted').length === 2, 'a second secret is minted')
      await cluster.until(() => hasBoth(), 'its verifier is in the shard')
      const dead = String(operator.log.told('secret minted')[1]!['secret'])
      await operator.kill()
      dropLease()
      operator = cluster.startOperator()
      replicas[2]!.release()
      await operator.leading
      await cluster.until(() => cluster.plain('reports') !== old, 'a secret is published')
      expect(status()?.activeId).not.to.equal(dead)
      expect(mark(annotations.secretId)).not.to.equal(dead)
    })

    it('F12 stops a paused leader from publishing a secret that the next one has dropped', async () => {
      const old = cluster.plain('reports')!
      const paused = operator
      const publication = paused.pauseAt(
        ({ method, path }) => method === 'PATCH' && path.endsWith('/secrets/reports-oidc'),
      )
      await cluster.apply('reports', rotating('1'))
      await publication
      dropLease()
      replicas[2]!.hold()
      operator = cluster.startOperator()
      await operator.leading
      await cluster.until(() => mark(annotations.fence) !== undefined, 'the fence is up')
      await cluster.until(() => operator.log.told('secret minted').length === 1, 'the new leader has minted its own')
      const dead = mark(annotations.fence)!
      const hasDead = () => cluster.stored('reports')?.verifiers.some(({ id }) => id === dead) ?? false
      await cluster.until(() => !hasDead(), 'the dead secret is in no shard any more')
      const from = cluster.api.requests.length
      paused.resume()
      const refused = () =>
        cluster.api.requests
          .slice(from)
          .find(({ user, name, code }) => user === paused.identity && name === 'reports-oidc' && code === 409)
      await cluster.until(refused, 'the publication of the paused one is refused')
      expect(cluster.plain('reports')).to.equal(old)
      replicas[2]!.release()
      await cluster.until(() => cluster.plain('reports') !== old, 'the new leader publishes its own')
      const published = cluster.plain('reports')!
      await cluster.until(() => paused.fatal() !== undefined, 'the old leader has ended itself')
      expect(cluster.plain('reports')).to.equal(published)
      expect(acceptedBy(published)).to.deep.equal([true, true, true])
    })
  })
})
