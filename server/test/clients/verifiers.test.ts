import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { VerifierSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { expect } from 'chai'
import fc from 'fast-check'
import { applyVerifiers, matchVerifier } from '../../src/clients/verifiers.ts'
import { sha256 } from './shards.ts'

const verifier = (secret: string, notAfter?: number) =>
  create(VerifierSchema, {
    id: sha256(secret).slice(0, 8),
    sha256: sha256(secret),
    ...(notAfter === undefined ? {} : { notAfter: timestampFromMs(notAfter) }),
  })

/** A replica's two clocks, moved by hand. */
function createClocks(wall = 1_800_000_000_000) {
  let passed = 0
  let jumped = 0
  return {
    wall: () => wall + passed + jumped,
    monotonic: () => 5_000 + passed,
    pass: (ms: number) => void (passed += ms),
    jump: (ms: number) => void (jumped += ms),
  }
}
const hour = 3_600_000

describe(matchVerifier.name, () => {
  it('finds the secret that was presented, and says whether a newer one has replaced it', () => {
    const clocks = createClocks()
    const live = applyVerifiers([verifier('new'), verifier('old', clocks.wall() + hour)], [], clocks)
    expect(matchVerifier('new', live, clocks.monotonic())).to.deep.equal({
      secretId: sha256('new').slice(0, 8),
      previous: false,
    })
    expect(matchVerifier('old', live, clocks.monotonic())).to.deep.equal({
      secretId: sha256('old').slice(0, 8),
      previous: true,
    })
  })

  it('T9 finds nothing for any other text, of any length, for any verifiers', () => {
    const live = applyVerifiers([verifier('new'), verifier('old')], [], createClocks())
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const expected = text === 'new' || text === 'old'
        expect(matchVerifier(text, live, 0) !== undefined).to.equal(expected)
        expect(matchVerifier(text, [], 0)).to.equal(undefined)
      }),
    )
    for (const text of ['', sha256('new'), 'x'.repeat(1_000_000)])
      expect(matchVerifier(text, live, 0)).to.equal(undefined)
  })

  it('T12 I4 accepts until notAfter and refuses from that instant on', () => {
    const clocks = createClocks()
    const live = applyVerifiers([verifier('new'), verifier('old', clocks.wall() + hour)], [], clocks)
    clocks.pass(hour - 1)
    expect(matchVerifier('old', live, clocks.monotonic())?.previous).to.equal(true)
    clocks.pass(1)
    expect(matchVerifier('old', live, clocks.monotonic())).to.equal(undefined)
    expect(matchVerifier('new', live, clocks.monotonic())?.previous).to.equal(false)
  })

  it('refuses at once what is past its time when it comes', () => {
    const clocks = createClocks()
    expect(
      matchVerifier('old', applyVerifiers([verifier('old', clocks.wall() - 1)], [], clocks), clocks.monotonic()),
    ).to.equal(undefined)
  })
})

describe(applyVerifiers.name, () => {
  it('F18 I4 ends the grace by monotonic time, however the wall clock jumps and whenever the shard comes again', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: hour }) }),
      fc.record({ kind: fc.constant('jump' as const), ms: fc.integer({ min: -hour, max: hour }) }),
      fc.record({ kind: fc.constant('apply' as const), ms: fc.constant(0) }),
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        const clocks = createClocks()
        const verifiers = [verifier('new'), verifier('old', clocks.wall() + hour)]
        let live = applyVerifiers(verifiers, [], clocks)
        let passed = 0
        for (const { kind, ms } of events) {
          if (kind === 'pass') {
            clocks.pass(ms)
            passed += ms
          } else if (kind === 'jump') clocks.jump(ms)
          else live = applyVerifiers(verifiers, live, clocks)
          expect(matchVerifier('old', live, clocks.monotonic()) !== undefined).to.equal(passed < hour)
          expect(matchVerifier('new', live, clocks.monotonic())).to.not.equal(undefined)
        }
      }),
    )
  })

  it('takes a new end from the operator: earlier when a leak is revoked, later when it is spared', () => {
    const clocks = createClocks()
    const before = applyVerifiers([verifier('old', clocks.wall() + hour)], [], clocks)
    const sooner = applyVerifiers([verifier('old', clocks.wall() + 10)], before, clocks)
    clocks.pass(11)
    expect(matchVerifier('old', sooner, clocks.monotonic())).to.equal(undefined)
    const later = applyVerifiers([verifier('old', clocks.wall() + hour)], sooner, clocks)
    expect(matchVerifier('old', later, clocks.monotonic())).to.not.equal(undefined)
  })

  it('does not take another secret for a known one because its id is the same', () => {
    const clocks = createClocks()
    const before = applyVerifiers([verifier('old')], [], clocks)
    const collision = create(VerifierSchema, { id: sha256('old').slice(0, 8), sha256: sha256('other') })
    const after = applyVerifiers([collision], before, clocks)
    expect(matchVerifier('old', after, clocks.monotonic())).to.equal(undefined)
    expect(matchVerifier('other', after, clocks.monotonic())).to.not.equal(undefined)
  })
})
