import { expect } from 'chai'
import { annotations } from '@nauthera/proto/names'
import { createPlanNext, rotationOf, statusOf } from '../../src/secret/plan-next.ts'
import { Spacing } from '../../src/secret/spacing.ts'
import { createOneClient, lookOf, planOf } from './one-client.ts'

const hour = 3_600_000

describe('rotationOf', () => {
  const of = (...options: Parameters<typeof createOneClient>) =>
    rotationOf(createOneClient(...options).work().judgement, hour)

  it('has no interval, and the longest overlap, when neither client nor policy says anything', () => {
    expect(of()).to.deep.equal({ retire: 'WhenUnused', maxOverlapMs: 168 * hour, quietPeriodMs: hour })
  })

  it('takes durations in milliseconds from the client and from policy', () => {
    const rotation = { interval: '720h', overlap: '2h', window: { schedule: '0 3 * * *', duration: '1h' } }
    expect(of({ spec: { rotation }, policy: { rotation: { maxOverlap: '24h' } } })).to.deep.equal({
      intervalMs: 720 * hour,
      overlapMs: 2 * hour,
      window: { schedule: '0 3 * * *', durationMs: hour },
      retire: 'WhenUnused',
      maxOverlapMs: 24 * hour,
      quietPeriodMs: hour,
    })
  })

  it('gives a secret of its own an hour, where the client says no more', () => {
    const secret = { existingSecretRef: { name: 'mine', key: 'k' } }
    expect(of({ spec: { secret } })).to.deep.include({ overlapMs: hour, retire: 'WhenUnused' })
    const rotation = { overlap: '2h', retire: 'AfterOverlap', revokePrevious: 'leak' } as const
    expect(of({ spec: { secret, rotation } })).to.deep.include({
      overlapMs: 2 * hour,
      retire: 'AfterOverlap',
      revokePrevious: 'leak',
    })
  })

  it('cuts the annotation to the length that the status has room for', () => {
    const { annotation } = of({ metadata: { annotations: { [annotations.rotate]: 'x'.repeat(1_000) } } })
    expect(annotation).to.equal('x'.repeat(256))
  })
})

describe('statusOf', () => {
  it('reads what the status says of the secret', () => {
    const secret = { name: 'app-oidc', activeId: '0a1b2c3d', lastRotated: '2026-01-01T00:00:00Z', observedTrigger: 't' }
    expect(statusOf(createOneClient({ status: { secret } }).client)).to.deep.equal({
      activeId: '0a1b2c3d',
      lastRotated: Date.UTC(2026, 0, 1),
      observed: { trigger: 't' },
    })
  })
  it('is empty before the first secret', () => {
    expect(statusOf(createOneClient().client)).to.deep.equal({ observed: {} })
  })
})

describe('createPlanNext', () => {
  it('K1 ignores the stored entry of an earlier object of the same name', () => {
    const one = createOneClient()
    const verifiers = [{ id: '0a1b2c3d', sha256: '0a1b2c3d'.repeat(8) }]
    one.shard.asked.push({
      how: 'put',
      client: { ...one.client.metadata, clientId: 'demo.app', verifiers, verdict: { kind: 'carry' } } as never,
    })
    one.shard.store()
    one.shard.spread()
    const planNext = createPlanNext({
      ...one.needs,
      spacing: new Spacing({ clock: one.clock, again: () => {} }),
      quietPeriodMs: hour,
    })
    const idsOf = () => planNext(lookOf(one, planOf({ kind: 'rest' }))).verifiers.map(({ id }) => id)
    expect(idsOf()).to.deep.equal(['0a1b2c3d'])
    one.shard.entry = { ...one.shard.entry!, uid: 'another' }
    expect(idsOf()).to.deep.equal([])
  })

  it('takes the last use of a secret from replicas or from the status, whichever is later', () => {
    const id = '0a1b2c3d'
    const lastUsedOf = (reported: number | undefined, written: number | undefined) => {
      const lastUsed = written === undefined ? {} : { lastUsed: new Date(written).toISOString() }
      const secret = { name: 'app-oidc', activeId: 'bbbbbbbb', previous: [{ id, ...lastUsed }] }
      const one = createOneClient({ status: { secret } })
      const verifiers = ['bbbbbbbb', id].map((each) => ({ id: each, sha256: each.repeat(8) }))
      one.shard.asked.push({ how: 'put', client: { ...one.client.metadata, verifiers, verdict: {} } as never })
      one.shard.store()
      one.shard.spread()
      const replicas = {
        ...one.needs.replicas,
        lastUsed: (_: string, of: string) => (of === id ? reported : undefined),
      }
      const needs = {
        ...one.needs,
        replicas,
        spacing: new Spacing({ clock: one.clock, again: () => {} }),
        quietPeriodMs: hour,
      }
      return createPlanNext(needs)(lookOf(one, planOf({ kind: 'rest' }))).report.lastUsed[id]
    }
    expect(lastUsedOf(undefined, undefined)).to.equal(undefined)
    expect(lastUsedOf(1_000, undefined)).to.equal(1_000)
    expect(lastUsedOf(undefined, 1_000)).to.equal(1_000)
    expect(lastUsedOf(2_000, 1_000)).to.equal(2_000)
    expect(lastUsedOf(1_000, 2_000)).to.equal(2_000)
  })
})
