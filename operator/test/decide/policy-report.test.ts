import { expect } from 'chai'
import type { OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import { describePolicy } from '../../src/decide/status/policy-report.ts'
import { policy } from './clients.ts'

const about = { release: 'auth/nauthera', now: Date.UTC(2026, 0, 1) }
const broken = { matched: 12, violating: 1, examples: [{ key: 'apps/a', message: 'spec.par: must be true' }] }
const kept = { matched: 12, violating: 0, examples: [] }
const conditionsOf = (spec: OIDCPolicySpec, standing: typeof kept | typeof broken) =>
  describePolicy(policy('p', spec), standing, about).conditions!.map(({ type, status, reason, message }) =>
    [type, status, reason, message].join(' '),
  )

describe('describePolicy', () => {
  it('counts, and names who breaks it', () => {
    const { matchedClients, violatingClients, violating, release } = describePolicy(policy('p', {}), broken, about)
    expect({ matchedClients, violatingClients, violating, release }).to.deep.equal({
      release: 'auth/nauthera',
      matchedClients: 12,
      violatingClients: 1,
      violating: [{ namespace: 'apps', name: 'a', message: 'spec.par: must be true' }],
    })
  })

  for (const [enforcement, what] of [
    ['Deny', 'they are refused when their grace is over'],
    ['Warn', 'they are served, and their conditions say so'],
    ['Audit', 'they are served, and only this status says so'],
  ] as const) {
    it(`shows what ${enforcement} means for those who break it`, () => {
      expect(conditionsOf({ enforcement }, broken)[1]).to.equal(
        `Compliant False ${enforcement} 1 of 12 clients break the policy; ${what}`,
      )
    })
  }

  it('says that all is well', () => {
    expect(conditionsOf({}, kept)).to.deep.equal([
      'Accepted True Accepted the spec follows every rule',
      'Compliant True Compliant 12 of 12 clients meet the policy',
    ])
  })

  it('says what is wrong with the policy itself, such as a default window that never opens', () => {
    const window = { schedule: '0 3 * * *', duration: '1h', timeZone: 'Mars/Olympus' }
    expect(conditionsOf({ defaults: { rotation: { interval: '720h', window } } }, kept)[0]).to.equal(
      'Accepted False InvalidSpec spec.defaults.rotation.window.timeZone: must be an IANA time zone, such as Europe/Berlin',
    )
  })

  it('says the same again when nothing is new, and moves a transition only with the status', () => {
    const first = describePolicy(policy('p', {}), kept, about)
    const stored = { ...policy('p', {}), status: { releases: [first] } }
    const later = { ...about, now: about.now + 60_000 }
    expect(describePolicy(stored, kept, later)).to.deep.equal(first)
    const transitionsOf = ({ conditions }: typeof first) => conditions!.map((one) => one.lastTransitionTime)
    const second = describePolicy(stored, broken, later)
    expect(transitionsOf(second)).to.deep.equal(['2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z'])
    // each condition goes by itself
    const third = describePolicy({ ...stored, status: { releases: [second] } }, broken, {
      ...later,
      now: later.now + 60_000,
    })
    expect(transitionsOf(third)).to.deep.equal(transitionsOf(second))
  })
})
