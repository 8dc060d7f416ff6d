import { gzipSync } from 'node:zlib'
import { create, fromJsonString } from '@bufbuild/protobuf'
import { expect } from 'chai'
import {
  decodeManifest,
  decodeShard,
  digestOf,
  encodeManifest,
  encodeShard,
  maxShardBytes,
  shortDigest,
} from '../src/digest.ts'
import { ClientShardSchema, ManifestSchema } from '../src/generated/nauthera/config/v1/config_pb.ts'
import vectors from './vectors/proto.json' with { type: 'json' }

describe('digest', () => {
  // These bytes and digests were not made by this code. If either changed, every replica would reload all clients.
  for (const { title, kind, text, digest } of vectors.digests.filter((one) => !one.text.startsWith('{"schema":2'))) {
    it(`has fixed bytes and a fixed digest for ${title}`, () => {
      expect(digestOf(text)).to.equal(digest)
      if (kind === 'shard') {
        const encoded = encodeShard(fromJsonString(ClientShardSchema, text))
        expect(encoded.digest).to.equal(digest)
        expect(decodeShard(encoded.file)).to.deep.equal({ shard: fromJsonString(ClientShardSchema, text), digest })
      } else {
        const encoded = encodeManifest(fromJsonString(ManifestSchema, text))
        expect(Buffer.from(encoded.file).toString()).to.equal(text)
        expect(decodeManifest(encoded.file).digest).to.equal(digest)
      }
    })
  }

  it('depends on the content, not on the compression', () => {
    const { file, digest } = encodeShard(create(ClientShardSchema, { schema: 1, seq: 7n }))
    const text = Buffer.from(JSON.stringify({ schema: 1, seq: '7' }))
    const other = gzipSync(text, { level: 1 })
    expect(Buffer.from(file).equals(other)).to.equal(false)
    expect(decodeShard(other).digest).to.equal(digest)
  })

  it('shortens a digest to 8 hex', () => expect(shortDigest(digestOf(''))).to.equal('e3b0c442'))

  it('ignores fields of a newer version', () => {
    const newer = gzipSync(Buffer.from('{"schema":1,"seq":"9","futureField":{"a":[1]}}'))
    expect(decodeShard(newer).shard.seq).to.equal(9n)
  })

  const damaged: [string, Uint8Array][] = [
    ['an empty file', new Uint8Array()],
    ['a file that is not gzip', Buffer.from('{"schema":1}')],
    ['truncated gzip', encodeShard(create(ClientShardSchema, { schema: 1 })).file.subarray(0, 15)],
    ['invalid UTF-8', gzipSync(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]))],
    ['invalid JSON', gzipSync(Buffer.from('{"schema":'))],
    ['JSON of another shape', gzipSync(Buffer.from('{"clients":"none"}'))],
    ['K8 a gzip bomb', gzipSync(Buffer.alloc(maxShardBytes + 1, 0x20))],
  ]
  for (const [title, file] of damaged) {
    it(`${title} is refused`, () => void expect(() => decodeShard(file)).to.throw())
  }
})
