import { randomBytes } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { create, fromJsonString } from '@bufbuild/protobuf'
import { expect } from 'chai'
import { renderVersion } from '../src/client-version.ts'
import { digestOf } from '../src/digest.ts'
import {
  ClientConfigSchema,
  ClientShardSchema,
  GrantedSchema,
  ShardEntrySchema,
} from '../src/generated/nauthera/config/v1/config_pb.ts'
import type { ClientShard } from '../src/generated/nauthera/config/v1/config_pb.ts'
import { shardSchema } from '../src/names.ts'
import {
  UnknownSchemaError,
  decodeLine,
  decodeShardFile,
  maxShardBytes,
  parseShardBytes,
  parseShardFile,
  renderShardFile,
  unpackShardFile,
} from '../src/shard-file.ts'
import vectors from './vectors/proto.json' with { type: 'json' }

const textOf = (file: Uint8Array): string => gunzipSync(file).toString()
const withLines = (...lines: string[]): Uint8Array =>
  gzipSync(`{"schema":1,"seq":"9","entries":[\n${lines.join(',\n')}\n]}`)
const configOf = (more: object = {}) =>
  create(ClientConfigSchema, {
    generation: 3n,
    type: 'Web',
    redirectUris: ['https://a.example.com/cb'],
    jwks: { keys: [{ kty: 'EC', 10: 'ten', 9: 'nine' }] },
    defaultMaxAge: 0,
    ...more,
  })
const clientShard = (): ClientShard =>
  create(ClientShardSchema, {
    schema: shardSchema,
    shard: 7,
    shardCount: 16,
    seq: 9n,
    entries: [
      {
        namespace: 'apps',
        name: 'shop',
        uid: 'u1',
        clientId: 'apps.shop',
        verifiers: [{ id: 'c4bbcb1f', sha256: 'c4bbcb1f'.repeat(8) }],
        desired: renderVersion(configOf()),
        accepted: renderVersion(configOf({ generation: 2n, redirectUris: [] })),
      },
      { namespace: 'apps', name: 'bare', uid: 'u2', clientId: 'apps.bare' },
    ],
  })

describe('shard files', () => {
  // These bytes and digests were not made by this code. If either changed, every replica would reload all clients.
  for (const { title, text, digest } of vectors.digests.filter(({ kind }) => kind === 'shard')) {
    it(`have fixed bytes and a fixed digest for ${title}`, () => {
      const read = decodeShardFile(gzipSync(text))
      expect(read.digest).to.equal(digest)
      const rendered = renderShardFile(read.shard)
      expect(textOf(rendered.file)).to.equal(text)
      expect(rendered.digest).to.equal(digest)
    })
  }

  it('are the proto JSON of a ClientShard', () => {
    const shard = clientShard()
    expect(fromJsonString(ClientShardSchema, textOf(renderShardFile(shard).file))).to.deep.equal(shard)
  })

  it('say what a client may have at APIs beside its versions', () => {
    const granted = create(GrantedSchema, {
      apis: [{ identifier: 'https://api.example.com', scopes: ['read'] }, { identifier: 'urn:b' }],
    })
    const shard = clientShard()
    shard.entries = [create(ShardEntrySchema, { ...shard.entries[0]!, granted })]
    expect(decodeLine(parseShardFile(renderShardFile(shard).file).lines[0]!).granted).to.deep.equal(granted)
    expect(decodeLine(Buffer.from('{"name":"a","granted":{}}')).granted).to.deep.equal(create(GrantedSchema))
  })

  it('have each client on its own line, whatever characters its fields hold', () => {
    const shard = clientShard()
    shard.entries[1]!.name = 'a\n]}\u2028'
    const { file } = renderShardFile(shard)
    expect(textOf(file).split('\n')).to.have.length(2 + shard.entries.length)
    expect(decodeShardFile(file).shard).to.deep.equal(shard)
  })

  it('have a digest that depends on the content, not on the compression', () => {
    const { file, digest } = renderShardFile(create(ClientShardSchema, { schema: 1, seq: 7n }))
    const other = gzipSync('{"schema":1,"seq":"7"}', { level: 9 })
    expect(Buffer.from(file).equals(other)).to.equal(false)
    expect(parseShardFile(other).digest).to.equal(digest)
    expect(digest).to.equal(digestOf('{"schema":1,"seq":"7"}'))
  })

  it('are compressed in less time while they are small, and as well as ever when they come near to the end of a Secret', () => {
    const files = [200, 10_000].map((count) => {
      const entries = Array.from({ length: count }, (_, index) => ({
        namespace: 'apps',
        name: `shop-${index}`,
        verifiers: [{ id: 'c4bbcb1f', sha256: digestOf(`${index}`) }],
      }))
      const { file } = renderShardFile(create(ClientShardSchema, { schema: shardSchema, seq: 7n, entries }))
      return { size: file.length, plain: gunzipSync(file) }
    })
    expect(files.map(({ size, plain }) => size === gzipSync(plain, { level: 1 }).length)).to.deep.equal([true, false])
    expect(files.map(({ size, plain }) => size === gzipSync(plain).length)).to.deep.equal([false, true])
  })

  it('may have fields of a newer version, which are ignored', () => {
    const newer = gzipSync('{"schema":1,"seq":"9","later":{"a":[1]},"entries":[\n{"name":"a","later":1}\n]}')
    const { shard } = decodeShardFile(newer)
    expect([shard.seq, shard.entries.map(({ name }) => name)]).to.deep.equal([9n, ['a']])
  })

  for (const schema of [0, 2]) {
    it(`are refused with schema ${schema}`, () => {
      expect(() => parseShardFile(gzipSync(JSON.stringify({ schema, seq: '9' })))).to.throw(UnknownSchemaError)
    })
  }

  const damaged: [string, Uint8Array][] = [
    ['an empty file', new Uint8Array()],
    ['a file that is not gzip', Buffer.from('{"schema":1}')],
    ['truncated gzip', renderShardFile(clientShard()).file.subarray(0, 15)],
    ['invalid UTF-8', gzipSync(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]))],
    ['invalid JSON', gzipSync('{"schema":')],
    ['JSON that is not an object', gzipSync('[]')],
    ['an entry that is not on its own line', gzipSync('{"schema":1,"entries":[{"name":"a"}]}')],
    ['lines outside of the list of clients', gzipSync('{"schema":1,\n"entries":[]}')],
    ['a list without its end', gzipSync('{"schema":1,"entries":[\n{"name":"a"}\n]')],
    ['a line without a comma', withLines('{"name":"a"}\n{"name":"b"}')],
    ['K8 a file of very many empty lines', withLines(',\n'.repeat(200_000))],
    ['K8 a gzip bomb', gzipSync(Buffer.alloc(maxShardBytes + 1, 0x20))],
  ]
  for (const [title, file] of damaged) {
    it(`${title} is refused`, () => void expect(() => parseShardFile(file)).to.throw())
  }

  for (const line of [
    'none',
    '[]',
    '{"name":1}',
    '{"verifiers":[{"id":1}]}',
    '{"verifiers":[{"notAfter":"never"}]}',
    '{"desired":{"generation":"x"}}',
    '{"desired":"none"}',
  ]) {
    it(`cannot be decoded with a line that is not a client: ${line}`, () => {
      const [only] = parseShardFile(withLines(line)).lines
      expect(() => decodeLine(only!)).to.throw()
    })
  }

  it('are unpacked by a thread to what parseShardFile has, whatever their size', async () => {
    for (const filler of ['', 'x'.repeat(100), randomBytes(60_000).toString('hex')]) {
      const file = gzipSync(JSON.stringify({ schema: 1, seq: '9', filler }))
      expect(parseShardBytes(await unpackShardFile(file)).digest).to.equal(parseShardFile(file).digest)
    }
  })

  it('K8 are refused by a thread too when they are cut, or grow past the limit', async () => {
    const large = gzipSync(randomBytes(60_000).toString('hex'))
    const bomb = gzipSync(Buffer.alloc(8 * maxShardBytes, 0x20))
    // whatever it says of its size
    bomb.writeUInt32LE(7, bomb.length - 4)
    for (const [file, code] of [
      [large.subarray(0, -9), 'Z_BUF_ERROR'],
      [large.subarray(0, -2), 'Z_BUF_ERROR'],
      [bomb, 'ERR_BUFFER_TOO_LARGE'],
    ] as const) {
      expect(file.length).to.be.greaterThan(16 * 1024)
      const failure = await unpackShardFile(file).catch((error: NodeJS.ErrnoException) => error.code)
      expect(failure).to.equal(code)
    }
  })
})
