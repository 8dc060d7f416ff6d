import { fromJsonString } from '@bufbuild/protobuf'
import { expect } from 'chai'
import { decodeManifest, digestOf, encodeManifest, shortDigest } from '../src/digest.ts'
import { ManifestSchema } from '../src/generated/nauthera/config/v1/config_pb.ts'
import vectors from './vectors/proto.json' with { type: 'json' }

describe('digest', () => {
  // These bytes and digests were not made by this code. If either changed, every replica would reload all clients.
  for (const { title, kind, text, digest } of vectors.digests) {
    it(`has a fixed digest for ${title}`, () => {
      expect(digestOf(text)).to.equal(digest)
      if (kind === 'shard') return
      const encoded = encodeManifest(fromJsonString(ManifestSchema, text))
      expect(Buffer.from(encoded.file).toString()).to.equal(text)
      expect(decodeManifest(encoded.file).digest).to.equal(digest)
    })
  }

  it('shortens a digest to 8 hex', () => expect(shortDigest(digestOf(''))).to.equal('e3b0c442'))
})

describe('decodeManifest', () => {
  it('ignores fields of a newer version', () => {
    expect(decodeManifest(Buffer.from('{"total":9,"futureField":{"a":[1]}}')).manifest.total).to.equal(9)
  })

  const damaged: [string, string | number[]][] = [
    ['nothing', ''],
    ['bad UTF-8', [0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]],
    ['no JSON', '{"total":'],
    ['another shape', '{"shards":"none"}'],
  ]
  for (const [title, file] of damaged) {
    it(`${title} is refused`, () => void expect(() => decodeManifest(Buffer.from(file as string))).to.throw())
  }
})
