import { generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { createClusterIssuer } from '../../src/clients/cluster-issuer.ts'
import { createUnknownKeys } from '../../src/clients/unknown-keys.ts'

const jwk = { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }), kid: 'k' }
const file = (value: unknown) => Buffer.from(JSON.stringify(value))
const good = file({ issuer: 'https://kubernetes.default.svc', keys: [{ jwk }], change: 'abcd' })

describe('createClusterIssuer', () => {
  it('knows nothing before the first file, then what that says', () => {
    const cluster = createClusterIssuer()
    expect([cluster.current(), cluster.digest()]).to.deep.equal([undefined, ''])
    expect(cluster.apply(good)).to.deep.equal({ change: 'abcd', issuer: 'https://kubernetes.default.svc', keys: 1 })
    expect(cluster.current()).to.deep.equal({ issuer: 'https://kubernetes.default.svc', keys: [{ jwk }] })
    expect(cluster.digest()).to.match(/^[0-9a-f]{64}$/)
  })

  for (const [sentence, bytes] of [
    ['that is no JSON', Buffer.from('{')],
    ['that says nothing', file({})],
    ['without an issuer', file({ keys: [{ jwk }] })],
    ['without keys', file({ issuer: 'https://a.example.com', keys: [] })],
    ['with a private key alone', file({ issuer: 'https://a.example.com', keys: [{ jwk: { ...jwk, d: 'AAAA' } }] })],
  ] as const) {
    it(`T32 keeps what it has when it gets a file ${sentence}`, () => {
      const cluster = createClusterIssuer()
      cluster.apply(good)
      const before = [cluster.current(), cluster.digest()]
      expect(() => cluster.apply(bytes)).to.throw()
      expect([cluster.current(), cluster.digest()]).to.deep.equal(before)
    })
  }
})

describe('createClusterIssuer, with joined clusters', () => {
  const spoke = { issuer: 'https://kubernetes.default.svc', keys: [{ jwk }] }

  it('keeps the keys of each cluster under its name, also while those of this one are not known', () => {
    const cluster = createClusterIssuer()
    cluster.apply(file({ clusters: [{ cluster: 'berlin', ...spoke }] }))
    expect(cluster.current()).to.equal(undefined)
    expect(cluster.ofCluster('berlin')).to.deep.equal(spoke)
    expect(cluster.ofCluster('madrid')).to.equal(undefined)
    cluster.apply(file({ change: 'abce' }))
    expect(cluster.ofCluster('berlin'), 'the last one is gone').to.equal(undefined)
  })

  for (const [sentence, broken] of [
    ['no key', { ...spoke, keys: [] }],
    ['no issuer', { ...spoke, issuer: '' }],
    ['a private key', { ...spoke, keys: [{ jwk: { ...jwk, d: 'AAAA' } }] }],
  ] as const)
    it(`T33 a cluster with ${sentence} takes no keys of others away`, () => {
      const cluster = createClusterIssuer()
      cluster.apply(
        file({
          ...spoke,
          clusters: [
            { cluster: 'berlin', ...broken },
            { cluster: 'madrid', ...spoke },
          ],
        }),
      )
      expect([cluster.ofCluster('berlin'), cluster.ofCluster('madrid')]).to.deep.equal([undefined, spoke])
      expect(cluster.current()).to.deep.equal(spoke)
    })
})

describe('createUnknownKeys', () => {
  it('tells at once, and at most once in a second, whoever sends such tokens', () => {
    let now = 0
    let told = 0
    const keys = createUnknownKeys(() => now)
    const stop = keys.onMet(() => told++)
    for (let token = 0; token < 100; token++) keys.record()
    expect(told).to.equal(1)
    now = 1_000
    keys.record()
    expect(told).to.equal(2)
    stop()
    now = 5_000
    keys.record()
    expect(told).to.equal(2)
  })
})
