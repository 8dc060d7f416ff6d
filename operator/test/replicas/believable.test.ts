import { create } from '@bufbuild/protobuf'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import { StatusUpdateSchema } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import { expect } from 'chai'
import fc from 'fast-check'
import { clampReport } from '../../src/replicas/believable.ts'

const now = Date.UTC(2026, 0, 31)
const anyTime = fc.record({ seconds: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), nanos: fc.nat(999_999_999) })

describe(clampReport.name, () => {
  it('K27 leaves no time outside of what was, wherever in a report it stands', () => {
    fc.assert(
      fc.property(anyTime, (at) => {
        const report = create(StatusUpdateSchema, {
          uses: [{ secretId: 'a', lastUsed: at }],
          identityUses: [{ lastUsed: at }],
          sectorProofs: [{ at }],
          codeUses: [{ protectedAt: at, leftOut: [{ at }] }],
          refusals: [{ refusals: [{ lastSeen: at }] }],
        })
        clampReport(report, now)
        const [code] = report.codeUses
        const times = [
          report.uses[0]!.lastUsed,
          report.identityUses[0]!.lastUsed,
          report.sectorProofs[0]!.at,
          code!.protectedAt,
          code!.leftOut[0]!.at,
          report.refusals[0]!.refusals[0]!.lastSeen,
        ]
        for (const time of times) expect(timestampMs(time!)).to.be.within(0, now)
      }),
    )
  })

  it('K27 cuts texts, and changes nothing else', () => {
    const [seconds, nanos] = [BigInt(now / 1000) - 1n, 5]
    const honest = () =>
      create(StatusUpdateSchema, {
        replica: 'server-a',
        live: [{ shard: 7, seq: 2n ** 60n, digest: 'd' }],
        uses: [{ secretId: 'a', lastUsed: { seconds, nanos } }],
      })
    const report = honest()
    clampReport(report, now)
    expect(report).to.deep.equal(honest())
    const long = create(StatusUpdateSchema, { sectorProofs: [{ fault: `${'x'.repeat(1999)}😀` }] })
    clampReport(long, now)
    expect(long.sectorProofs[0]!.fault).to.equal(`${'x'.repeat(1999)}\ufffd`)
  })
})
