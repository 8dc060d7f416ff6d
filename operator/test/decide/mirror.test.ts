import { expect } from 'chai'
import type { OIDCCluster } from '../../src/api/oidc-cluster.ts'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import { checkPlace } from '../../src/decide/client/mirror.ts'
import { client } from './clients.ts'

const verifiers = [{ sha256: 'a'.repeat(64) }]
const inNamespace = { namespace: 'nauthera-cluster-edge', name: 'shop.app' }
const origin = { namespace: 'shop', name: 'app', uid: 'uid-there' }
const mirror = (spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}): OIDCClient =>
  client({ origin, secret: { verifiers }, ...spec } as Partial<OIDCClient['spec']>, { ...inNamespace, ...metadata })
const joined =
  (spec: OIDCCluster['spec'] = {}) =>
  (name: string): OIDCCluster | undefined =>
    name === 'edge' ? { metadata: { name, uid: 'uid-1' }, spec } : undefined
const pathsOf = (of: OIDCClient, find = joined()) => checkPlace(of, find).map(({ path }) => path)

describe(checkPlace.name, () => {
  it('lets a client be anywhere else, without an origin', () => {
    expect(pathsOf(client())).to.deep.equal([])
    expect(pathsOf(client({ origin } as Partial<OIDCClient['spec']>))).to.deep.equal(['spec.origin'])
  })

  it('takes a mirror of a joined cluster that is called as its origin', () => {
    expect(pathsOf(mirror())).to.deep.equal([])
    expect(pathsOf(mirror({ origin: { ...origin, name: 'other' } }))).to.deep.equal(['metadata.name'])
    expect(pathsOf(mirror({ origin: { ...origin, namespace: 'other' } }))).to.deep.equal(['metadata.name'])
    expect(pathsOf(mirror({ origin: undefined }))).to.deep.equal(['spec.origin'])
  })

  it('refuses one of a cluster that has not joined, unless nobody knows which have', () => {
    const stranger = mirror({}, { namespace: 'nauthera-cluster-elsewhere' })
    expect(pathsOf(stranger)).to.deep.equal(['metadata.namespace'])
    expect(checkPlace(stranger, undefined)).to.deep.equal([])
  })

  it('refuses what only its own cluster may do: to deliver a Secret, to follow routes, to own or to hold back objects', () => {
    const secret = { verifiers, deletionPolicy: 'Delete', name: 'x', template: {} }
    expect(pathsOf(mirror({ secret }))).to.deep.equal(['spec.secret.name', 'spec.secret.template'])
    expect(pathsOf(mirror({ redirectURIsFrom: {} }))).to.deep.equal(['spec.redirectURIsFrom'])
    expect(pathsOf(mirror({}, { finalizers: ['a'], ownerReferences: [] }))).to.deep.equal([
      'metadata.finalizers',
      'metadata.ownerReferences',
    ])
  })

  it('wants verifiers from one that shows a secret', () => {
    for (const secret of [undefined, {}])
      expect(pathsOf(mirror({ secret })), JSON.stringify(secret)).to.deep.equal(['spec.secret.verifiers'])
    expect(pathsOf(mirror({ secret: undefined, auth: { method: 'None' } }))).to.deep.equal([])
  })

  it('takes ServiceAccounts where the keys of the cluster are believed, or nobody knows whether', () => {
    const identities = (...list: object[]) => mirror({ secret: undefined, auth: { method: 'None', identities: list } })
    const [account, other] = [{ serviceAccount: 'app' }, { kubernetes: 'x' }]
    for (const find of [joined(), joined({ serviceAccountKeys: false })])
      expect(pathsOf(identities(other, account), find)).to.deep.equal(['spec.auth.identities'])
    expect(pathsOf(identities(account), joined({ serviceAccountKeys: true }))).to.deep.equal([])
    expect(checkPlace(identities(account), undefined)).to.deep.equal([])
    expect(pathsOf(identities(other))).to.deep.equal([])
  })
})
