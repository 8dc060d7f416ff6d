import { expect } from 'chai'
import { knowsOwnCluster, nextKeys, platformStanding } from '../../src/decide/status/platform-keys.ts'

const [a, b] = [
  { kty: 'EC', kid: 'a' },
  { kty: 'EC', kid: 'b' },
]
const issuer = 'https://kubernetes.default.svc'
const now = 1_000_000

describe('nextKeys', () => {
  it('tells what is published', () => {
    expect(nextKeys(undefined, { issuer, keys: [a, b] }, now)).to.deep.equal({ issuer, keys: [{ jwk: a }, { jwk: b }] })
  })

  it('T32 keeps a key that is not published any more for ten minutes, from when it was first missed', () => {
    const first = nextKeys({ issuer, keys: [{ jwk: a }] }, { issuer, keys: [b] }, now)
    expect(first.keys).to.deep.equal([{ jwk: b }, { jwk: a, notAfter: now + 600_000 }])
    expect(nextKeys(first, { issuer, keys: [b] }, now + 599_999)).to.deep.equal(first)
    expect(nextKeys(first, { issuer, keys: [b] }, now + 600_000).keys).to.deep.equal([{ jwk: b }])
  })

  it('T32 keeps it no longer than that, whatever the Secret says', () => {
    const told = { issuer, keys: [{ jwk: a, notAfter: now + 31_536_000_000 }] }
    const next = nextKeys(told, { issuer, keys: [b] }, now)
    expect(next.keys).to.deep.equal([{ jwk: b }, { jwk: a, notAfter: now + 600_000 }])
  })

  it('gives a key no end any more when it is published again', () => {
    const told = { issuer, keys: [{ jwk: b }, { jwk: a, notAfter: now + 1 }] }
    expect(nextKeys(told, { issuer, keys: [a, b] }, now).keys).to.deep.equal([{ jwk: a }, { jwk: b }])
  })

  it('keeps no key of another issuer', () => {
    const told = { issuer: 'https://other.example.com', keys: [{ jwk: a }] }
    expect(nextKeys(told, { issuer, keys: [b] }, now).keys).to.deep.equal([{ jwk: b }])
  })
})

describe('platformStanding', () => {
  const replica = (name: string, platform?: { digest: string; bySettings: boolean }, serverConnected = true) => ({
    replica: name,
    serverConnected,
    platform,
  })
  const has = replica('a', { digest: 'd', bySettings: false })
  const lacks = replica('b', { digest: '', bySettings: false })
  const ofCluster = { isKnown: knowsOwnCluster, fault: undefined }
  const why = 'the operator may not read them'

  for (const [sentence, replicas, about, expected] of [
    ['is ready when each replica has keys', [has], ofCluster, { kind: 'ready' }],
    ['waits for a replica that has none', [has, lacks], ofCluster, { kind: 'waiting', replicas: ['b'] }],
    [
      'says why nobody can tell them',
      [has, lacks],
      { isKnown: knowsOwnCluster, fault: why },
      { kind: 'unreadable', why },
    ],
    [
      'is ready with the last good keys, though they cannot be read now',
      [has],
      { isKnown: knowsOwnCluster, fault: why },
      { kind: 'ready' },
    ],
    [
      'is ready by the settings of the servers',
      [replica('c', { digest: '', bySettings: true })],
      { isKnown: knowsOwnCluster, fault: why },
      { kind: 'ready' },
    ],
    ['needs none for other issuers', [lacks], { isKnown: () => true, fault: undefined }, { kind: 'ready' }],
    [
      'waits for a replica that says nothing of it',
      [has, replica('b')],
      ofCluster,
      { kind: 'waiting', replicas: ['b'] },
    ],
    [
      'does not judge a replica without its server',
      [has, replica('gone', undefined, false)],
      ofCluster,
      { kind: 'ready' },
    ],
  ] as const) {
    it(sentence, () => expect(platformStanding(replicas, about)).to.deep.equal(expected))
  }
})
