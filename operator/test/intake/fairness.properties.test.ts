import { expect } from 'chai'
import fc from 'fast-check'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { tenantOf, tenantText } from '@nauthera/rules/tenants'
import type { LookCause } from '../../src/intake/fair-keys.ts'
import { createWorkQueue } from '../../src/intake/work-queue.ts'
import { splitKey } from '../../src/kubernetes/objects.ts'

// Keys come, are worked on, come again during their work or after a while, and fail. How long one waits is counted in turns of its own
// tenant, and no other tenant has two turns between two of those.

/** What the names of their keys begin with: namespaces, and those of a joined cluster, which share the turns of one. */
const tenants = ['a/', 'b/', 'c/', 'nauthera-cluster-edge/noisy.', 'nauthera-cluster-edge/calm.']
const workers = 3
/** So many changes of a tenant go before one of its follow-ups. */
const mostChanges = 16

const anyTenant = fc.constantFrom(...tenants)
const anyCause = fc.constantFrom<LookCause>('change', 'follow-up')
const anyName = fc.nat(50)
const anyCount = fc.integer({ min: 1, max: 40 })
/** Milliseconds. */
const anyWait = fc.integer({ min: 1, max: 30 })
/** Which of the keys that are worked on. */
const anyRunning = fc.nat(workers - 1)
const one = fc.constant(1)
type Step =
  | {
      readonly kind: 'add'
      readonly tenant: string
      readonly from: number
      readonly count: number
      readonly cause: LookCause
    }
  | { readonly kind: 'again'; readonly running: number; readonly cause: LookCause }
  | { readonly kind: 'later' | 'fail'; readonly running: number; readonly wait: number }
  | { readonly kind: 'pass'; readonly wait: number }
  | { readonly kind: 'end'; readonly count: number }
const kind = <Kind extends Step['kind']>(name: Kind) => fc.constant(name)
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: kind('add'), tenant: anyTenant, from: anyName, count: fc.oneof(one, anyCount), cause: anyCause }),
  fc.record({ kind: kind('again'), running: anyRunning, cause: anyCause }),
  fc.record({ kind: fc.oneof(kind('later'), kind('fail')), running: anyRunning, wait: anyWait }),
  fc.record({ kind: kind('pass'), wait: anyWait }),
  { weight: 2, arbitrary: fc.record({ kind: kind('end'), count: anyCount }) },
)
/** A tenant has follow-ups, then many changes, then one of the follow-ups that wait becomes a change. */
const anyCrowd = fc
  .record({ tenant: anyTenant, waiting: fc.integer({ min: 1, max: 3 }) })
  .map(({ tenant, waiting }): Step[] => {
    const count = workers + waiting
    return [
      { kind: 'add', tenant, from: 0, count, cause: 'follow-up' },
      { kind: 'add', tenant, from: count, count: 60, cause: 'change' },
      { kind: 'add', tenant, from: count - 1, count: 1, cause: 'change' },
    ]
  })
/** A tenant has many follow-ups, and a key that is worked on is changed, and then gets a follow-up. */
const anyReturn = fc
  .record({ tenant: anyTenant, count: anyCount, running: anyRunning })
  .map(({ tenant, count, running }): Step[] => [
    { kind: 'add', tenant, from: 0, count: 2 * workers + count, cause: 'follow-up' },
    { kind: 'again', running, cause: 'change' },
    { kind: 'again', running, cause: 'follow-up' },
  ])
const anySteps = fc
  .tuple(fc.oneof(anyCrowd, anyReturn), fc.array(anyStep, { maxLength: 40 }))
  .map(([first, more]) => [...first, ...more])

interface Waiting {
  readonly isChange: boolean
  /** It came as one, and may be a change as well since. */
  readonly isFollowUp: boolean
  /** So many turns of its tenant may be before its own. */
  turns: number
  /** Turns of others since the last one of its tenant, and of its namespace. */
  readonly siblings: Map<string, number>
  readonly others: Map<string, number>
}

/** What may wait, and for how long. */
class Expected {
  readonly #waiting = new Map<string, Waiting>()
  readonly #running = new Map<string, LookCause | undefined>()
  readonly #later = new Map<string, number>()

  get running(): readonly string[] {
    return [...this.#running.keys()]
  }

  get size(): number {
    return this.#waiting.size + this.#running.size
  }

  add(key: string, cause: LookCause): void {
    if (this.#running.has(key)) {
      if (this.#running.get(key) !== 'change') this.#running.set(key, cause)
      return
    }
    const known = this.#waiting.get(key)
    if (known && (known.isChange || cause === 'follow-up')) return
    const own = [...this.#waiting].flatMap(([other, one]) => (placeOf(other).tenant === placeOf(key).tenant ? one : []))
    const changes = own.filter(({ isChange }) => isChange).length
    const followUps = own.filter(({ isFollowUp }) => isFollowUp).length
    const turns =
      cause === 'change' ? changes + Math.floor(changes / mostChanges) + 1 : followUps * (mostChanges + 1) + mostChanges
    const at = { isChange: cause === 'change', isFollowUp: cause === 'follow-up', turns }
    const first = { ...at, siblings: new Map<string, number>(), others: new Map<string, number>() }
    this.#waiting.set(key, known ? { ...known, isChange: true, turns: Math.min(known.turns, turns) } : first)
  }

  /** It is worked on now. */
  start(key: string): void {
    expect(this.#waiting.has(key), `${key} waited`).to.equal(true)
    this.#waiting.delete(key)
    this.#running.set(key, undefined)
    const { namespace, tenant } = placeOf(key)
    for (const [other, one] of this.#waiting) {
      const at = placeOf(other)
      if (at.namespace !== namespace) expect(count(one.others, namespace), `${namespace} before ${other}`).to.equal(1)
      else one.others.clear()
      if (at.tenant === tenant) {
        one.siblings.clear()
        expect(one.turns--, `turns before ${other}`).to.be.above(0)
      } else if (at.namespace === namespace)
        expect(count(one.siblings, tenant), `${tenant} before ${other}`).to.equal(1)
    }
  }

  end(key: string): void {
    const cause = this.#running.get(key)
    this.#running.delete(key)
    if (cause) this.add(key, cause)
  }

  /** @returns the milliseconds from `now` for that key: no two are due at once, so that each is told before it comes */
  planLater(key: string, now: number, wait: number): number {
    const taken = new Set(this.#later.values())
    let at = now + wait
    while (taken.has(at)) at++
    this.#later.set(key, Math.min(at, this.#later.get(key) ?? at))
    return at - now
  }

  /** @returns when the next one is due, if it is by then */
  takeLater(until: number): number | undefined {
    const [first] = [...this.#later].toSorted(([, one], [, other]) => one - other)
    if (!first || first[1] > until) return undefined
    this.#later.delete(first[0])
    this.add(first[0], 'follow-up')
    return first[1]
  }
}

function placeOf(key: string): { readonly namespace: string; readonly tenant: string } {
  const at = splitKey(key)
  return { namespace: at.namespace, tenant: tenantText(tenantOf(at)) }
}

function count(counts: Map<string, number>, name: string): number {
  const next = (counts.get(name) ?? 0) + 1
  counts.set(name, next)
  return next
}

class Late extends Error {
  readonly wait: number
  constructor(wait: number) {
    super('again later')
    this.wait = wait
  }
}

/** A queue, what is expected of it, and work that ends when told. */
function createBench() {
  const clock = createManualClock()
  const expected = new Expected()
  const ends = new Map<string, PromiseWithResolvers<void>>()
  const queue = createWorkQueue({
    workers,
    clock,
    times: { backoffMs: 0, backoffCapMs: 0 },
    waitFor: (error) => (error instanceof Late ? error.wait : expect.fail(String(error))),
    onFailed: () => {},
  })
  const faults: unknown[] = []
  queue.start(async (key) => {
    try {
      expected.start(key)
    } catch (error) {
      faults.push(error)
    }
    const end = Promise.withResolvers<void>()
    ends.set(key, end)
    await end.promise
  })
  const add = (key: string, cause: LookCause) => {
    expected.add(key, cause)
    queue.add(key, cause)
  }
  const end = async (key: string, error?: Late) => {
    expected.end(key)
    if (error) ends.get(key)!.reject(error)
    else ends.get(key)!.resolve()
    for (let turn = 0; turn < 8; turn++) await Promise.resolve()
  }
  const pass = (wait: number) => {
    const until = clock.monotonic() + wait
    for (let at = expected.takeLater(until); at !== undefined; at = expected.takeLater(until))
      clock.advance(at - clock.monotonic())
    clock.advance(until - clock.monotonic())
  }
  const later = (key: string, wait: number) => expected.planLater(key, clock.monotonic(), wait)

  const take = async (one: Step): Promise<void> => {
    if (one.kind === 'add') {
      for (let name = one.from; name < one.from + one.count; name++) add(`${one.tenant}${name}`, one.cause)
    } else if (one.kind === 'pass') pass(one.wait)
    else if (one.kind === 'end') {
      for (let ended = 0; ended < one.count; ended++) {
        const [key] = expected.running
        if (key === undefined) return
        await end(key)
      }
    } else {
      const key = expected.running[one.running]
      if (key === undefined) return
      if (one.kind === 'again') add(key, one.cause)
      else if (one.kind === 'later') queue.addAfter(key, later(key, one.wait))
      else await end(key, new Late(later(key, one.wait)))
    }
  }
  const drain = async () => {
    for (let key = expected.running[0]; key !== undefined; key = expected.running[0]) {
      await end(key)
      pass(1)
    }
  }
  return { queue, expected, faults, take, drain }
}

describe('FairKeys and the work queue', () => {
  it('K19 let a key wait for its own tenant alone, however keys come again, and lose none', async () => {
    await fc.assert(
      fc.asyncProperty(anySteps, async (steps) => {
        const { queue, expected, faults, take, drain } = createBench()
        for (const one of steps) {
          await take(one)
          if (faults.length > 0) throw faults[0]
          expect(queue.depth).to.equal(expected.size)
        }
        await drain()
        if (faults.length > 0) throw faults[0]
        expect(queue.depth).to.equal(0)
        expect(expected.size).to.equal(0)
      }),
      { numRuns: propertyRuns(60) },
    )
  })
})
