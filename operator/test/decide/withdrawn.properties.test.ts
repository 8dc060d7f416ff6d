import { expect } from 'chai'
import fc from 'fast-check'
import type { ClientVersion } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { propertyRuns } from '@nauthera/harness/property-runs'
import type { OIDCClientSpec, OIDCClient } from '../../src/api/oidc-client.ts'
import { judgeClient } from '../../src/decide/access/judge.ts'
import type { Judgement } from '../../src/decide/access/judgement.ts'
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

type Breaches = NonNullable<NonNullable<OIDCClient['status']>['breaches']>

const good: Partial<OIDCClientSpec> = { par: true }
const verdicts: Readonly<Record<'good' | 'breaking' | 'invalid' | 'taken', Acceptance>> = {
  good: { kind: 'accepted', wanted: 'demo.app' },
  breaking: { kind: 'accepted', wanted: 'demo.app' },
  invalid: { kind: 'invalid', wanted: 'demo.app', faults: [{ path: 'spec.pkce', message: 'm' }] },
  taken: { kind: 'conflict', wanted: 'demo.app', field: 'spec.clientId', holder: 'a/b', mayClaim: true },
}

interface World {
  readonly now: number
  readonly edit: keyof typeof verdicts
  readonly policy: 'Deny' | 'Audit' | 'gone'
  readonly breaches: Breaches
  /** What servers have: the version, and the object that it was made from. */
  readonly served: { readonly version: ClientVersion; readonly object: OIDCClient } | undefined
  /** A policy took it away, and no version that meets every policy came since. */
  readonly isWithdrawn: boolean
}

const beginning: World = {
  now: Date.UTC(2026, 0, 1),
  edit: 'good',
  policy: 'gone',
  breaches: [],
  served: undefined,
  isWithdrawn: false,
}

function happens(world: World, next: Happening): World {
  switch (next.kind) {
    case 'edit':
      return { ...world, edit: next.to }
    case 'policy':
      return { ...world, policy: next.is }
    case 'wait':
      return { ...world, now: world.now + next.minutes * minute }
  }
}

const policiesIn = ({ policy }: World) =>
  policy === 'gone'
    ? holding({})
    : holding({ require: { par: true }, grace: `${minutesOfGrace}m`, enforcement: policy }, {})

function judge(world: World, object: OIDCClient): Judgement {
  const { edit, served, now } = world
  const policies = policiesIn(world)
  return judgeClient(object, {
    acceptance: verdicts[edit],
    policies,
    isFull: () => false,
    isServed: served !== undefined,
    carried: served?.version,
    servedBreaks: (present) =>
      served && served.version.config !== present?.config
        ? checkPolicies(served.object, policies).filter(({ enforcement }) => enforcement === 'Deny')
        : [],
    now,
  })
}

/** @returns the world after a look, and what the status then says of policies */
function look(world: World): { readonly world: World; readonly said: string | undefined } {
  const object: OIDCClient = {
    ...client(world.edit === 'breaking' ? {} : good),
    status: { breaches: world.breaches },
  }
  const judgement = judge(world, object)
  const { serve } = judgement
  const served =
    serve.kind === 'desired' ? { version: serve.version, object } : serve.kind === 'carry' ? world.served : undefined
  const isTaken = serve.kind === 'nothing' && world.served !== undefined
  const activity = { kind: served ? ('active' as const) : ('not-served' as const), behind: [] }
  const conditions = describeConditions({ ...outcome(), judgement, activity })
  const breaches = judgement.breaches.map(({ policy, since }) => ({ policy, since: new Date(since).toISOString() }))
  return {
    world: { ...world, breaches, served, isWithdrawn: isTaken || (world.isWithdrawn && serve.kind !== 'desired') },
    said: conditions.find(({ type }) => type === 'PolicyCompliant')?.status,
  }
}

describe('a client that a policy withdrew', () => {
  it('K14 is compliant again only by a version that meets every policy, and has one grace until then', () => {
    let withdrawals = 0
    fc.assert(
      fc.property(fc.array(happening, { minLength: 4, maxLength: 25 }), (happenings) => {
        let world = beginning
        for (const next of happenings) {
          const before = happens(world, next)
          const { world: after, said } = look(before)
          if (after.isWithdrawn) expect(said, JSON.stringify(next)).to.not.equal('True')
          if (after.isWithdrawn && !world.isWithdrawn) withdrawals++
          if (after.isWithdrawn && after.policy === 'Deny' && before.breaches.length > 0)
            expect(after.breaches).to.deep.equal(before.breaches)
          world = after
        }
      }),
      { numRuns: propertyRuns(500) },
    )
    expect(withdrawals).to.be.greaterThan(0)
  })
})
