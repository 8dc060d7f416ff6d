import fc from 'fast-check'
import { expect } from 'chai'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { createPageLimits } from '../../../src/account/frame/page-limits.ts'
import type { MostPages } from '../../../src/account/frame/page-limits.ts'
import type { Page } from '../../../src/reply.ts'

const request = { url: '/account/sessions?x=1' }
const most = { ofPerson: 5, ofAddress: 12 }

/** @returns limits beside a clock that the test moves */
function limitsOf(options: { addressesKnown?: boolean; most?: MostPages } = {}) {
  const clock = { now: 0 }
  return { clock, limits: createPageLimits({ addressesKnown: true, now: () => clock.now, ...options }) }
}

const waitOf = (page: Page | undefined): number => page?.retryAfter ?? 0

describe('createPageLimits', () => {
  it('answers with 429, when to try again in words, and a link to the same page', () => {
    const { limits } = limitsOf({ most: { ofPerson: 0, ofAddress: 1 } })
    expect(limits.ofAddress('192.0.2.1', request)).to.equal(undefined)
    expect(limits.ofAddress('192.0.2.1', { url: '//evil.test' })).to.deep.equal({
      kind: 'page',
      view: 'error',
      status: 429,
      retryAfter: 60,
      model: { key: 'too-many-pages', code: 'TOO_MANY_PAGES', values: { seconds: 60 }, retryUrl: '/evil.test' },
    })
  })

  it('gives nobody more in a minute than the limit, and never less', () => {
    const asked = fc.record({ who: fc.constantFrom('ada', 'bob'), wait: fc.integer({ min: 0, max: 15_000 }) })
    fc.assert(
      fc.property(fc.array(asked, { minLength: 6, maxLength: 60 }), (steps) => {
        const { clock, limits } = limitsOf({ most })
        const given = new Map<string, number[]>()
        for (const { who, wait } of steps) {
          clock.now += wait
          const before = given.get(who) ?? []
          const seconds = waitOf(limits.ofPerson(who, request))
          if (seconds === 0) given.set(who, [...before, clock.now])
          // refused only when the last minute had all of them: nobody who asks for less waits
          else expect(before.filter((at) => at > clock.now - 60_000)).to.have.length.at.least(most.ofPerson)
        }
        for (const times of given.values())
          for (const from of times) {
            // a minute begins with its first page, so at most two of them meet in any minute
            const within = times.filter((at) => at >= from && at < from + 60_000)
            expect(within).to.have.length.at.most(2 * most.ofPerson - 1)
          }
      }),
      { numRuns: propertyRuns(100) },
    )
  })

  it('takes the page that is asked for after the wait that it named', () => {
    const { clock, limits } = limitsOf({ most })
    for (let n = 0; n < most.ofPerson; n++) expect(limits.ofPerson('ada', request)).to.equal(undefined)
    clock.now = 12_345
    const seconds = waitOf(limits.ofPerson('ada', request))
    clock.now += seconds * 1000 - 1000
    expect(waitOf(limits.ofPerson('ada', request))).to.equal(1)
    clock.now += 1000
    expect(limits.ofPerson('ada', request)).to.equal(undefined)
  })

  it('is never met by a person who clicks five times a second, for an hour', () => {
    const { clock, limits } = limitsOf()
    for (let n = 0; n < 5 * 3600; n++) {
      clock.now = n * 200
      expect(limits.ofPerson('ada', request)).to.equal(undefined)
    }
  })

  it('is never met by people behind one address who sign in as fast as their passwords can be checked', () => {
    const { clock, limits } = limitsOf()
    for (let n = 0; n < 560 * 300; n++) {
      clock.now = (n * 1000) / 560
      expect(limits.ofAddress('192.0.2.1', request)).to.equal(undefined)
    }
  })

  it('takes a whole IPv6 /64 for one address, and a /48 for three', () => {
    const { limits } = limitsOf({ most })
    const ask = (address: string) => limits.ofAddress(address, request) === undefined
    for (let n = 0; n < most.ofAddress; n++) expect(ask(`2001:db8:1:1::${n}`)).to.equal(true)
    expect(ask('2001:db8:1:1:ffff::1')).to.equal(false)
    for (let n = 0; n < 2 * most.ofAddress; n++) expect(ask(`2001:db8:1:${n + 2}::1`)).to.equal(true)
    expect(ask('2001:db8:1:ffff::1')).to.equal(false)
    expect(ask('2001:db8:2:1::1')).to.equal(true)
  })

  it('limits no address where addresses are unknown, since everybody would share the limit', () => {
    const { limits } = limitsOf({ addressesKnown: false, most: { ofPerson: 1, ofAddress: 0 } })
    expect(limits.ofAddress('192.0.2.1', request)).to.equal(undefined)
    expect(limits.ofPerson('ada', request)).to.equal(undefined)
    expect(limits.ofPerson('ada', request)).to.include({ status: 429 })
  })
})
