import { expect } from 'chai'
import { annotations } from '@nauthera/proto/names'
import { createPlanNext, rotationOf, statusOf } from '../../src/secret/plan-next.ts'
import { createSpacing } from '../../src/secret/spacing.ts'
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
    const planNext = createPlanNext({ ...one.needs, spacing: createSpacing(one.clock), quietPeriodMs: hour })
    const idsOf = () => planNext(lookOf(one, planOf({ kind: 'rest' }))).verifiers.map(({ id }) => id)
    expect(idsOf()).to.deep.equal(['0a1b2c3d'])
    one.shard.entry = { ...one.shard.entry!, uid: 'another' }
    expect(idsOf()).to.deep.equal([])
  })
})
