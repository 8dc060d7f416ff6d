import { expect } from 'chai'
import type { OIDCClientStatus } from '../../src/api/oidc-client.ts'
import { clientDefinition } from '../../src/api/crds.ts'
import { checkValue } from '../../src/api/check.ts'
import { describeOutcome } from '../../src/decide/conditions.ts'
import type { Outcome } from '../../src/decide/conditions.ts'
import { renderConfig } from '../../src/decide/metadata.ts'
import { propagationOf } from '../../src/decide/propagation.ts'
import type { ReplicaReport } from '../../src/decide/propagation.ts'
import type { RotationPlan } from '../../src/decide/rotation-terms.ts'
import { client } from './clients.ts'

const now = Date.UTC(2026, 0, 1)
const live = { loaded: 3, total: 3, lagging: [], unreachable: [], rejected: [], applied: true, accepted: true }
const settled: RotationPlan = {
  state: 'only-old',
  verifiers: [],
  step: { kind: 'rest' },
  secret: undefined,
  keepsPending: false,
  wakeAt: undefined,
  health: { ok: true },
  report: { activeId: 'aaaaaaaa', lastRotated: now, observed: {}, previous: [] },
}

const outcome = (change: Partial<Outcome> = {}): Outcome => ({
  client: client({}, { generation: 4 }),
  servedBy: 'auth/nauthera',
  issuer: 'https://login.example.com',
  acceptance: { kind: 'accepted', clientId: 'demo.app' },
  policies: ['baseline'],
  violations: [],
  config: renderConfig(client()),
  secret: { kind: 'ready', name: 'app-oidc' },
  rotation: settled,
  rotationSettings: { retire: 'AfterOverlap', maxOverlapMs: 604_800_000, quietPeriodMs: 0, intervalMs: 7_200_000 },
  propagation: live,
  formerName: undefined,
  shardFull: false,
  revision: '0a1b2c3d',
  now,
  ...change,
})

const conditionsOf = (change: Partial<Outcome>) =>
  Object.fromEntries(
    (describeOutcome(outcome(change)).status.conditions ?? []).map(({ type, status, reason, message }) => [
      type,
      { status, reason, message },
    ]),
  )

describe('describeOutcome', () => {
  const violation = (enforcement: 'Deny' | 'Warn' | 'Audit') => ({
    policy: 'p',
    enforcement,
    graceMs: 0,
    field: 'spec.par',
    message: 'must be true',
  })
  const table: readonly [
    sentence: string,
    change: Partial<Outcome>,
    type: string,
    status: string,
    reason: string,
    message: RegExp,
  ][] = [
    ['is ready when live everywhere', {}, 'Ready', 'True', 'Ready', /every replica/],
    [
      'says InvalidSpec with field and message',
      {
        acceptance: { kind: 'invalid', clientId: 'x', faults: [{ path: 'spec.par', message: 'must be true' }] },
        config: undefined,
        propagation: undefined,
      },
      'Accepted',
      'False',
      'InvalidSpec',
      /^spec\.par: must be true$/,
    ],
    [
      'K1 says ClientIDConflict and who has the id',
      { acceptance: { kind: 'conflict', clientId: 'shop', field: 'spec.clientId', holder: 'a/b' } },
      'Accepted',
      'False',
      'ClientIDConflict',
      /^spec\.clientId: is taken by the older a\/b/,
    ],
    [
      'says NamespaceNotAllowed',
      { acceptance: { kind: 'namespace-not-allowed', clientId: 'x' } },
      'Accepted',
      'False',
      'NamespaceNotAllowed',
      /not watched/,
    ],
    ['F22 says that a version does not fit', { shardFull: true }, 'Accepted', 'False', 'InvalidSpec', /does not fit/],
    [
      'says PolicyViolation with the policy',
      { violations: [violation('Deny')] },
      'PolicyCompliant',
      'False',
      'PolicyViolation',
      /spec\.par: must be true \(policy p\)/,
    ],
    ['warns without refusing', { violations: [violation('Warn')] }, 'PolicyCompliant', 'True', 'Warning', /spec\.par/],
    [
      'says nothing of an audit',
      { violations: [violation('Audit')] },
      'PolicyCompliant',
      'True',
      'Compliant',
      /every policy/,
    ],
    [
      'says WaitingForSecret',
      { secret: { kind: 'waiting-for-secret', name: 'n', message: 'Secret mine is not there' } },
      'SecretReady',
      'False',
      'WaitingForSecret',
      /mine/,
    ],
    [
      'K2 says NameTaken',
      { secret: { kind: 'name-taken', name: 'n' } },
      'SecretReady',
      'False',
      'NameTaken',
      /left alone/,
    ],
    [
      'K15 says TemplateInvalid',
      { secret: { kind: 'template-invalid', name: 'n', faults: [{ path: 'spec.secret.data.a', message: 'x' }] } },
      'SecretReady',
      'False',
      'TemplateInvalid',
      /^spec\.secret\.data\.a: x/,
    ],
    [
      'K5 says Unknown when the Secret cannot be read',
      { secret: { kind: 'unreadable', name: 'n', message: '403' } },
      'SecretReady',
      'Unknown',
      'SecretUnreadable',
      /403/,
    ],
    [
      'says ReplicasLagging',
      { propagation: { ...live, loaded: 2, lagging: ['pod-2'], applied: false, accepted: false } },
      'Propagated',
      'False',
      'ReplicasLagging',
      /2\/3; behind: pod-2/,
    ],
    [
      'F39 says StatusUnreachable: silence is never live',
      { propagation: { ...live, loaded: 2, unreachable: ['pod-2'], applied: false, accepted: false } },
      'Propagated',
      'Unknown',
      'StatusUnreachable',
      /pod-2/,
    ],
    [
      'says RejectedByServer with field and reason',
      {
        propagation: {
          ...live,
          loaded: 2,
          accepted: false,
          rejected: [
            { replica: 'pod-2', field: 'spec.auth.jwks', code: 'CLIENT_METADATA_INVALID', message: 'not a JWK set' },
          ],
        },
      },
      'Propagated',
      'False',
      'RejectedByServer',
      /^spec\.auth\.jwks: not a JWK set/,
    ],
    [
      'is not live without a replica',
      { propagation: { ...live, loaded: 0, total: 0 } },
      'Propagated',
      'False',
      'ReplicasLagging',
      /no replica/,
    ],
    [
      'is not live before it is written',
      { propagation: undefined },
      'Propagated',
      'False',
      'ReplicasLagging',
      /not written/,
    ],
    [
      'says why a rotation does not go on',
      { rotation: { ...settled, health: { ok: false, reason: 'ReplicasLagging', message: 'm' } } },
      'RotationHealthy',
      'False',
      'ReplicasLagging',
      /m/,
    ],
    [
      'a lagging rotation does not take Ready away',
      { rotation: { ...settled, health: { ok: false, reason: 'ReplicasLagging', message: 'm' } } },
      'Ready',
      'True',
      'Ready',
      /./,
    ],
    [
      'Ready names the first thing that is missing',
      { violations: [violation('Deny')], propagation: undefined },
      'Ready',
      'False',
      'PolicyViolation',
      /^PolicyCompliant: spec\.par/,
    ],
    [
      'Ready names the replicas that the Secret waits for',
      {
        secret: { kind: 'pending', name: 'n' },
        propagation: { ...live, loaded: 1, lagging: ['pod-1'], applied: false, accepted: false },
      },
      'Ready',
      'False',
      'ReplicasLagging',
      /^Propagated: 1\/3/,
    ],
    [
      'says what a restoration waits for',
      { rotation: { ...settled, step: { kind: 'blocked', why: 'overlap-without-secret' } } },
      'SecretReady',
      'False',
      'WaitingForSecret',
      /revokePrevious/,
    ],
  ]
  for (const [sentence, change, type, status, reason, message] of table) {
    it(sentence, () => {
      const condition = conditionsOf(change)[type]!
      expect(condition).to.include({ status, reason })
      expect(condition.message).to.match(message)
    })
  }

  it('fits the CRD, whatever happened', () => {
    const schema = clientDefinition.spec.versions[0]!.schema.openAPIV3Schema.properties!['status']!
    const long = 'x'.repeat(10_000)
    for (const change of [
      ...table.map((row) => row[1]),
      { acceptance: { kind: 'invalid', clientId: 'x', faults: [{ path: 'spec', message: long }] } } as Partial<Outcome>,
    ]) {
      expect(checkValue(schema, describeOutcome(outcome(change)).status)).to.deep.equal([])
    }
  })

  it('shows what the columns print', () => {
    const { status } = describeOutcome(
      outcome({ rotation: { ...settled, report: { ...settled.report, nextRotation: now + 3_600_000 } } }),
    )
    expect(status).to.deep.include({
      clientId: 'demo.app',
      replicas: { loaded: 3, total: 3, summary: '3/3' },
      servedBy: 'auth/nauthera',
      observedGeneration: 4,
    })
    expect(status.secret).to.include({ name: 'app-oidc', activeId: 'aaaaaaaa', nextRotation: '2026-01-01T01:00:00Z' })
    expect(status.effective).to.deep.include({
      authMethod: 'client_secret_basic',
      rotation: { interval: '2h', overlap: '1h' },
    })
  })

  it('moves lastTransitionTime only with the status', () => {
    const before = describeOutcome(outcome()).status
    const later = (change: Partial<Outcome>) =>
      describeOutcome(
        outcome({ client: { ...client(), status: before }, now: now + 60_000, ...change }),
      ).status.conditions!.find(({ type }) => type === 'Ready')!
    expect(later({}).lastTransitionTime).to.equal('2026-01-01T00:00:00Z')
    expect(later({ propagation: undefined }).lastTransitionTime).to.equal('2026-01-01T00:01:00Z')
  })
})

describe('events', () => {
  const eventsOf = (before: OIDCClientStatus | undefined, change: Partial<Outcome>) =>
    describeOutcome(outcome({ ...change, client: { ...client(), ...(before ? { status: before } : {}) } })).events.map(
      ({ reason }) => reason,
    )
  const before = describeOutcome(outcome()).status
  const rotated: Partial<Outcome> = {
    rotation: {
      ...settled,
      report: { ...settled.report, activeId: 'bbbbbbbb', previous: [{ id: 'aaaaaaaa', expiresAt: now }] },
    },
  }
  const invalid: Partial<Outcome> = {
    acceptance: { kind: 'invalid', clientId: 'x', faults: [{ path: 'spec', message: 'm' }] },
  }

  const denial = { policy: 'p', enforcement: 'Deny', graceMs: 0, field: 'f', message: 'm' } as const

  const table: readonly [
    sentence: string,
    before: OIDCClientStatus | undefined,
    change: Partial<Outcome>,
    reasons: readonly string[],
  ][] = [
    ['a new client', undefined, {}, ['ClientAccepted', 'SecretCreated']],
    ['nothing new', before, {}, []],
    ['a rotation', before, rotated, ['SecretRotated']],
    [
      'a retirement',
      describeOutcome(outcome(rotated)).status,
      { rotation: { ...settled, report: { ...settled.report, activeId: 'bbbbbbbb' } } },
      ['PreviousSecretRetired'],
    ],
    ['a mistake', before, invalid, ['InvalidSpec']],
    ['the same mistake again', describeOutcome(outcome(invalid)).status, invalid, []],
    [
      'a conflict',
      before,
      { acceptance: { kind: 'conflict', clientId: 'x', field: 'spec.clientId', holder: 'a/b' } },
      ['ClientIDConflict'],
    ],
    ['a violation', before, { violations: [denial] }, ['PolicyViolation']],
    ['a new client that policy refuses', undefined, { violations: [denial], rotation: undefined }, ['PolicyViolation']],
    ['policy lets it in at last', describeOutcome(outcome({ violations: [denial] })).status, {}, ['ClientAccepted']],
    [
      'a rejection',
      before,
      { propagation: { ...live, accepted: false, rejected: [{ replica: 'r', field: 'f', code: 'C', message: 'm' }] } },
      ['ServerRejected'],
    ],
  ]
  for (const [sentence, status, change, reasons] of table) {
    it(`${sentence}: ${reasons.join(', ') || 'none'}`, () => {
      expect(eventsOf(status, change)).to.deep.equal(reasons)
    })
  }
})

describe('propagationOf', () => {
  const shard = { shard: 7, epoch: 1, seq: 10n }
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
      'a rejection of another client is none of ours',
      [report('a', { rejected: [{ ...refusal, name: 'other' }] })],
      { loaded: 1, accepted: true },
    ],
    ['has nothing to wait for without replicas', [], { loaded: 0, total: 0, applied: true, accepted: true }],
  ]
  for (const [sentence, replicas, expected] of table) {
    it(sentence, () => {
      expect(propagationOf({ namespace: 'demo', name: 'app' }, shard, replicas)).to.deep.include(expected)
    })
  }
})
