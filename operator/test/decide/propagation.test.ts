import { expect } from 'chai'
import { propagationOf } from '../../src/decide/status/propagation.ts'
import type { ReplicaReport } from '../../src/decide/status/propagation.ts'

describe('propagationOf', () => {
  const shard = { shard: 7, seq: 10n }
  const report = (replica: string, change: Partial<ReplicaReport> = {}): ReplicaReport => ({
    replica,
    reachable: true,
    serverConnected: true,
    live: [shard],
    rejected: [],
    ...change,
  })
  const refusal = { namespace: 'demo', name: 'app', field: 'spec.auth.jwks', code: 'C', message: 'm' }
  const table: readonly [sentence: string, replicas: readonly ReplicaReport[], expected: Record<string, unknown>][] = [
    ['counts a replica with the shard', [report('a')], { loaded: 1, total: 1, applied: true, accepted: true }],
    ['counts one that is ahead', [report('a', { live: [{ ...shard, seq: 11n }] })], { loaded: 1, applied: true }],
    [
      'does not count one that is behind',
      [report('a', { live: [{ ...shard, seq: 9n }] })],
      { loaded: 0, applied: false, lagging: ['a'] },
    ],
    [
      'does not count one with another shard',
      [report('a', { live: [{ ...shard, shard: 8 }] })],
      { loaded: 0, applied: false },
    ],
    [
      'K13 does not count one that is silent, whatever it had',
      [report('a'), report('b', { reachable: false })],
      { loaded: 1, applied: false, unreachable: ['b'] },
    ],
    [
      'does not count an agent without its server',
      [report('a', { serverConnected: false })],
      { loaded: 0, applied: false, lagging: ['a'] },
    ],
    [
      'tells a rejection from lagging',
      [report('a', { rejected: [refusal] })],
      { loaded: 0, applied: true, accepted: false },
    ],
    [
      'ignores the rejection of another client',
      [report('a', { rejected: [{ ...refusal, name: 'other' }] })],
      { loaded: 1, accepted: true },
    ],
    ['is settled nowhere without replicas', [], { loaded: 0, total: 0, applied: true, accepted: false }],
  ]
  for (const [sentence, replicas, expected] of table) {
    it(sentence, () => {
      expect(propagationOf({ namespace: 'demo', name: 'app' }, shard, replicas)).to.deep.include(expected)
    })
  }
})
