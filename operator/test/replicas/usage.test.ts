import { expect } from 'chai'
import { scopesLeftOut } from '../../src/decide/status/code-protection.ts'
import { CodeUses, SectorProofs, Usage } from '../../src/replicas/usage.ts'

const use = (secretId: string, seconds?: number) => ({
  namespace: 'apps',
  name: 'reports',
  secretId,
  lastUsed: seconds === undefined ? undefined : { seconds: BigInt(seconds) },
})

describe('Usage', () => {
  it('keeps the latest use of a secret at any replica, in milliseconds', () => {
    const usage = new Usage()
    usage.record([use('a', 100), use('b', 50)])
    usage.record([use('a', 90), use('b', 60)])
    expect(usage.lastUsed('apps/reports', 'a')).to.equal(100_000)
    expect(usage.lastUsed('apps/reports', 'b')).to.equal(60_000)
  })

  it('knows nothing of a secret that no replica named, nor of a use without a time', () => {
    const usage = new Usage()
    usage.record([use('a')])
    expect(usage.lastUsed('apps/reports', 'a')).to.equal(undefined)
    expect(usage.lastUsed('apps/other', 'a')).to.equal(undefined)
  })
})

describe('SectorProofs', () => {
  const proof = (fault: string, seconds: number, generation = 1n) => ({
    namespace: 'apps',
    name: 'survey',
    generation,
    fault,
    at: { seconds: BigInt(seconds), nanos: 0 },
  })

  it('keeps what was found last at any replica, and says when it is something else than before', () => {
    const proofs = new SectorProofs()
    expect(proofs.record([proof('lacks it', 100)])).to.deep.equal(['apps/survey'])
    expect(proofs.record([proof('lacks it', 110), proof('', 90)]), 'the same, and older').to.deep.equal([])
    expect(proofs.last('apps/survey')).to.include({ fault: 'lacks it', generation: 1 })
    expect(proofs.record([proof('', 120)])).to.deep.equal(['apps/survey'])
    expect(proofs.record([proof('', 130, 2n)]), 'another version').to.deep.equal(['apps/survey'])
    expect(proofs.last('apps/survey')).to.include({ fault: '', generation: 2 })
    expect(proofs.last('apps/other')).to.equal(undefined)
  })
})

describe('CodeUses', () => {
  const hour = 3_600
  const code = (
    at: Partial<Record<'protectedAt' | 'unprotectedAt' | 'wholeAt' | 'secretOnceAt' | 'secretTwiceAt', number>>,
    leftOut: Readonly<Record<string, number>> = {},
  ) => ({
    namespace: 'apps',
    name: 'git',
    leftOut: Object.entries(leftOut).map(([scope, seconds]) => ({ scope, at: { seconds: BigInt(seconds) } })),
    ...Object.fromEntries(Object.entries(at).map(([kind, seconds]) => [kind, { seconds: BigInt(seconds) }])),
  })

  it('wakes nobody for protected codes, and for the first one without', () => {
    const uses = new CodeUses()
    expect(uses.record([code({ protectedAt: hour })])).to.deep.equal([])
    expect(uses.record([code({ unprotectedAt: 2 * hour })])).to.deep.equal(['apps/git'])
    expect(uses.record([code({ unprotectedAt: 3 * hour })])).to.deep.equal([])
    const { protectedAt, unprotectedAt } = uses.last('apps/git')!
    expect([protectedAt, unprotectedAt]).to.deep.equal([hour * 1000, 3 * hour * 1000])
  })

  it('wakes for a secret that came in two places, and when it came in one for two hours', () => {
    const uses = new CodeUses()
    expect(uses.record([code({ secretOnceAt: hour })])).to.deep.equal([])
    expect(uses.record([code({ secretTwiceAt: 2 * hour })])).to.deep.equal(['apps/git'])
    expect(uses.record([code({ secretOnceAt: 3 * hour })])).to.deep.equal([])
    expect(uses.record([code({ secretOnceAt: 4 * hour })])).to.deep.equal(['apps/git'])
  })

  it('wakes for a scope that is left out, for one more, and two hours after the last; scopes of nobody are no news', () => {
    const uses = new CodeUses()
    expect(uses.record([code({ wholeAt: hour })]), 'a whole one').to.deep.equal([])
    expect(uses.record([code({}, { 'call me at evil.example': hour })]), 'what is no scope of ours').to.deep.equal([])
    expect(uses.record([code({}, { groups: 2 * hour })])).to.deep.equal(['apps/git'])
    expect(uses.record([code({ wholeAt: 3 * hour }, { groups: hour })]), 'older, or too early').to.deep.equal([])
    expect(uses.record([code({}, { phone: 3 * hour })])).to.deep.equal(['apps/git'])
    expect(uses.record([code({ wholeAt: 4 * hour })]), 'groups is mended').to.deep.equal(['apps/git'])
    expect(uses.record([code({ wholeAt: 5 * hour })]), 'phone too').to.deep.equal(['apps/git'])
    expect([...uses.last('apps/git')!.leftOut.keys()]).to.deep.equal(['groups', 'phone'])
  })

  it('names no scope any more two hours after the last request for it, though others are still left out', () => {
    const uses = new CodeUses()
    uses.record([code({}, { groups: hour, phone: hour })])
    uses.record([code({}, { phone: 3 * hour })])
    expect(scopesLeftOut(uses.last('apps/git')!)).to.deep.equal(['phone'])
  })

  it('takes it as mended two hours after the last one without, at whichever replica', () => {
    const uses = new CodeUses()
    uses.record([code({ unprotectedAt: 10 * hour })])
    expect(uses.record([code({ protectedAt: 12 * hour - 1 }), code({ unprotectedAt: 9 * hour })])).to.deep.equal([])
    expect(uses.record([code({ protectedAt: 12 * hour })])).to.deep.equal(['apps/git'])
    uses.forget('apps/other')
    expect(uses.last('apps/git')?.protectedAt).to.equal(12 * hour * 1000)
    uses.forget('apps/git')
    expect(uses.last('apps/git')).to.equal(undefined)
    uses.record([code({ protectedAt: hour })])
    uses.keepOnly(() => false)
    expect(uses.last('apps/git')).to.equal(undefined)
  })
})
