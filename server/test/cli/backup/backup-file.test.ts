import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { hasCode } from '@nauthera/runtime/coded-error'
import { dumpTables } from '../../../src/store/dump.ts'
import { readScript } from '../../../src/store/load.ts'
import { mintContentKey, openBackup, parseSealedKeys, writeBackup } from '../../../src/cli/backup/backup-file.ts'

const head = {
  nauthera: 'backup',
  format: 1,
  createdAt: '2026-01-31T08:00:00.000Z',
  release: '1.2.3',
  issuer: 'https://auth.example.com',
  schema: ['000001-baseline'],
  sealed: {},
} as const

async function* piecesOf(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

const write = (contentKey: Buffer, content: Uint8Array, size: number) =>
  collect(
    writeBackup({ head, contentKey, content: piecesOf(content, size), tables: () => [], onManifest: () => undefined }),
  )

async function read(contentKey: Buffer, file: Uint8Array, size: number): Promise<Buffer> {
  const opened = await openBackup(piecesOf(file, size))
  const content = await collect(opened.content(contentKey))
  await opened.manifest()
  return content
}

const sizes = fc.integer({ min: 1000, max: 100_000 })

describe('the file of a backup', () => {
  it('gives back what was written, however it comes in pieces', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0, 1, 65_535, 65_536, 65_537, 200_000),
        sizes,
        sizes,
        async (bytes, one, two) => {
          const key = mintContentKey()
          const content = Buffer.alloc(bytes, 'a piece')
          expect((await read(key, await write(key, content, one), two)).equals(content)).to.equal(true)
        },
      ),
      { numRuns: propertyRuns(15) },
    ))

  it('T61 is refused when what is sealed in it has another shape: whoever has the certificate can seal', () => {
    const keys = { contentKey: 'aw==', ring: { current: 'aw==' }, secrets: { link: { key: 'aw==' } } }
    expect(parseSealedKeys(JSON.stringify(keys))).to.deep.equal(keys)
    for (const other of [
      { contentKey: 1 },
      { ring: { current: {} } },
      { secrets: { link: { key: 1 } } },
      { secrets: { link: 'x' } },
      { secrets: undefined },
    ])
      expect(() => parseSealedKeys(JSON.stringify({ ...keys, ...other }))).to.throw('what is sealed in it is not whole')
    expect(() => parseSealedKeys('no JSON')).to.throw('what is sealed in it is not whole')
  })

  it('T61 is refused when its first line, which anybody can write, would reach the terminal', async () => {
    const opening = (more: object) => {
      const line = Buffer.from(`${JSON.stringify({ ...head, ...more })}\n`)
      return openBackup(piecesOf(line, 100)).then(
        () => 'opened',
        (error: unknown) => (error instanceof Error ? error.message : ''),
      )
    }
    for (const more of [
      { format: 2, release: '2.0\u001b]52;c;Zm9v\u0007' },
      { format: '2\nnauthera: all is well' },
      { issuer: 'https://auth.example.com/\u202e' },
      { schema: ['000001-baseline', '\u009b2J'] },
    ])
      expect(await opening(more)).to.contain('its first line has control characters')
    expect(await opening({})).to.equal('opened')
    expect(await opening({ format: 2 })).to.contain('it is of format 2, made by release 1.2.3')
  })

  it('T61 is refused when it unpacks to a row without an end', async () => {
    async function* endless() {
      const [first = ''] = dumpTables()
      yield Buffer.from(`COPY ${first} (id) FROM stdin;\n`)
      for (;;) yield Buffer.alloc(1_048_576, 'x')
    }
    const refused = await readScript(endless()).catch((error: unknown) => error)
    expect(hasCode(refused, 'BACKUP_INVALID')).to.equal(true)
  })

  it('T61 is refused when any byte of it is changed, lost, or put at another place', async () => {
    const key = mintContentKey()
    const file = await write(key, Buffer.alloc(200_000, 'a piece'), 10_000)
    const spoil = (bytes: Buffer, at: number, how: 'flip' | 'cut' | 'drop' | 'swap'): Buffer => {
      if (how === 'cut') return bytes.subarray(0, at)
      if (how === 'drop') return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
      const copy = Buffer.from(bytes)
      if (how === 'flip') copy[at]! ^= 1
      // two whole frames
      else {
        const first = bytes.indexOf(10) + 1
        const frame = 4 + 65_536 + 16
        bytes.copy(copy, first, first + frame, first + 2 * frame)
        bytes.copy(copy, first + frame, first, first + frame)
      }
      return copy
    }
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: file.length - 1 }),
        fc.constantFrom('flip' as const, 'cut' as const, 'drop' as const, 'swap' as const),
        async (at, how) => {
          const error = await read(key, spoil(file, at, how), 50_000).then(
            () => undefined,
            (fault: unknown) => fault,
          )
          expect(hasCode(error, 'BACKUP_INVALID', 'BACKUP_OF_OTHER_RELEASE'), `${how} at ${at}: ${error}`).to.equal(
            true,
          )
        },
      ),
      { numRuns: propertyRuns(40) },
    )
  })
})
