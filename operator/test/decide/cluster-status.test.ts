import { expect } from 'chai'
import type { OIDCCluster } from '../../src/api/oidc-cluster.ts'
import { describeCluster, lastSeenOf } from '../../src/decide/status/cluster-status.ts'
import type { ReadOfCluster } from '../../src/decide/status/cluster-status.ts'

const renewedAt = Date.parse('2026-11-30T12:00:00Z')
const silentMs = 300_000
const leaseOf = (spec: object) => ({ spec })
const heard: ReadOfCluster = {
  lease: leaseOf({ renewTime: '2026-11-30T12:00:00.123456Z', holderIdentity: 'uid-of-edge' }),
  configMap: { data: { operatorVersion: '0.1.0' } },
}
const cluster = (change: Partial<OIDCCluster> = {}): OIDCCluster => ({
  metadata: { name: 'edge', uid: 'uid-1', generation: 3 },
  spec: {},
  ...change,
})
const describedAt = (now: number, read: ReadOfCluster = heard, of: OIDCCluster = cluster()) =>
  describeCluster(of, read, { clients: 7, ready: 5, now })
const seenOf = (now: number, read?: ReadOfCluster, of?: OIDCCluster) => describedAt(now, read, of).conditions![0]!

describe(lastSeenOf.name, () => {
  it('is when the Lease was renewed last', () => {
    expect(lastSeenOf(heard, renewedAt)).to.equal(renewedAt + 123)
  })

  for (const [sentence, lease] of [
    ['there is no Lease', undefined],
    ['the Lease was never renewed', leaseOf({})],
    ['its time is none', leaseOf({ renewTime: 'soon' })],
    ['its time is no text', leaseOf({ renewTime: renewedAt })],
  ] as const) {
    it(`is unknown when ${sentence}`, () => {
      expect(lastSeenOf({ lease, configMap: undefined }, renewedAt)).to.equal(undefined)
    })
  }
})

describe(describeCluster.name, () => {
  it('T70 counts a cluster as silent that writes a time of the future', () => {
    const ahead = { ...heard, lease: leaseOf({ renewTime: '2199-12-31T23:59:59.000000Z' }) }
    expect(seenOf(renewedAt, ahead)).to.include({ status: 'False', reason: 'Silent' })
    expect(describedAt(renewedAt, ahead)).to.not.have.property('lastSeen')
    expect(seenOf(renewedAt - 60_000)).to.include({ status: 'True', reason: 'Seen' })
  })

  it('says what the cluster says of itself, and how many clients it has', () => {
    const { conditions: _, ...status } = describedAt(renewedAt + 500)
    expect(status).to.deep.equal({
      observedGeneration: 3,
      lastSeen: '2026-11-30T12:00:00Z',
      holder: 'uid-of-edge',
      operatorVersion: '0.1.0',
      clients: 7,
      ready: 5,
    })
  })

  it('leaves out what nobody wrote, and what is no text', () => {
    for (const read of [
      { lease: undefined, configMap: undefined },
      { lease: leaseOf({ holderIdentity: '' }), configMap: { data: { operatorVersion: '' } } },
      { lease: leaseOf({ holderIdentity: 7 }), configMap: { data: { operatorVersion: {} } } },
    ])
      expect(describedAt(renewedAt, read, cluster({ metadata: { name: 'edge', uid: 'uid-1' } }))).to.have.all.keys(
        'clients',
        'ready',
        'conditions',
      )
  })

  it('cuts what is too long for its fields', () => {
    const status = describedAt(renewedAt, {
      lease: leaseOf({ holderIdentity: 'h'.repeat(300) }),
      configMap: { data: { operatorVersion: 'v'.repeat(300) } },
    })
    expect([status.holder?.length, status.operatorVersion?.length]).to.deep.equal([253, 64])
  })

  it('T70 shows no second line of its text, and nothing that steers a terminal', () => {
    const text = 'a\nberlin  1 s ago\u001b[31m\u202e'
    const read = { lease: leaseOf({ holderIdentity: text }), configMap: { data: { operatorVersion: text } } }
    const { holder, operatorVersion } = describedAt(renewedAt, read)
    expect([holder, operatorVersion]).to.deep.equal(Array(2).fill('a berlin 1 s ago [31m'))
  })

  it('counts a cluster as seen for five minutes after its last word, and then as silent', () => {
    expect(seenOf(renewedAt + 123 + silentMs)).to.include({ status: 'True', reason: 'Seen', observedGeneration: 3 })
    expect(seenOf(renewedAt + 124 + silentMs)).to.include({ status: 'False', reason: 'Silent' })
    expect(seenOf(renewedAt, { lease: undefined, configMap: undefined })).to.include({
      status: 'False',
      reason: 'NeverSeen',
    })
  })

  it('keeps the time of the condition while it does not turn', () => {
    const before = seenOf(renewedAt + 1000)
    expect(before.lastTransitionTime).to.equal('2026-11-30T12:00:01Z')
    const known = cluster({ status: { conditions: [{ ...before, type: 'Accepted', status: 'False' }, before] } })
    expect(seenOf(renewedAt + 9000, heard, known)).to.deep.equal(before)
    expect(seenOf(renewedAt + 400_000, heard, known).lastTransitionTime).to.equal('2026-11-30T12:06:40Z')
  })
})
