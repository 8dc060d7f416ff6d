import { expect } from 'chai'
import { digestOf } from '@nauthera/proto/digest'
import { annotations, proofSecretName } from '@nauthera/proto/names'
import { machine, startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { appsNamespace, release, releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { TestReplica } from '@nauthera/harness/operator/replica'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import { putOver, removeNamespaces, restoreBackup, readBackup } from '@nauthera/stand-in/backup'
import type { Backup } from '@nauthera/stand-in/backup'
import type { KubeObject } from '@nauthera/stand-in/objects'

const web = { type: 'Web', redirectURIs: ['https://app.example.com/callback'] }
const specs: Readonly<Record<string, Record<string, unknown>>> = {
  ...Object.fromEntries(Array.from({ length: 3 }, (_, index) => [`machine-${index}`, machine])),
  ...Object.fromEntries(Array.from({ length: 3 }, (_, index) => [`web-${index}`, web])),
  'web-retained': { ...web, secret: { deletionPolicy: 'Retain' } },
  'web-named': { ...web, secret: { name: 'credentials' } },
  spa: { type: 'SPA', redirectURIs: ['https://spa.example.com/callback'] },
  native: { type: 'Native', redirectURIs: ['com.example.app:/callback'] },
}
const names = Object.keys(specs)
const secretNameOf = (name: string) => (name === 'web-named' ? 'credentials' : `${name}-oidc`)

describe('a restore from a backup', function () {
  let cluster: Cluster
  let operator: TestOperator
  let replicas: readonly TestReplica[]

  const start = async () => {
    operator = cluster.startOperator()
    replicas = await Promise.all(
      ['a', 'b', 'c'].map((name) => cluster.startReplica(`server-${name}-${operator.identity}`)),
    )
    await operator.leading
  }
  const secretOf = (name: string) => cluster.secret(secretNameOf(name))
  const valueOf = (name: string) => secretOf(name)?.data['client_secret']
  const valuesOf = () => Object.fromEntries(names.map((name) => [name, valueOf(name)]))
  const uidsOf = () => Object.fromEntries(names.map((name) => [name, cluster.client(name)?.metadata.uid]))
  const isReady = (name: string) => cluster.condition(name, 'Ready')?.status === 'True'
  const untilReady = (wanted: readonly string[] = names) =>
    cluster.until(() => wanted.every(isReady), `${wanted.length} clients are Ready`)
  const untilReason = async (name: string, reason: string) => {
    await cluster.until(() => cluster.condition(name, 'SecretReady')?.reason === reason, `${name} has ${reason}`)
    return cluster.condition(name, 'SecretReady')!.message
  }
  const eventsOf = (reason: string) =>
    cluster.api.store.all(cluster.api.resource('events'), appsNamespace).filter((event) => event['reason'] === reason)
  const isOf = (name: string) => (object: KubeObject) => object.metadata.name === name
  const isApplicationSecret = ({ kind, metadata }: KubeObject) =>
    kind === 'Secret' && metadata.namespace === appsNamespace
  const isProofKey = isOf(proofSecretName(release))
  const isOfRelease = ({ metadata }: KubeObject) => metadata.namespace === releaseNamespace

  /** All is gone, the operator too, and comes back from a backup as far as the test says. */
  const loseAll = async (): Promise<Backup> => {
    await operator.stop()
    await Promise.all(replicas.map((replica) => replica.remove()))
    const backup = readBackup(cluster.api, [appsNamespace, releaseNamespace])
    removeNamespaces(cluster.api, [appsNamespace, releaseNamespace])
    return backup
  }
  const expectAsBefore = (before: {
    values: Record<string, string | undefined>
    uids: Record<string, string | undefined>
  }) => {
    expect(valuesOf()).to.deep.equal(before.values)
    for (const name of names) {
      const { metadata, status } = cluster.client(name)!
      expect(status?.restoredFrom, name).to.equal(before.uids[name])
      expect(metadata.uid, name).not.to.equal(before.uids[name])
      const entry = cluster.stored(name)!
      expect([entry.uid, entry.restoredFrom], name).to.deep.equal([metadata.uid, before.uids[name]])
      const value = before.values[name]
      const digests = value === undefined ? [] : [digestOf(Buffer.from(value, 'base64').toString())]
      expect(
        entry.verifiers.map(({ sha256 }) => sha256),
        name,
      ).to.deep.equal(digests)
      const owners = name === 'web-retained' ? [] : [metadata.uid]
      const { ownerReferences = [], annotations: said } = secretOf(name)!.metadata
      expect(
        ownerReferences.map(({ uid }) => uid),
        name,
      ).to.deep.equal(owners)
      expect(said?.[annotations.clientUid], name).to.equal(metadata.uid)
    }
  }

  beforeEach(async () => {
    cluster = await startCluster()
    await start()
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  describe('of everything', () => {
    let before: { values: Record<string, string | undefined>; uids: Record<string, string | undefined> }
    beforeEach(async () => {
      for (const name of names) await cluster.apply(name, specs[name]!)
      await untilReady()
      before = { values: valuesOf(), uids: uidsOf() }
    })

    for (const keepsOwners of [false, true])
      it(`F43 every client goes on with its Secret when the shards are lost${keepsOwners ? ', and the owners of before still stand there' : ''}`, async () => {
        const backup = await loseAll()
        restoreBackup(
          cluster.api,
          backup.filter((object) => !isOfRelease(object) || isProofKey(object)),
          { keepsOwners },
        )
        await start()
        await untilReady()
        expectAsBefore(before)
        await cluster.until(() => eventsOf('ClientRestored').length === names.length, 'an event of each')
      })

    it('F43 every client goes on with its Secret when the shards are restored too, and once more after a second restore', async () => {
      for (let round = 0; round < 2; round++) {
        restoreBackup(cluster.api, await loseAll())
        await start()
        await untilReady()
        expectAsBefore(before)
      }
    })

    for (const policy of ['update', 'recreate', 'none'] as const)
      it(`F43 clients come first, and their Secrets are put over those that they got meanwhile: ${policy}`, async () => {
        const backup = await loseAll()
        restoreBackup(
          cluster.api,
          backup.filter((object) => !isApplicationSecret(object) && (!isOfRelease(object) || isProofKey(object))),
        )
        await start()
        await untilReady()
        const meanwhile = valuesOf()
        for (const value of Object.values(before.values))
          if (value !== undefined) cluster.planted.add(Buffer.from(value, 'base64').toString())
        const tooEarly: string[] = []
        const stop = cluster.api.store.onChange(() => {
          for (const name of names) {
            const said = cluster.client(name)!.status?.restoredFrom
            if (said === undefined || !isReady(name)) continue
            const value = before.values[name]
            const plain = value && Buffer.from(value, 'base64').toString()
            const isAccepted =
              plain === undefined || replicas.every((replica) => replica.accepts(`${appsNamespace}/${name}`, plain))
            if (!isAccepted || cluster.stored(name)?.restoredFrom !== said) tooEarly.push(name)
          }
        })
        putOver(cluster.api, backup.filter(isApplicationSecret), policy)
        operator.clock.leap(60_000)
        if (policy === 'none') {
          await untilReady()
          expect(valuesOf()).to.deep.equal(meanwhile)
          return
        }
        const isBack = (name: string) =>
          cluster.client(name)?.status?.restoredFrom === before.uids[name] && isReady(name)
        await cluster.until(() => names.every(isBack), 'all are restored')
        stop()
        expect(tooEarly).to.deep.equal([])
        expect(valuesOf()).to.deep.equal(before.values)
        for (const name of names) {
          const { verifiers, restoredFrom } = cluster.stored(name)!
          const digests = [before.values[name], meanwhile[name]].flatMap((value) =>
            value === undefined ? [] : [digestOf(Buffer.from(value, 'base64').toString())],
          )
          expect([verifiers.map(({ sha256 }) => sha256), restoredFrom], name).to.deep.equal([
            digests,
            before.uids[name],
          ])
          expect(
            verifiers.map(({ notAfter }) => notAfter !== undefined),
            name,
          ).to.deep.equal(digests.map((_, at) => at > 0))
          expect(secretOf(name)!.metadata.annotations?.[annotations.clientUid]).to.equal(
            cluster.client(name)!.metadata.uid,
          )
        }
      })

    it('F43 without the Secrets of applications every client gets a new one, and nothing of before', async () => {
      const backup = await loseAll()
      restoreBackup(
        cluster.api,
        backup.filter((object) => !isApplicationSecret(object)),
      )
      await start()
      await untilReady()
      for (const name of names) {
        expect(cluster.client(name)?.status?.restoredFrom, name).to.equal(undefined)
        expect(cluster.stored(name)?.restoredFrom, name).to.equal('')
        if (before.values[name] !== undefined) expect(valueOf(name), name).not.to.equal(before.values[name])
      }
    })

    it('F43 a namespace that ends while the operator works comes back whole', async () => {
      const backup = readBackup(cluster.api, [appsNamespace])
      // they are back before the servers know it
      for (const name of names) cluster.planted.add(cluster.plain(name) ?? '')
      cluster.planted.add(Buffer.from(valueOf('web-named')!, 'base64').toString())
      removeNamespaces(cluster.api, [appsNamespace])
      await cluster.until(() => names.every((name) => !cluster.stored(name)), 'the shards have forgotten the clients')
      restoreBackup(cluster.api, backup)
      await untilReady()
      expectAsBefore(before)
    })
  })

  describe('of a client that was deleted, which nothing tells apart from one that somebody makes anew', () => {
    /** Nothing here is as new as a client. */
    const age = () => {
      const kinds = ['namespaces', 'secrets'].map((plural) => cluster.api.resource(plural))
      const aged = cluster.api.store.dump().map(({ resource, object }) => ({
        resource,
        object: { ...object, metadata: { ...object.metadata, creationTimestamp: '2026-01-01T00:00:00Z' } },
      }))
      cluster.api.store.restore(aged, kinds)
    }
    const plant = (secret: Partial<KubeObject>, metadata: Partial<KubeObject['metadata']> = {}) => {
      const { labels, annotations, ownerReferences: _none, ...rest } = secret.metadata!
      cluster.planted.add(
        Buffer.from((secret['data'] as Record<string, string>)['client_secret']!, 'base64').toString(),
      )
      restoreBackup(cluster.api, [
        {
          apiVersion: 'v1',
          kind: 'Secret',
          ...secret,
          metadata: { ...rest, labels, annotations, ...metadata },
        } as KubeObject,
      ])
    }
    const isLive = (name: string, value: string) =>
      cluster.stored(name)?.verifiers.some(({ sha256 }) => sha256 === digestOf(value)) === true
    let secret: KubeObject
    let uid: string

    beforeEach(async () => {
      await operator.stop()
      age()
      operator = cluster.startOperator()
      await operator.leading
      await cluster.apply('app', web)
      await untilReady(['app'])
      secret = cluster.secret('app-oidc')!
      uid = cluster.client('app')!.metadata.uid
    })
    const deleteIt = async () => {
      await cluster.remove('app')
      await cluster.until(() => !cluster.stored('app'), 'the shard has forgotten it')
    }

    it('K22 who kept a copy of its Secret and may write Secrets gets nothing of the client that is made anew', async () => {
      await deleteIt()
      plant(secret)
      await cluster.apply('app', web)
      expect(await untilReason('app', 'NameTaken')).to.include(
        'annotate this OIDCClient with auth.nauthera.io/restored=true',
      )
      expect(cluster.stored('app')?.restoredFrom).not.to.equal(uid)
      expect(isLive('app', cluster.plain('app')!)).to.equal(false)
    })

    for (const how of ['garbage collection is late', 'its Secret is orphaned'] as const)
      it(`K22 a client that is deleted and made anew at once keeps no secret of before, though ${how}`, async () => {
        const leaked = cluster.plain('app')!
        cluster.planted.add(leaked)
        const catchUp = cluster.api.store.holdCollector()
        await cluster.remove('app', appsNamespace, how === 'its Secret is orphaned' ? 'Orphan' : undefined)
        await cluster.apply('app', web)
        const made = cluster.client('app')!.metadata
        await cluster.until(() => cluster.stored('app')?.uid === made.uid, 'the shard has the new one')
        expect(isLive('app', leaked)).to.equal(false)
        await untilReady(['app'])
        catchUp()
        expect(cluster.plain('app')).not.to.equal(leaked)
        expect([isLive('app', cluster.plain('app')!), isLive('app', leaked)]).to.deep.equal([true, false])
        expect(cluster.client('app')?.status?.restoredFrom).to.equal(undefined)
        expect(cluster.stored('app')?.restoredFrom).to.equal('')
      })

    it('K22 its owner says that it was restored, and it goes on', async () => {
      const value = cluster.plain('app')!
      await deleteIt()
      plant(secret)
      await cluster.apply('app', web, { annotations: { [annotations.restored]: 'true' } })
      await untilReady(['app'])
      expect(cluster.plain('app')).to.equal(value)
      expect(cluster.client('app')?.status?.restoredFrom).to.equal(uid)
      expect(isLive('app', value)).to.equal(true)
    })

    for (const isSaid of [false, true])
      it(`F43 an old Secret over the one that it has had since is ${isSaid ? 'taken, when its owner says that it was restored' : 'written again'}`, async () => {
        const old = cluster.plain('app')!
        await deleteIt()
        await cluster.apply('app', web)
        await untilReady(['app'])
        const since = cluster.plain('app')!
        cluster.api.store.remove(cluster.api.resource('secrets'), appsNamespace, 'app-oidc')
        plant(secret)
        // an edit, so that the operator looks at once
        const said = isSaid ? { annotations: { [annotations.restored]: 'true' } } : {}
        await cluster.apply('app', { ...web, displayName: 'Edited' }, said)
        await cluster.until(() => !isReady('app'), 'it is not Ready while no server takes what its Secret holds')
        operator.clock.leap(2_000)
        await untilReady(['app'])
        const { annotations: marks } = cluster.secret('app-oidc')!.metadata
        expect(marks?.[annotations.clientUid]).to.equal(cluster.client('app')!.metadata.uid)
        const present = cluster.plain('app')!
        expect(present === old).to.equal(isSaid)
        expect([isLive('app', present), isLive('app', since)], 'what it had stays for the overlap').to.deep.equal([
          true,
          true,
        ])
        expect(isLive('app', old)).to.equal(isSaid)
        expect(cluster.client('app')?.status?.restoredFrom).to.equal(isSaid ? uid : undefined)
      })

    it('K22 the annotation helps no Secret that no operator of this release wrote for this very client', async () => {
      const known = 'q2D0J3Yx_8k1mZ-4nVhT7bLs9WcPfE6rGaUuIoXyK5A'
      const marks = (value: string) => ({
        [annotations.secretId]: digestOf(value).slice(0, 8),
        [annotations.verifiers]: JSON.stringify([{ id: digestOf(value).slice(0, 8), sha256: digestOf(value) }]),
      })
      const data = { client_secret: Buffer.from(known).toString('base64') }
      const said = secret.metadata.annotations!
      const forged: Readonly<Record<string, Partial<KubeObject>>> = {
        // planted before the client is there
        planted: { ...secret, data, metadata: { ...secret.metadata, annotations: { ...said, ...marks(known) } } },
        // of another name, with its proof
        copied: secret,
        // without a proof
        bare: {
          ...secret,
          data,
          metadata: { ...secret.metadata, annotations: { ...marks(known), [annotations.clientUid]: uid } },
        },
      }
      for (const [name, object] of Object.entries(forged)) {
        plant(object, { name: `${name}-oidc`, labels: { ...secret.metadata.labels, 'auth.nauthera.io/client': name } })
        await cluster.apply(name, web, { annotations: { [annotations.restored]: 'true' } })
        expect(await untilReason(name, 'NameTaken'), name).to.include('no proof of this release is in it')
        expect(cluster.stored(name)?.restoredFrom ?? '', name).to.equal('')
        expect(isLive(name, known) || isLive(name, cluster.plain(name)!), name).to.equal(false)
      }
    })

    it('K22 a value or a list of valid secrets that was changed beside a true proof is never valid', async () => {
      const known = 'q2D0J3Yx_8k1mZ-4nVhT7bLs9WcPfE6rGaUuIoXyK5A'
      await deleteIt()
      const said = secret.metadata.annotations!
      const more = JSON.stringify([
        ...JSON.parse(said[annotations.verifiers]!),
        { id: digestOf(known).slice(0, 8), sha256: digestOf(known) },
      ])
      plant({ ...secret, metadata: { ...secret.metadata, annotations: { ...said, [annotations.verifiers]: more } } })
      await cluster.apply('app', web, { annotations: { [annotations.restored]: 'true' } })
      expect(await untilReason('app', 'NameTaken')).to.include('no proof of this release is in it')
      cluster.api.store.remove(cluster.api.resource('secrets'), appsNamespace, 'app-oidc')
      plant({ ...secret, data: { client_secret: Buffer.from(known).toString('base64') } })
      operator.clock.leap(15_000)
      await cluster.until(() => isReady('app'), 'it has a Secret')
      expect(cluster.plain('app')).not.to.equal(known)
      expect(isLive('app', known)).to.equal(false)
    })

    it("another client's Secret is not restored, and the message says whose it is", async () => {
      await cluster.apply(
        'second',
        { ...web, secret: { name: 'app-oidc' } },
        { annotations: { [annotations.restored]: 'true' } },
      )
      expect(await untilReason('second', 'NameTaken')).to.include('is that of OIDCClient apps/app')
    })
  })
})
