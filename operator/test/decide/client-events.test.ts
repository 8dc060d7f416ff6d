import { expect } from 'chai'
import type { OIDCClientStatus } from '../../src/api/client-status.ts'
import { describeOutcome } from '../../src/decide/status/client-status.ts'
import { client } from './clients.ts'
import { live, now, outcome, settled } from './outcomes.ts'
import type { OutcomeChange } from './outcomes.ts'

describe('eventsOf', () => {
  const eventsOf = (before: OIDCClientStatus | undefined, change: OutcomeChange) =>
    describeOutcome(
      outcome({ ...change, client: { ...(change.client ?? client()), ...(before ? { status: before } : {}) } }),
    ).events.map(({ reason }) => reason)
  const before = describeOutcome(outcome()).status
  const rotated: OutcomeChange = {
    rotation: {
      ...settled,
      report: { ...settled.report, activeId: 'bbbbbbbb', previous: [{ id: 'aaaaaaaa', expiresAt: now }] },
    },
  }
  const invalid: OutcomeChange = {
    acceptance: { kind: 'invalid', wanted: 'x', faults: [{ path: 'spec', message: 'm' }] },
  }

  const { activeId: _none, ...withoutSecret } = settled.report

  const taken = { kind: 'name-taken', name: 'n', holder: { kind: 'stranger' } } as const
  const notGranted = { kind: 'refused', identifier: 'urn:api:a', api: undefined, why: { kind: 'undeclared' } } as const
  const denial = { policy: 'p', enforcement: 'Deny', graceMs: 0, field: 'f', message: 'm' } as const

  const listedOne = { id: 'a', firstSeen: new Date(now).toISOString(), acceptedByAll: true }
  const listing = { ended: [], isTaken: true, returning: [], lacksNewest: false, cut: [] }

  const table: readonly [
    sentence: string,
    before: OIDCClientStatus | undefined,
    change: OutcomeChange,
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
      { acceptance: { kind: 'conflict', wanted: 'x', field: 'spec.clientId', holder: 'a/b', mayClaim: true } },
      ['ClientIDConflict'],
    ],
    ['a violation', before, { violations: [denial] }, ['PolicyViolation']],
    [
      'the end of its grace',
      describeOutcome(outcome({ violations: [denial], serve: { kind: 'carry', until: now } })).status,
      { violations: [denial], serve: { kind: 'nothing' } },
      ['PolicyViolation'],
    ],
    [
      'a rotation that revokes what was active',
      before,
      { rotation: { ...settled, report: { ...settled.report, activeId: 'bbbbbbbb' } } },
      ['SecretRotated', 'PreviousSecretRetired'],
    ],
    [
      'an authentication without a secret, whose overlap begins',
      before,
      { rotation: { ...settled, report: { ...withoutSecret, previous: [{ id: 'aaaaaaaa', expiresAt: now }] } } },
      [],
    ],
    [
      'an authentication without a secret, while every server refuses the last one',
      before,
      { rotation: { ...settled, report: withoutSecret } },
      ['PreviousSecretRetired'],
    ],
    [
      'more older secrets than the status has room for: one that is left out may be valid',
      { ...before, secret: { ...before.secret, previous: ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id })) } },
      { ...rotated, ending: ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id })) },
      ['SecretRotated'],
    ],
    [
      'an older listed secret that is the newest now',
      { ...before, secret: { previous: [{ id: 'a' }] }, verifiers: [listedOne] },
      {
        rotation: {
          ...settled,
          report: withoutSecret,
          listed: { ...listing, verifiers: [{ id: 'a', sha256: 'a', firstSeen: now }] },
        },
      },
      [],
    ],
    ['a suspension', before, { activity: { kind: 'suspended', behind: [] } }, ['Suspended']],
    ['a name that is taken', before, { secret: taken }, ['NameTaken']],
    ['the same name again', describeOutcome(outcome({ secret: taken })).status, { secret: taken }, []],
    ['a Secret that waits for replicas', before, { secret: { kind: 'pending', name: 'n' } }, []],
    [
      'a rotation that does not go on',
      before,
      { rotation: { ...settled, health: { ok: false, reason: 'Overdue', message: 'm' } } },
      ['Overdue'],
    ],
    ['a new client that policy refuses', undefined, { violations: [denial], rotation: undefined }, ['PolicyViolation']],
    ['policy lets it in at last', describeOutcome(outcome({ violations: [denial] })).status, {}, ['ClientAccepted']],
    ['an access that is not granted', before, { access: [notGranted] }, ['NotGranted']],
    ['the same again', describeOutcome(outcome({ access: [notGranted] })).status, { access: [notGranted] }, []],
    [
      'an access that is granted at last',
      describeOutcome(outcome({ access: [notGranted] })).status,
      { access: [{ kind: 'granted', identifier: 'urn:api:a', scopes: [], types: [], withheld: [], api: undefined }] },
      ['AudiencesGranted'],
    ],
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

  it('says of a restored client that consents stay, but not in a joined cluster, whose hub takes it for a new one', () => {
    const said = (change: OutcomeChange) =>
      describeOutcome(outcome({ ...change, restoredFrom: 'u1' })).events.flatMap(({ reason, message }) =>
        reason === 'ClientRestored' ? [message] : [],
      )
    const start = 'goes on as the OIDCClient with the uid u1: its secrets'
    expect(said({})).to.deep.equal([`${start} and the consents of people stay`])
    const hub = {
      status: undefined,
      isPresent: false,
      verifiersGeneration: undefined,
      refusal: undefined,
      fault: undefined,
      isListed: false,
    }
    expect(said({ hub })).to.deep.equal([`${start} stay; people are asked for consent again`])
  })
})
