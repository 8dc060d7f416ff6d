import { expect } from 'chai'
import fc from 'fast-check'
import type { ClientVersion } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { propertyRuns } from '@nauthera/harness/property-runs'
import type { OIDCClientSpec, OIDCClient } from '../../src/api/oidc-client.ts'
import type { OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import { judgeClient } from '../../src/decide/access/judge.ts'
import type { Acceptance } from '../../src/decide/client/acceptance.ts'
import { checkPolicies } from '../../src/decide/client/check-policies.ts'
import { describeConditions } from '../../src/decide/status/conditions.ts'
import { client, holding } from './clients.ts'
import { outcome } from './outcomes.ts'

const minute = 60_000
const minutesOfGrace = 10

/** What may happen to a client. Each is followed by a look at it. */
type Happening =
  | { readonly kind: 'edit'; readonly to: 'good' | 'breaking' | 'invalid' | 'taken' }
  | { readonly kind: 'policy'; readonly is: 'Deny' | 'Audit' | 'gone' }
  | { readonly kind: 'wait'; readonly minutes: number }

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.constantFrom('good', 'breaking', 'invalid', 'taken').map((to) => ({ kind: 'edit' as const, to })),
  fc.constantFrom('Deny', 'Deny', 'Audit', 'gone').map((is) => ({ kind: 'policy' as const, is })),
  fc.integer({ min: 1, max: 15 }).map((minutes) => ({ kind: 'wait' as const, minutes })),
)

const good: Partial<OIDCClientSpec> = { par: true }
const verdicts: Readonly<Record<'good' | 'breaking' | 'invalid' | 'taken', Acceptance>> = {
  good: { kind: 'accepted', wanted: 'demo.app' },
  breaking: { kind: 'accepted', wanted: 'demo.app' },
  invalid: { kind: 'invalid', wanted: 'demo.app', faults: [{ path: 'spec.pkce', message: 'm' }] },
  taken: { kind: 'conflict', wanted: 'demo.app', field: 'spec.clientId', holder: 'a/b', mayClaim: true },
}

describe('a client that a policy withdrew', () => {
  it('K14 is compliant again only by a version that meets every policy, and has one grace until then', () => {
    let withdrawals = 0
    const one = fc.array(happening, { minLength: 4, maxLength: 25 })
    fc.assert(
      fc.property(one, (happenings) => {
        let now = Date.UTC(2026, 0, 1)
        let edit: keyof typeof verdicts = 'good'
        let policy: 'Deny' | 'Audit' | 'gone' = 'gone'
        let breaches: NonNullable<OIDCClient['status']>['breaches'] = []
        let served: { readonly version: ClientVersion; readonly spec: OIDCClient } | undefined
        let isWithdrawn = false
        for (const next of happenings) {
          if (next.kind === 'edit') edit = next.to
          if (next.kind === 'policy') policy = next.is
          if (next.kind === 'wait') now += next.minutes * minute
          const rules: OIDCPolicySpec[] =
            policy === 'gone' ? [] : [{ require: { par: true }, grace: `${minutesOfGrace}m`, enforcement: policy }]
          const policies = holding(...rules, {})
          const object: OIDCClient = { ...client(edit === 'breaking' ? {} : good), status: { breaches } }
          const before = breaches
          const judgement = judgeClient(object, {
            acceptance: verdicts[edit],
            policies,
            isFull: () => false,
            isServed: served !== undefined,
            carried: served?.version,
            servedBreaks: (present) =>
              served && served.version.config !== present?.config
                ? checkPolicies(served.spec, policies).filter(({ enforcement }) => enforcement === 'Deny')
                : [],
            now,
          })
          const { serve } = judgement
          if (serve.kind === 'nothing' && served) withdrawals++
          isWithdrawn =
            serve.kind === 'nothing' ? isWithdrawn || served !== undefined : isWithdrawn && serve.kind !== 'desired'
          served =
            serve.kind === 'desired'
              ? { version: serve.version, spec: object }
              : serve.kind === 'carry'
                ? served
                : undefined
          breaches = judgement.breaches.map(({ policy: name, since }) => ({
            policy: name,
            since: new Date(since).toISOString(),
          }))
          const activity = { kind: served ? ('active' as const) : ('not-served' as const), behind: [] }
          const conditions = describeConditions({ ...outcome(), judgement, activity })
          const said = conditions.find(({ type }) => type === 'PolicyCompliant')
          if (isWithdrawn) expect(said?.status, JSON.stringify(next)).to.not.equal('True')
          if (isWithdrawn && policy === 'Deny' && before.length > 0) expect(breaches).to.deep.equal(before)
        }
      }),
      { numRuns: propertyRuns(500) },
    )
    expect(withdrawals, 'too few').to.be.greaterThan(50)
  })
})
