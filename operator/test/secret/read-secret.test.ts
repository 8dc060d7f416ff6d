import { expect } from 'chai'
import { digestOf } from '@nauthera/proto/digest'
import { annotations, labels, managedByOperator } from '@nauthera/proto/names'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import type { SecretObject } from '../../src/kubernetes/objects.ts'
import { readSecretObject } from '../../src/secret/read-secret.ts'
import { proof } from './one-client.ts'

const uid = '6f1c2c9e-0000-4000-8000-000000000001'
const minted = 'q2D0J3Yx_8k1mZ-4nVhT7bLs9WcPfE6rGaUuIoXyK5A'
const client = (secret: object = {}) =>
  ({
    apiVersion: 'auth.nauthera.io/v1alpha1',
    kind: 'OIDCClient',
    metadata: {
      name: 'reports',
      namespace: 'apps',
      uid,
      generation: 1,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: { type: 'M2M', secret },
  }) as unknown as OIDCClient

const holding = (value: string, more: { annotations?: Record<string, string>; owners?: readonly string[] } = {}) =>
  ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: 'reports-oidc',
      namespace: 'apps',
      uid: 's',
      resourceVersion: '1',
      labels: { [labels.client]: 'reports', [labels.managedBy]: managedByOperator },
      annotations: {
        [annotations.secretId]: digestOf(value).slice(0, 8),
        [annotations.verifiers]: JSON.stringify([{ sha256: digestOf(value) }]),
        ...more.annotations,
      },
      ownerReferences: (more.owners ?? [uid]).map((owner) => ({
        apiVersion: 'auth.nauthera.io/v1alpha1',
        kind: 'OIDCClient',
        name: 'reports',
        uid: owner,
        controller: true,
      })),
    },
    data: { client_secret: Buffer.from(value).toString('base64') },
  }) as unknown as SecretObject

describe("the application's Secret, as it is read", () => {
  it('tells a value that looks minted from any other', () => {
    const formOf = (value: string) => {
      const { state } = readSecretObject(holding(value), client(), proof)
      return state.kind === 'owned' && state.isMinted
    }
    expect(formOf(minted)).to.equal(true)
    for (const value of ['hunter2', 'a'.repeat(42), 'a'.repeat(44), `${minted}\n`, `${minted.slice(1)}=`]) {
      expect(formOf(value), JSON.stringify(value)).to.equal(false)
    }
  })

  it('is foreign without an owner: a Secret from before the client cannot name its uid', () => {
    const { state } = readSecretObject(holding(minted, { owners: [] }), client(), proof)
    expect(state.kind).to.equal('foreign')
  })

  it('is ours without an owner when it names the uid of the client, as with deletionPolicy Retain', () => {
    const named = (name: string) => holding(minted, { owners: [], annotations: { [annotations.clientUid]: name } })
    expect(readSecretObject(named(uid), client(), proof).state.kind).to.equal('owned')
    expect(readSecretObject(named('another'), client(), proof).state.kind).to.equal('foreign')
  })

  it('is foreign when another object owns it', () => {
    expect(readSecretObject(holding(minted, { owners: ['another'] }), client(), proof).state.kind).to.equal('foreign')
  })

  it('is of an earlier client when all its owners are OIDCClients of this name with the uid that it names', () => {
    const [before, other] = ['an-earlier-uid', 'another-uid']
    const earlierOf = (
      owners: readonly object[],
      named: Record<string, string> = { [annotations.clientUid]: before },
    ) => {
      const object = holding(minted, { annotations: named })
      const metadata = { ...object.metadata, ownerReferences: owners } as typeof object.metadata
      return readSecretObject({ ...object, metadata }, client(), proof).earlier !== undefined
    }
    const owner = { kind: 'OIDCClient', name: 'reports', uid: before }
    expect([earlierOf([owner]), earlierOf([])]).to.deep.equal([true, true])
    expect(earlierOf([owner], {}), 'names no uid').to.equal(false)
    for (const stranger of [{ kind: 'Deployment' }, { name: 'billing' }, { uid: other }])
      expect(earlierOf([owner, { ...owner, ...stranger }]), JSON.stringify(stranger)).to.equal(false)
  })

  it('K7 ignores a time of rotation that a status would not take, or that is older than the client', () => {
    const timeOf = (text: string) => {
      const { state } = readSecretObject(
        holding(minted, { annotations: { [annotations.rotatedAt]: text } }),
        client(),
        proof,
      )
      return state.kind === 'owned' ? state.rotatedAt : NaN
    }
    for (const text of [
      '-271821-04-20T00:00:00Z',
      '+275760-09-13T00:00:00Z',
      '0000-01-01T00:00:00Z',
      '2025-12-31T22:59:59Z',
      '2026',
      'Thu, 01 Jan 2026 00:00:00 GMT',
      '2026-01-01T24:00:00Z',
      '2026-13-01T00:00:00Z',
    ])
      expect(timeOf(text), text).to.equal(undefined)
    expect(timeOf('2026-01-01T00:00:00.250Z')).to.equal(Date.UTC(2026, 0, 1, 0, 0, 0, 250))
    expect(timeOf('2026-02-01T01:00:00+01:00')).to.equal(Date.UTC(2026, 1, 1))
    expect(timeOf('2025-12-31T23:59:30Z'), 'a clock that is a little behind').to.equal(
      Date.UTC(2025, 11, 31, 23, 59, 30),
    )
  })

  it('K7 ignores obeyed triggers that a status would not take, and text that is no list of fences', () => {
    const read = (name: string, text: string) => {
      const { state } = readSecretObject(holding(minted, { annotations: { [name]: text } }), client(), proof)
      return state.kind === 'owned' ? state : undefined
    }
    const observed = JSON.stringify({ trigger: 'x'.repeat(65), annotation: 'x'.repeat(257), revoke: 'r' })
    expect(read(annotations.observed, observed)?.observed).to.deep.equal({ revoke: 'r' })
    expect(read(annotations.fence, 'f'.repeat(200_000))?.fence).to.equal(undefined)
    expect(read(annotations.fence, '0a1b2c3d,ffffffff')?.fence).to.equal('0a1b2c3d,ffffffff')
  })
})
