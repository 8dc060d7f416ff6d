import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { create, toJson } from '@bufbuild/protobuf'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { packedBytes, plainBytes, shareBytes } from '../../src/shards/entry-size.ts'

const entry = (about: { desired?: string; accepted?: string; verifiers?: number; scopes?: string[] }) =>
  create(ShardEntrySchema, {
    namespace: 'demo',
    name: 'app',
    uid: '7d0d5b0c-8a7e-4f0d-9a52-1f4b0a1c2d3e',
    clientId: 'demo.app',
    verifiers: Array.from({ length: about.verifiers ?? 1 }, () => ({
      id: randomBytes(4).toString('hex'),
      sha256: randomBytes(32).toString('hex'),
    })),
    ...(about.desired === undefined ? {} : { desired: { generation: 3n, config: about.desired } }),
    ...(about.accepted === undefined ? {} : { accepted: { generation: 2n, config: about.accepted } }),
    ...(about.scopes === undefined ? {} : { granted: { apis: [{ identifier: 'urn:a', scopes: about.scopes }] } }),
  })
const random = (bytes: number) => randomBytes(bytes).toString('base64')

describe('the size of an entry', () => {
  it('property: is never less than what the entry takes in a file', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.nat(20_000).map((bytes) => random(bytes)),
      fc.nat(20_000).map((length) => '"\\'.repeat(length / 2)),
    )
    const about = fc.record(
      { desired: text, accepted: text, verifiers: fc.nat(3), scopes: fc.array(fc.string(), { maxLength: 50 }) },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(about, (one) => {
        const made = entry(one)
        const line = Buffer.from(JSON.stringify(toJson(ShardEntrySchema, made)))
        expect(plainBytes(made)).to.be.at.least(line.length)
        expect(packedBytes(made) + 100).to.be.at.least(gzipSync(line).length)
        expect(shareBytes(made)).to.be.at.most(packedBytes(made) + plainBytes(made) / 16)
      }),
      { numRuns: propertyRuns(100) },
    )
  })
  it('charges an edit by the larger version, so that what fits can also be edited', () => {
    const [one, other] = [random(9_000), random(9_000)]
    expect(shareBytes(entry({ desired: one, accepted: other }))).to.be.closeTo(shareBytes(entry({ desired: one })), 200)
    expect(shareBytes(entry({ desired: '{}', accepted: other }))).to.be.above(8_000)
  })
  it('charges a text that compresses well by a sixteenth of its length at least', () => {
    expect(shareBytes(entry({ desired: 'a'.repeat(160_000) }))).to.be.within(10_000, 10_200)
  })
})
