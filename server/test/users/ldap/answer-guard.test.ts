import { createServer } from 'node:tls'
import type { Server, TLSSocket } from 'node:tls'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import type { Identity } from '@nauthera/proto/certificates'
import { expect } from 'chai'
import { assert, asyncProperty, array, constantFrom, nat, property, record, tuple, uint8Array } from 'fast-check'
import { MessageParser, PresenceFilter } from 'ldapts'
import { AnswerFrames, guardAnswers } from '../../../src/users/ldap/answer-guard.ts'
import { BerFault } from '../../../src/users/ldap/ber.ts'
import { DirectoryConnection, DirectoryFailure } from '../../../src/users/ldap/connection.ts'
import type { DirectoryPatience } from '../../../src/users/ldap/connection.ts'
import { patient } from './test-directory.ts'

const element = (tag: number, ...content: readonly (Buffer | number)[]): Buffer => {
  const bytes = Buffer.concat(content.map((part) => (typeof part === 'number' ? Buffer.of(part) : part)))
  const length = bytes.length < 0x80 ? [bytes.length] : [0x82, bytes.length >> 8, bytes.length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...length), bytes])
}
const text = (value: string) => element(4, Buffer.from(value))
const message = (id: number, ...parts: Buffer[]) => element(0x30, element(2, id), ...parts)
const result = (tag: number, code = 0, ...more: Buffer[]) =>
  element(tag, element(10, code), text(''), text(''), ...more)
const pageControl = element(
  0xa0,
  element(0x30, text('1.2.840.113556.1.4.319'), element(4, element(0x30, element(2, 0), text('')))),
)
const entry = element(
  0x64,
  text('uid=ada,dc=example'),
  element(
    0x30,
    element(0x30, text('mail'), element(0x31, text('a@example.test'), text('b@example.test'))),
    element(0x30, text('cn'), element(0x31)),
  ),
)
/** Answers to a bind with the number 1 and to searches with the number 2. */
const sound: Readonly<Record<string, Buffer>> = {
  'to a bind': message(1, result(0x61)),
  'to a bind, of a wrong password, with a referral': message(1, result(0x61, 49, element(0xa3, text('ldap://b')))),
  'an entry': message(2, entry),
  'of over 127 bytes': message(2, element(0x64, text('x'.repeat(300)), element(0x30))),
  'a reference': message(2, element(0x73, text('ldap://b'))),
  'the end of a page': message(2, result(0x65), pageControl),
  'the notice that it goes away': message(0, result(0x78, 52, element(0x8a, Buffer.from('1.3.6.1.4.1.1466.20036')))),
}

describe(AnswerFrames.name, () => {
  for (const [name, bytes] of Object.entries(sound))
    it(`lets an answer through: ${name}`, () => expect(new AnswerFrames().take(bytes)).to.deep.equal([bytes]))

  it('finds the same messages wherever the stream is cut', () => {
    const messages = array(constantFrom(...Object.values(sound)), { maxLength: 5 })
    assert(
      property(messages, array(nat(600), { maxLength: 6 }), (all, cuts) => {
        const stream = Buffer.concat(all)
        const at = [...new Set([0, ...cuts.filter((cut) => cut < stream.length), stream.length])].sort((a, b) => a - b)
        const frames = new AnswerFrames()
        const found = at.slice(1).flatMap((end, n) => frames.take(stream.subarray(at[n], end)))
        expect(found).to.deep.equal(all)
      }),
      { numRuns: propertyRuns(300) },
    )
  })

  for (const [why, bytes] of [
    ['its controls are longer than it is', message(1, result(0x61), Buffer.of(0xa0, 0x7f, 0))],
    [
      'a value ends in a length without the length',
      message(2, element(0x64, text(''), element(0x30, element(0x30, text('a'), element(4, 4, 0x82))))),
    ],
    ['it holds a control that is none', message(2, result(0x65), element(0xa0, text('')))],
    ['it has two parts too many', message(1, result(0x61), element(0xa0), element(0xa0))],
    ['it has no number', element(0x30, result(0x61))],
    ['it is a question', message(1, element(0x60))],
    ['it says a negative length', Buffer.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xf0, 2, 1, 1)],
    ['it has no definite length', Buffer.of(0x30, 0x80, 0, 0)],
    ['it would be of 2 GiB', Buffer.of(0x30, 0x84, 0x7f, 0xff, 0xff, 0xff)],
    ['it is another protocol', Buffer.from('HTTP/1.1 400')],
  ] as const)
    it(`throws when ${why}`, () => expect(() => new AnswerFrames().take(bytes)).to.throw(BerFault))

  it('L35 takes no more room than a message has, however small its pieces are, and few elements', () => {
    const large = message(2, element(0x64, text('x'.repeat(30_000)), element(0x30)))
    const frames = new AnswerFrames()
    const found = [...large].flatMap((byte) => frames.take(Buffer.of(byte)))
    expect(found).to.deep.equal([large])
    const values = Buffer.concat(Array.from({ length: 25_000 }, () => text('')))
    const many = message(2, element(0x64, text(''), element(0x30, element(0x30, text('a'), element(0x31, values)))))
    expect(() => new AnswerFrames().take(many)).to.throw(BerFault, 'too many elements')
  })

  it('L35 lets nothing through of which the parser of the client does not come back', () => {
    const change = record({ at: nat(), by: uint8Array({ maxLength: 3 }), drop: nat(4) })
    assert(
      property(
        constantFrom(...Object.values(sound)),
        array(change, { minLength: 1, maxLength: 4 }),
        (bytes, changes) => {
          const hostile = changes.reduce<Buffer>((all, { at, by, drop }) => {
            const place = at % all.length || 0
            return Buffer.concat([all.subarray(0, place), by, all.subarray(place + drop)])
          }, bytes)
          const frames = new AnswerFrames()
          const parser = new MessageParser().on('error', () => undefined)
          try {
            for (const whole of frames.take(hostile)) parser.read(whole, new Map())
          } catch (error) {
            expect(error).to.be.instanceOf(BerFault)
          }
        },
      ),
      { numRuns: propertyRuns(2000) },
    )
  })
})

describe(guardAnswers.name, () => {
  const filter = new PresenceFilter({ attribute: 'mail' })
  let authority: Identity
  let url: string
  let answer: (socket: TLSSocket) => void
  const sockets = new Set<TLSSocket>()
  let server: Server
  before(async () => {
    authority = await createAuthority({ name: 'directory', lifetimeMs: 3_600_000 })
    const leaf = await issueLeaf(authority, { usage: 'server', dnsNames: ['localhost'] })
    server = createServer(leaf, (socket) => {
      sockets.add(socket.on('error', () => undefined))
      socket.once('data', () => answer(socket))
    })
    url = `ldaps://localhost:${await listenOnLoopback(server)}`
  })
  afterEach(() => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  })
  after(() => server.close())

  const search = async (patience: DirectoryPatience) => {
    const connection = await DirectoryConnection.open({ url, ca: authority.cert, patience })
    try {
      return await connection.search({ base: 'dc=example', scope: 'sub', filter, attributes: ['mail'], limit: 2 })
    } catch (error) {
      expect(error).to.be.instanceOf(DirectoryFailure)
      return 'failed'
    } finally {
      connection.close()
    }
  }

  it('L35 ends a question, and the process lives on, whatever a directory answers', async () => {
    const part = constantFrom(...Object.values(sound)).chain((bytes) =>
      tuple(nat(bytes.length), nat(255)).map(([at, byte]) =>
        Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(at + 1)]),
      ),
    )
    await assert(
      asyncProperty(array(part, { minLength: 1, maxLength: 4 }), async (parts) => {
        answer = (socket) => {
          for (const bytes of parts) socket.write(bytes)
        }
        await search({ ...patient.patience, answer: 60 })
      }),
      { numRuns: propertyRuns(40) },
    )
  })

  it('L35 ends a connection on which an answer has no end', async () => {
    let sent = 0
    const many = Buffer.concat(Array.from({ length: 400 }, () => sound['an entry'] ?? Buffer.alloc(0)))
    answer = (socket) => {
      const go = () => {
        while (!socket.destroyed && socket.write(many)) sent += many.length
      }
      socket.on('drain', go)
      go()
    }
    expect(await search(patient.patience)).to.equal('failed')
    expect(sent).to.be.greaterThan(10e6).and.lessThan(60e6)
  })
})
