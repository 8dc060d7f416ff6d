import { expect } from 'chai'
import { isFresh } from '../../../src/login/upstream/freshness.ts'
import type { Freshness } from '../../../src/login/upstream/freshness.ts'

const now = 1_900_000_000
const at = (seconds: number) => new Date(seconds * 1000)

describe(isFresh.name, () => {
  const cases: [string, Partial<Parameters<typeof isFresh>[0]>, Freshness['kind']][] = [
    ['an old sign-in, when nobody wants another', { authTime: now - 90_000 }, 'fresh'],
    ['none that is said, when nobody wants to know', { authTime: undefined }, 'fresh'],
    ['none that is said, after a new one was wanted', { authTime: undefined, anew: true }, 'fresh'],
    ['none that is said, with max_age', { authTime: undefined, maxAge: 300 }, 'unproved'],
    ['one within max_age', { authTime: now - 299, maxAge: 300 }, 'fresh'],
    ['one older than max_age', { authTime: now - 331, maxAge: 300 }, 'ask-again'],
    ['one after the person was sent there anew', { authTime: now - 10, anew: true }, 'fresh'],
    ['one before the person was sent there anew', { authTime: now - 300, anew: true }, 'ask-again'],
    ['one before all sessions were ended', { authTime: now - 100, validAfter: at(now - 50) }, 'ask-again'],
    ['one in the second in which they were ended', { authTime: now - 50, validAfter: at(now - 49.5) }, 'fresh'],
  ]
  for (const [what, asked, kind] of cases) {
    it(`answers ${kind}: ${what}`, () => {
      const all = {
        authTime: now,
        now,
        sentAt: now - 20,
        anew: false,
        maxAge: undefined,
        validAfter: undefined,
        ...asked,
      }
      expect(isFresh(all).kind).to.equal(kind)
    })
  }

  it('says the time of the provider, and never one that is still to come', () => {
    const ask = (authTime: number | undefined) =>
      isFresh({ authTime, now, sentAt: now, anew: false, maxAge: undefined, validAfter: undefined })
    expect(ask(now - 500)).to.deep.equal({ kind: 'fresh', authTime: now - 500 })
    expect(ask(now + 20)).to.deep.equal({ kind: 'fresh', authTime: now })
  })

  it('L30 takes a sign-in whose time nobody knows for one that is too old to change what protects the account', () => {
    const ask = (validAfter: Date | undefined) =>
      isFresh({ authTime: undefined, now, sentAt: now, anew: true, maxAge: undefined, validAfter })
    expect(ask(undefined)).to.deep.equal({ kind: 'fresh', authTime: now - 301 })
    expect(ask(at(now - 301))).to.deep.equal({ kind: 'fresh', authTime: now - 301 })
    // a time before all sessions were ended would be over at once, and one after it would be fresh
    expect(ask(at(now - 10))).to.deep.equal({ kind: 'too-soon', waitSeconds: 291 })
  })
})
