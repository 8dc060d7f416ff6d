import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { digestOf } from '@nauthera/proto/digest'
import { annotations, shardFile, shardSecretName } from '@nauthera/proto/names'
import { decodeShardFile } from '@nauthera/proto/shard-file'
import { shardOf } from '@nauthera/proto/shard-of'
import type { Json, KubeClient } from '@nauthera/stand-in/kube-client'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { connectRealApi } from './real-api.ts'
import { bareRelease, startBareOperator } from './support/bare-operator.ts'
import { until } from './support/kubernetes.ts'

// Cells of the table in docs/runbooks/restore.md at a real API server, whose garbage collection, finalizers of namespaces and uids are real.

type End = 'restored' | 'a new secret' | 'restored, with a new secret' | 'stays'

interface Cell {
  readonly name: string
  readonly says: string
  /** In which namespace it is: that stays, or is lost. */
  readonly lost: boolean
  readonly isMadeAnew: boolean
  /** Who comes back first. */
  readonly first: 'Secret' | 'client'
  readonly value: 'valid' | 'previous' | 'ended' | 'forged'
  readonly isSaid?: true
  readonly end: End
}

const cells: readonly Cell[] = [
  {
    name: 'lacks-it',
    says: 'a client that lost only its Secret',
    lost: false,
    isMadeAnew: false,
    first: 'Secret',
    value: 'valid',
    end: 'restored',
  },
  {
    name: 'had-previous',
    says: 'the previous one over the present one',
    lost: false,
    isMadeAnew: false,
    first: 'client',
    value: 'previous',
    end: 'restored',
  },
  {
    name: 'had-ended',
    says: 'one that was revoked over the present one',
    lost: false,
    isMadeAnew: false,
    first: 'client',
    value: 'ended',
    end: 'a new secret',
  },
  {
    name: 'had-forged',
    says: 'a made-up value over the present one',
    lost: false,
    isMadeAnew: false,
    first: 'client',
    value: 'forged',
    end: 'a new secret',
  },
  {
    name: 'anew-secret',
    says: 'the Secret of a client that was deleted, before the new one',
    lost: false,
    isMadeAnew: true,
    first: 'Secret',
    value: 'valid',
    end: 'stays',
  },
  {
    name: 'anew-said',
    says: 'the same, and its owner says that it was restored',
    lost: false,
    isMadeAnew: true,
    first: 'Secret',
    value: 'valid',
    isSaid: true,
    end: 'restored',
  },
  {
    name: 'anew-client',
    says: 'the Secret of a client that was deleted, over that of the new one',
    lost: false,
    isMadeAnew: true,
    first: 'client',
    value: 'valid',
    end: 'a new secret',
  },
  {
    name: 'lost-secret',
    says: 'a lost namespace, Secrets first',
    lost: true,
    isMadeAnew: true,
    first: 'Secret',
    value: 'valid',
    end: 'restored',
  },
  {
    name: 'lost-client',
    says: 'a lost namespace, clients first',
    lost: true,
    isMadeAnew: true,
    first: 'client',
    value: 'valid',
    end: 'restored',
  },
  {
    name: 'lost-forged',
    says: 'a lost namespace, a made-up value first',
    lost: true,
    isMadeAnew: true,
    first: 'Secret',
    value: 'forged',
    end: 'restored, with a new secret',
  },
]

describe('a restore at a real API server', function () {
  this.timeout(600_000)
  const id = randomBytes(3).toString('hex')
  const [own, kept, lost] = [`restore-${id}`, `kept-${id}`, `lost-${id}`]
  let admin: KubeClient
  let removeBrought: () => Promise<void>
  let operator: RunningProcess

  const namespaceOf = (cell: Cell) => (cell.lost ? lost : kept)
  const clientsOf = (cell: Cell) => `/apis/auth.nauthera.io/v1alpha1/namespaces/${namespaceOf(cell)}/oidcclients`
  const secretsOf = (cell: Cell) => `/api/v1/namespaces/${namespaceOf(cell)}/secrets`
  const clientOf = async (cell: Cell): Promise<Json> =>
    (await admin.call('GET', `${clientsOf(cell)}/${cell.name}`)).body
  const secretOf = async (cell: Cell): Promise<Json> => {
    const { status, body } = await admin.call('GET', `${secretsOf(cell)}/${cell.name}-oidc`)
    return status === 200 ? body : undefined
  }
  const valueIn = (secret: Json): string => Buffer.from(secret.data['client_secret'], 'base64').toString()
  const must = async (...call: Parameters<KubeClient['call']>): Promise<Json> => {
    const { status, body } = await admin.call(...call)
    expect(status, `${call[0]} ${call[1]}: ${JSON.stringify(body)}`).to.be.lessThan(300)
    return body
  }
  const makeNamespace = (name: string) =>
    must('POST', '/api/v1/namespaces', { body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } } })
  const isGone = async (path: string) => (await admin.call('GET', path)).status === 404

  const makeClient = (cell: Cell, isBack = false) =>
    must('POST', clientsOf(cell), {
      body: {
        apiVersion: 'auth.nauthera.io/v1alpha1',
        kind: 'OIDCClient',
        metadata: { name: cell.name, annotations: isBack && cell.isSaid ? { [annotations.restored]: 'true' } : {} },
        spec: { serverName: id, type: 'Web', redirectURIs: ['https://app.example.com/callback'] },
      },
    })
  const rotate = (cell: Cell, rotation: object) =>
    must('PATCH', `${clientsOf(cell)}/${cell.name}`, {
      body: { spec: { rotation } },
      contentType: 'application/merge-patch+json',
    })
  const isReady = ({ status }: Json): boolean =>
    status?.conditions?.some((one: Json) => one.type === 'SecretReady' && one.status === 'True') === true
  /** The Secret is this client's, and its status is about the secret that lies there. */
  const hasSettled = async (cell: Cell, uid: string): Promise<boolean> => {
    const [client, secret] = [await clientOf(cell), await secretOf(cell)]
    return (
      secret !== undefined &&
      isReady(client) &&
      client.metadata.uid === uid &&
      client.status.secret.activeId === digestOf(valueIn(secret)).slice(0, 8) &&
      secret.metadata.ownerReferences?.some((owner: Json) => owner.uid === uid) === true
    )
  }
  const whenSettled = async (cell: Cell) => {
    const { uid } = (await clientOf(cell)).metadata
    await until(`${cell.name} to have a current Secret`, () => hasSettled(cell, uid), 150_000)
  }
  /** As Velero restores it: without uid and owners; over one that is there, labels, annotations and data alone. */
  const putSecret = async (cell: Cell, backup: Json) => {
    const { type, metadata } = backup
    const { labels, annotations: marks } = metadata
    const data = cell.value === 'forged' ? { ...backup.data, client_secret: forged } : backup.data
    const there = await secretOf(cell)
    if (!there)
      return await must('POST', secretsOf(cell), {
        body: {
          apiVersion: 'v1',
          kind: 'Secret',
          type,
          data,
          metadata: { name: metadata.name, labels, annotations: marks },
        },
      })
    const body = { ...there, data, metadata: { ...there.metadata, labels, annotations: marks } }
    return await must('PUT', `${secretsOf(cell)}/${metadata.name}`, { body })
  }
  /** Whether servers have its secret: there is none here, and the shard is all that they would get. */
  const entryOf = async (cell: Cell) => {
    const shard = shardOf(namespaceOf(cell), cell.name)
    const { data } = await must('GET', `/api/v1/namespaces/${own}/secrets/${shardSecretName(bareRelease, shard)}`)
    const { entries } = decodeShardFile(Buffer.from(data[shardFile(shard)], 'base64')).shard
    return entries.find(({ namespace, name }) => namespace === namespaceOf(cell) && name === cell.name)
  }
  const forged = Buffer.from('ZZD0J3Yx_8k1mZ-4nVhT7bLs9WcPfE6rGaUuIoXyK5A').toString('base64')
  const backups = new Map<string, { readonly uid: string; readonly secret: Json }>()

  before(async () => {
    const api = await connectRealApi()
    admin = api.admin
    removeBrought = api.removeBrought
    for (const name of [own, kept, lost]) await makeNamespace(name)
    operator = await startBareOperator(api, { namespace: own, serverName: id })
    for (const cell of cells) await makeClient(cell)
    await Promise.all(cells.map(whenSettled))
    for (const cell of cells) {
      const { uid } = (await clientOf(cell)).metadata
      backups.set(cell.name, { uid, secret: await secretOf(cell) })
    }

    // what happens between the backup and the restore
    const first = cells.filter(({ isMadeAnew, value }) => !isMadeAnew && (value === 'previous' || value === 'ended'))
    for (const cell of first)
      await rotate(cell, { trigger: '1', ...(cell.value === 'ended' ? { revokePrevious: '1' } : {}) })
    const isOther = async (cell: Cell) => valueIn(await secretOf(cell)) !== valueIn(backups.get(cell.name)!.secret)
    await until(
      'both rotations to be done',
      async () => (await Promise.all(first.map(isOther))).every(Boolean),
      150_000,
    )
    await Promise.all(first.map(whenSettled))
    const deleted = cells.filter(({ isMadeAnew }) => isMadeAnew)
    for (const cell of deleted) if (!cell.lost) await must('DELETE', `${clientsOf(cell)}/${cell.name}`)
    await must('DELETE', `/api/v1/namespaces/${lost}`)
    for (const cell of deleted)
      await until(
        `${cell.name} and its Secret to go`,
        async () => (await isGone(`${clientsOf(cell)}/${cell.name}`)) && (await secretOf(cell)) === undefined,
      )
    await until('the namespace to go', () => isGone(`/api/v1/namespaces/${lost}`), 60_000)
    await makeNamespace(lost)

    // the restore: what comes first, and what comes over it
    for (const cell of cells) {
      const { secret } = backups.get(cell.name)!
      if (cell.first === 'Secret') {
        if (!cell.isMadeAnew) await must('DELETE', `${secretsOf(cell)}/${cell.name}-oidc`)
        await putSecret(cell, secret)
      }
      if (cell.isMadeAnew) await makeClient(cell, true)
    }
    const over = cells.filter(({ first: came }) => came === 'client')
    await Promise.all(over.map(whenSettled))
    for (const cell of over) await putSecret(cell, backups.get(cell.name)!.secret)
  })
  after(async () => {
    await operator?.stop()
    for (const name of [own, kept, lost]) await admin.call('DELETE', `/api/v1/namespaces/${name}`)
    await removeBrought()
  })

  for (const cell of cells)
    it(`F43 ${cell.says}: ${cell.end}`, async () => {
      const { uid: former, secret: backup } = backups.get(cell.name)!
      if (cell.end === 'stays') {
        const isTaken = ({ status }: Json) =>
          status?.conditions?.some((one: Json) => one.type === 'SecretReady' && one.reason === 'NameTaken') === true
        await until(`${cell.name} to say that the name is taken`, async () => isTaken(await clientOf(cell)))
        expect(valueIn(await secretOf(cell))).to.equal(valueIn(backup))
        return
      }
      await whenSettled(cell)
      const value = valueIn(await secretOf(cell))
      expect(value === valueIn(backup)).to.equal(cell.end === 'restored')
      expect(value).to.not.equal(Buffer.from(forged, 'base64').toString())
      const verifiers = (await entryOf(cell))?.verifiers ?? []
      const present = verifiers.find(({ sha256 }) => sha256 === digestOf(value))
      expect(present).to.not.equal(undefined)
      expect(present?.notAfter).to.equal(undefined)
      const isRestored = cell.isMadeAnew && cell.end !== 'a new secret'
      expect((await clientOf(cell)).status.restoredFrom).to.equal(isRestored ? former : undefined)
    })

  it('was done without a call that the API server refused', () => {
    expect(operator.lines.filter((line) => /: 40[13] |[Ff]orbidden/.test(line))).to.deep.equal([])
  })
})
