import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { appUri, codeAt, matchStep, mintSeed } from '../../../src/users/factors/totp.ts'

const stepMs = 30_000
const seed = mintSeed()
/** From 2001 to 2100, epoch milliseconds. */
const instant = fc.integer({ min: 1_000_000_000_000, max: 4_100_000_000_000 })

describe('codes of an authenticator app', () => {
  it('L8 a code is right in its own step, one before and one after it, and in no other', () => {
    fc.assert(
      fc.property(instant, fc.integer({ min: -5, max: 5 }), (now, distance) => {
        const of = now + distance * stepMs
        const matched = matchStep(seed, codeAt(seed, of), now)
        const step = Math.floor(of / stepMs)
        // the same six digits can stand for two steps by chance: then the nearer one counts
        if (Math.abs(distance) <= 1)
          expect(matched).to.be.within(Math.floor(now / stepMs) - 1, Math.floor(now / stepMs) + 1)
        else if (matched !== undefined) expect(codeAt(seed, matched * stepMs)).to.equal(codeAt(seed, of))
        if (matched !== undefined && matched !== step) expect(codeAt(seed, matched * stepMs)).to.equal(codeAt(seed, of))
      }),
      { numRuns: propertyRuns(500) },
    )
  })

  it('a code of another seed, or a text that is no code, is wrong', () => {
    fc.assert(
      fc.property(instant, fc.string({ maxLength: 20 }), (now, text) => {
        const right = [-1, 0, 1].map((step) => codeAt(seed, now + step * stepMs))
        const typed = text.replace(/\s/g, '')
        expect(matchStep(seed, text, now) !== undefined).to.equal(right.includes(typed))
      }),
      { numRuns: propertyRuns(500) },
    )
    expect(matchStep(seed, '１２３４５６', 0)).to.equal(undefined)
  })

  it('spaces in a code do not matter', () => {
    const now = 1_700_000_000_000
    const code = codeAt(seed, now)
    expect(matchStep(seed, ` ${code.slice(0, 3)} ${code.slice(3)} `, now)).to.equal(Math.floor(now / stepMs))
  })

  it('are those of RFC 6238, appendix B, with six digits', () => {
    const ofTheRfc = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
    for (const [seconds, code] of [
      [59, '287082'],
      [1_111_111_109, '081804'],
      [1_234_567_890, '005924'],
      [20_000_000_000, '353130'],
    ] as const) {
      expect(codeAt(ofTheRfc, seconds * 1000)).to.equal(code)
      expect(matchStep(ofTheRfc, code, seconds * 1000)).to.equal(Math.floor(seconds / 30))
    }
  })

  it('the address for the app names service and account, and every seed is another one', () => {
    const url = new URL(appUri(seed, { issuer: 'Our sign-in: test', account: 'ada@example.com' }))
    expect([url.protocol, url.host]).to.deep.equal(['otpauth:', 'totp'])
    expect(decodeURIComponent(url.pathname)).to.contain('ada@example.com')
    expect(url.searchParams.get('issuer')).to.equal('Our sign-in: test')
    expect(url.searchParams.get('secret')).to.equal(seed)
    expect(new Set(Array.from({ length: 50 }, mintSeed)).size).to.equal(50)
    expect(seed).to.match(/^[A-Z2-7]{32}$/)
  })
})
