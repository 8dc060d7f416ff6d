import { expect } from 'chai'
import fc from 'fast-check'
import { definedOf } from '@nauthera/runtime/json'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { durationText } from '../../src/api/duration.ts'
import type { OIDCPolicy, OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import { nextOpening } from '../../src/decide/client/schedule.ts'
import { overlapOf } from '../../src/decide/secret/rotation-terms.ts'
import { beganAt, liveThrough } from './simulated-month.ts'
import type { ClientOfMonth, Month, Rotated } from './simulated-month.ts'

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

// --- any policies, any clients

const interval = fc.constantFrom(7 * hour, day, 3 * day, 7 * day).map(durationText)
const overlap = fc.constantFrom(5 * minute, hour, day).map(durationText)
const window = fc.record({
  schedule: fc.constantFrom('0 * * * *', '*/20 * * * *', '0 3 * * *', '30 2 * * 6', '0 0 1,15 * *'),
  duration: fc.constantFrom(5 * minute, 10 * minute, 15 * minute).map(durationText),
  timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'),
})
const maybe = <T>(of: fc.Arbitrary<T>, weight: number) =>
  fc.oneof({ arbitrary: of, weight }, { arbitrary: fc.constant(undefined), weight: 1 })

/** All that a policy may say of rotations. */
const policySpec: fc.Arbitrary<OIDCPolicySpec> = fc
  .record({
    enforcement: fc.constantFrom('Deny' as const, 'Deny' as const, 'Warn' as const, 'Audit' as const),
    priority: fc.nat(3),
    selector: fc.constantFrom(undefined, { clients: { matchLabels: { team: 'a' } } }),
    interval: maybe(interval, 3),
    overlap: maybe(overlap, 1),
    window: maybe(window, 1),
    minSpacing: maybe(fc.constantFrom('0s', '1s', '10s', '1m', '5m'), 3),
    maxOverlap: maybe(fc.constantFrom('24h', '168h'), 1),
  })
  .map(({ enforcement, priority, selector, minSpacing, maxOverlap, ...rotation }) =>
    definedOf({
      enforcement,
      priority,
      selector,
      rotation: definedOf({ minSpacing, maxOverlap }),
      defaults: { rotation: definedOf(rotation) },
    }),
  )

const clientOfMonth = fc.record({
  team: fc.constantFrom('a', 'b'),
  namespace: fc.constantFrom('one', 'two', 'three'),
  keepsOld: fc.boolean(),
  rotation: fc
    .record({
      interval: maybe(interval, 1),
      overlap: maybe(overlap, 0),
      window: maybe(window, 0),
      retire: fc.constantFrom('AfterOverlap' as const, 'WhenUnused' as const),
      // long done: it must not count as a request again
      trigger: maybe(fc.constant('once'), 1),
    })
    .map(definedOf),
})

const month: fc.Arbitrary<Month> = fc
  .record({
    clients: fc.array(clientOfMonth, { minLength: 1, maxLength: 4 }),
    baseline: policySpec,
    policies: fc.array(policySpec, { maxLength: 2 }),
    spreadMs: fc.constantFrom(second, 20 * second, 90 * second),
    stuckAfterMs: fc.constantFrom(undefined, undefined, undefined, 5 * day),
  })
  .map(({ clients, baseline, policies, spreadMs, stuckAfterMs }) => ({
    clients: clients.map(({ namespace, team, rotation, keepsOld }, at): ClientOfMonth => {
      return { namespace, name: `app-${at}`, labels: { team }, keepsOld, spec: { rotation } }
    }),
    baseline,
    policies: policies.map((spec, at) => ({ metadata: { name: `policy-${at}` }, spec }) as unknown as OIDCPolicy),
    spreadMs,
    ...definedOf({ stuckAfterMs }),
    lengthMs: 30 * day,
  }))

// --- what the plan of a rotation promises, told another way than the product decides it

interface Chance {
  readonly from: number
  readonly until: number
}

/** @returns when a rotation may begin after a publication: the next chances, of which the first counts */
function chancesOf({ rotation }: Rotated, publishedAt: number): readonly Chance[] {
  const dueAt = publishedAt + rotation.intervalMs!
  const { window } = rotation
  if (!window) return [{ from: dueAt, until: Infinity }]
  const chances: Chance[] = []
  let at = beganAt + dueAt - window.durationMs
  while (chances.length < 40) {
    const opens = nextOpening(window.schedule, window.timeZone ?? 'UTC', at + 1)
    if (opens === undefined) break
    const [from, until] = [opens - beganAt, opens - beganAt + window.durationMs]
    // a secret that is at most a tenth younger than its interval goes with the window that has opened
    if (until > dueAt)
      chances.push({ from: dueAt - from <= rotation.intervalMs! / 10 ? from : Math.max(from, dueAt), until })
    at = opens
  }
  return chances
}

/** How long a client may wait for others at most: all clients of its lanes once, and those of their lanes. */
const longestTurnMs = (all: readonly Rotated[]): number =>
  all.length * all.reduce((most, { spacings }) => Math.max(most, ...spacings.map(({ ms }) => ms)), 0)

/** Between a write and what follows from it. */
const slackMs = (given: Month): number => 2 * given.spreadMs + 10 * second

/** @returns what is wrong with the rotations of a client */
function faultsOf(one: Rotated, given: Month, all: readonly Rotated[]): readonly string[] {
  const { rotation, minted, published, health } = one
  const faults: string[] = []
  if (rotation.intervalMs === undefined) return published.length > 1 ? ['rotates without an interval'] : []
  const slack = slackMs(given) + longestTurnMs(all)
  const stuckAt = given.stuckAfterMs ?? Infinity
  for (const [at, publishedAt] of published.entries()) {
    const next = minted[at + 1]
    const isStuck = (next ?? Infinity) + 2 * given.spreadMs >= stuckAt || publishedAt + given.spreadMs >= stuckAt
    const [first, ...others] = chancesOf(one, publishedAt)
    if (!first) continue
    const dueAt = publishedAt + rotation.intervalMs
    if (next !== undefined && next < first.from) faults.push(`minted at ${next}, before ${first.from}`)
    // the secret before has to end first, where its overlap is longer than the interval
    const endsAt = publishedAt + Math.max(overlapOf(one), Math.min(rotation.maxOverlapMs, rotation.intervalMs))
    const fits = [first, ...others].find(({ from, until }) => until - Math.max(from, endsAt) > slack)
    const latest = fits ? Math.max(fits.from, endsAt) + slack : Infinity
    if (!isStuck && latest < Math.min(given.lengthMs, stuckAt - 4 * given.spreadMs) && !(next! <= latest))
      faults.push(`published at ${publishedAt}, and the next one minted at ${next}, after ${latest}`)
    // what it says of itself follows from the age of the secret
    const until = Math.min(published[at + 1] ?? Infinity, given.lengthMs)
    const lateAt = Math.max(dueAt, first.from) + 5 * minute
    const surelyLateAt = Math.max(lateAt, dueAt + rotation.intervalMs / 10)
    const said = health.filter((each) => each.at >= publishedAt && each.at < until)
    for (const each of said) {
      const reason = each.health.ok ? 'ok' : each.health.reason
      if (each.at >= surelyLateAt && reason !== 'Overdue' && reason !== 'WindowMissed' && reason !== 'ReplicasLagging')
        faults.push(`says ${reason} at ${each.at}, of a secret that is too old since ${surelyLateAt}`)
      if (each.at < lateAt && (reason === 'Overdue' || reason === 'WindowMissed'))
        faults.push(`says ${reason} at ${each.at}, of a secret that is late at ${lateAt}`)
    }
    const then = said.findLast((each) => each.at <= surelyLateAt + second)
    if (surelyLateAt + second < until && then?.health.ok !== false)
      faults.push(`does not look when its secret becomes too old, at ${surelyLateAt}`)
  }
  return faults
}

/** @returns lanes in which two rotations began too close together */
function tooClose(all: readonly Rotated[]): readonly string[] {
  const lanes = new Map<string, { ms: number; begun: number[] }>()
  for (const { spacings, minted } of all)
    for (const { policy, ms } of spacings) {
      const lane = lanes.get(policy) ?? { ms, begun: [] }
      lanes.set(policy, lane)
      lane.begun.push(...minted.slice(1))
    }
  return [...lanes].flatMap(([policy, { ms, begun }]) =>
    begun
      .sort((one, other) => one - other)
      .flatMap((time, at) => (at > 0 && time - begun[at - 1]! < ms ? [`${policy}: ${begun[at - 1]} and ${time}`] : [])),
  )
}

describe('a month of rotations under any policies', function () {
  const runs = propertyRuns(8)
  this.timeout(60_000 + runs * 30_000)

  it(`counts what the plan says, keeps each spacing, and calls no old secret healthy (${runs} months)`, async () => {
    await fc.assert(
      fc.asyncProperty(month, async (given) => {
        const all = await liveThrough(given)
        expect(tooClose(all).join('\n'), 'too close together').to.equal('')
        for (const one of all) expect(faultsOf(one, given, all).join('\n'), one.key).to.equal('')
      }),
      { numRuns: runs },
    )
  })
})
