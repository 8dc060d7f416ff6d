import { expect } from 'chai'
import { isInProgress } from '../../src/status/in-progress.ts'
import { outcome } from '../decide/outcomes.ts'
import type { OutcomeChange } from '../decide/outcomes.ts'

const propagation = {
  loaded: 2,
  total: 2,
  lagging: [],
  unreachable: [],
  rejected: [],
  applied: true,
  accepted: true,
}
const lagging = { ...propagation, loaded: 1, lagging: ['server-b'], applied: false, accepted: false }
const unreachable = { ...lagging, lagging: [], unreachable: ['server-b'] }
const rejected = {
  ...propagation,
  loaded: 1,
  accepted: false,
  rejected: [{ replica: 'server-b', field: 'redirect_uris', code: 'X', message: 'bad' }],
}
const denial = (enforcement: 'Deny' | 'Warn') => ({
  policy: 'p',
  enforcement,
  graceMs: 0,
  field: 'spec',
  message: 'is not allowed',
})
const rows: readonly [sentence: string, more: OutcomeChange, inProgress: boolean][] = [
  ['all is done', {}, false],
  ['a replica lacks it', { propagation: lagging }, true],
  ['it is not stored yet', { propagation: undefined }, true],
  ['its Secret is not written yet', { secret: { kind: 'pending', name: 'app-oidc' } }, true],
  ['a replica rejects it', { propagation: rejected }, false],
  ['a replica does not answer', { propagation: unreachable }, false],
  [
    'its spec breaks a rule',
    { acceptance: { kind: 'invalid', wanted: 'demo.app', faults: [] }, propagation: lagging },
    false,
  ],
  ['a policy denies it', { violations: [denial('Deny')], propagation: lagging }, false],
  ['a policy warns of it', { violations: [denial('Warn')], propagation: lagging }, true],
  ['its shard is full', { noRoom: 'shard', propagation: lagging }, false],
  [
    'its Secret has the name of another',
    { secret: { kind: 'name-taken', holder: { kind: 'stranger' }, name: 'app-oidc' }, propagation: lagging },
    false,
  ],
]

describe('isInProgress', () => {
  for (const [sentence, more, inProgress] of rows) {
    it(`is ${inProgress} when ${sentence}`, () =>
      expect(isInProgress(outcome({ propagation, ...more }))).to.equal(inProgress))
  }
})
