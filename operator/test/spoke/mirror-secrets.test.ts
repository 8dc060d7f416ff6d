import { expect } from 'chai'
import { digestOf, shortDigest } from '@nauthera/proto/digest'
import type { OIDCClientStatus } from '../../src/api/client-status.ts'
import type { HubFault } from '../../src/spoke/hub-state.ts'
import type { Mirror } from '../../src/spoke/mirror.ts'
import { createMirrorSecrets } from '../../src/spoke/mirror-secrets.ts'
import { client } from '../decide/clients.ts'

const now = Date.parse('2026-06-01T12:00:00Z')
const at = (minutes: number) => new Date(now + minutes * 60_000).toISOString()
const [next, held] = [digestOf('next'), digestOf('held')]
const [nextId, heldId] = [shortDigest(next), shortDigest(held)]

/** @param status what the hub says; the mirror has generation 4 */
function outletOf(status: Partial<OIDCClientStatus>, fault?: HubFault) {
  const mirror: Mirror = {
    metadata: {
      ...client().metadata,
      name: 'demo.app',
      namespace: 'nauthera-cluster-edge',
      uid: 'm',
      generation: 4,
    },
    spec: {
      type: 'M2M',
      origin: { namespace: 'demo', name: 'app', uid: 'u' },
      secret: { verifiers: [{ sha256: next }, { sha256: held, notAfter: at(60) }] },
    },
    status,
  }
  return createMirrorSecrets({
    mirrors: { find: () => mirror, isCurrent: () => true, ask: () => {}, forget: () => {} },
    state: { fault, clock: { now: () => now, monotonic: () => 0, after: () => () => {} } },
    findClient: () => client(),
  })
}

const both = [nextId, heldId].map((id) => ({ id, firstSeen: at(-30), acceptedByAll: true }))

describe('what a hub says of the secrets of a mirror', () => {
  it('is that every replica has them only for the generation that was written', () => {
    expect(outletOf({ verifiers: both, verifiersGeneration: 4 }).follow.entry('demo/app')?.applied).to.equal(true)
    expect(outletOf({ verifiers: both, verifiersGeneration: 3 }).follow.entry('demo/app')?.applied).to.equal(false)
    const [first] = both
    const isHalf = { verifiers: [first!], verifiersGeneration: 4 }
    expect(outletOf(isHalf).follow.entry('demo/app')?.applied).to.equal(false)
  })

  it('F57 is one replica that is not reached while the hub is silent, and never none', () => {
    const fault = { reason: 'HubUnreachable', message: 'the hub does not answer' } as const
    const outlet = outletOf({ verifiers: both, verifiersGeneration: 4 }, fault)
    expect(outlet.follow.entry('demo/app')).to.deep.include({ applied: false, total: 1, unreachable: ['the hub'] })
    expect(outlet.replicas.list().length).to.equal(1)
  })

  it('F66 is nothing where an older hub does not say it: no secret is published, and none ends for lack of use', () => {
    const outlet = outletOf({})
    expect(outlet.follow.entry('demo/app')?.applied).to.equal(false)
    expect(outlet.replicas.usesKnownSince('demo/app')).to.equal(undefined)
    expect(outletOf({ usesKnownSince: at(-600) }).replicas.usesKnownSince('demo/app')).to.equal(undefined)
    expect(outlet.shards.endedIds?.('demo/app')).to.deep.equal([])
  })

  it('is that a secret is refused once the hub names it no more in a status of this generation', () => {
    const isRefused = (status: Partial<OIDCClientStatus>, fault?: HubFault) =>
      outletOf(status, fault).follow.refuses('demo/app', 'eeeeeeee', now)
    expect(isRefused({ observedGeneration: 4 })).to.equal(true)
    expect(isRefused({ observedGeneration: 3 })).to.equal(false)
    expect(isRefused({ observedGeneration: 4, secret: { previous: [{ id: 'eeeeeeee' }] } })).to.equal(false)
    expect(isRefused({ observedGeneration: 4 }, { reason: 'HubUnreachable', message: 'away' })).to.equal(false)
    expect(outletOf({ observedGeneration: 4 }).follow.refuses('demo/app', heldId, now)).to.equal(false)
  })

  it('is not that a secret is refused which the hub still lists as valid, as while it refuses the version', () => {
    const verifiers = ['eeeeeeee', nextId].map((id) => ({ id, firstSeen: at(-30), acceptedByAll: true }))
    const status = { observedGeneration: 4, verifiersGeneration: 3, verifiers, secret: { previous: [{ id: nextId }] } }
    expect(outletOf(status).follow.refuses('demo/app', 'eeeeeeee', now)).to.equal(false)
  })

  it('P9 is of a time in the past: the quiet period begins that much later', () => {
    const known = { verifiers: both, usesKnownSince: at(-600), usesKnownUntil: at(-10) }
    expect(outletOf(known).replicas.usesKnownSince('demo/app')).to.equal(Date.parse(at(-20)))
  })
})
