import { expect } from 'chai'
import fc from 'fast-check'
import type { Violation } from '../../src/decide/client/check-policies.ts'
import { PolicyTally } from '../../src/status/policy-tally.ts'

const violation = (policy: string, message = 'must be true'): Violation => ({
  policy,
  enforcement: 'Audit',
  graceMs: 0,
  field: 'spec.par',
  message,
})

describe('PolicyTally', () => {
  it('counts who a policy applies to, and who breaks it and how', () => {
    const tally = new PolicyTally()
    tally.record('apps/a', { policies: ['p'], violations: [violation('p'), violation('other')] })
    tally.record('apps/b', { policies: ['p'], violations: [] })
    expect(tally.standing('p')).to.deep.equal({
      matched: 2,
      violating: 1,
      examples: [{ key: 'apps/a', message: 'spec.par: must be true' }],
    })
    expect(tally.standing('unknown')).to.deep.equal({ matched: 0, violating: 0, examples: [] })
  })

  it('has another version when something changed, and the same when nothing did', () => {
    const tally = new PolicyTally()
    tally.record('apps/a', { policies: ['p'], violations: [] })
    const first = tally.version('p')
    tally.record('apps/a', { policies: ['p'], violations: [] })
    expect(tally.version('p')).to.equal(first)
    tally.record('apps/a', { policies: ['p'], violations: [violation('p')] })
    expect(tally.version('p')).not.to.equal(first)
  })

  it('says of any clients that come, change and go what the last word of each says', () => {
    const policies = fc.subarray(['p', 'q'])
    const said = fc.record({
      key: fc.constantFrom('n/a', 'n/b', 'n/c'),
      policies,
      broken: policies,
      gone: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(said), (words) => {
        const tally = new PolicyTally()
        const last = new Map<string, (typeof words)[number]>()
        for (const word of words) {
          if (word.gone) tally.remove(word.key)
          else
            tally.record(word.key, { policies: word.policies, violations: word.broken.map((name) => violation(name)) })
          last.set(word.key, word)
        }
        for (const name of ['p', 'q']) {
          const matched = [...last.values()].filter((one) => !one.gone && one.policies.includes(name))
          const broken = matched.filter((one) => one.broken.includes(name)).map(({ key }) => key)
          const standing = tally.standing(name)
          expect([standing.matched, standing.violating]).to.deep.equal([matched.length, broken.length])
          expect(standing.examples.map(({ key }) => key)).to.deep.equal(broken.toSorted())
        }
      }),
    )
  })
})
