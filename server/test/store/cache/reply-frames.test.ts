import { propertyRuns } from '@nauthera/harness/property-runs'
import { expect } from 'chai'
import { array, assert, constantFrom, nat, property, record, uint8Array } from 'fast-check'
import { ReplyFault, ReplyFrames } from '../../../src/store/cache/reply-frames.ts'

const room = 2 ** 16
const take = (text: string | Buffer, most = room): string[] =>
  [...new ReplyFrames(() => most).take(Buffer.from(text))].map(String)

const sound = [
  '+OK\r\n',
  '-ERR no\r\n',
  ':-12\r\n',
  '$0\r\n\r\n',
  '$4\r\na\r\nb\r\n',
  '*0\r\n',
  '*3\r\n$1\r\na\r\n$-1\r\n$0\r\n\r\n',
]

describe(ReplyFrames.name, () => {
  for (const reply of sound)
    it(`lets a reply through: ${JSON.stringify(reply)}`, () => expect(take(reply)).to.deep.equal([reply]))

  it('finds the same replies wherever the stream is cut', () => {
    assert(
      property(array(constantFrom(...sound), { maxLength: 6 }), array(nat(120), { maxLength: 8 }), (all, cuts) => {
        const stream = Buffer.from(all.join(''))
        const at = [...new Set([0, ...cuts.filter((cut) => cut < stream.length), stream.length])].sort((a, b) => a - b)
        const frames = new ReplyFrames(() => room)
        const found = at.slice(1).flatMap((end, n) => [...frames.take(stream.subarray(at[n], end))].map(String))
        expect(found).to.deep.equal(all)
      }),
      { numRuns: propertyRuns(300) },
    )
  })

  it('keeps the bytes of a reply that it gave while it takes the next ones', () => {
    const frames = new ReplyFrames(() => room)
    const [first] = [...frames.take(Buffer.from('$2\r\n')), ...frames.take(Buffer.from('ab\r\n$2'))]
    expect([...frames.take(Buffer.from('\r\ncd\r\n'))].map(String)).to.deep.equal(['$2\r\ncd\r\n'])
    expect(String(first)).to.equal('$2\r\nab\r\n')
  })

  for (const [why, bytes] of [
    ['it is a push', '>1\r\n_\r\n'],
    ['it is a null, a map, a set, a double, a boolean', '_\r\n'],
    ['it is none at all', '$-1\r\n'],
    ['it is no list at all', '*-1\r\n'],
    ['a list has a list', '*1\r\n*0\r\n'],
    ['a list has a number', '*1\r\n:1\r\n'],
    ['a list has an error', '*1\r\n-ERR\r\n'],
    ['a number is none', ':one\r\n'],
    ['a length is none', '$x\r\n'],
    ['a length has a sign', '$+1\r\n'],
    ['a text would be of 1 GiB', '$999999999\r\n'],
    ['a text is longer than it says', '$1\r\nab\r\n'],
    ['a list would have more than a thousand texts', '*1001\r\n'],
    ['a line does not end', `+${'x'.repeat(600)}`],
    ['an error would begin a line of its own in a log', '-NOPERM\n{}\r\n'],
    ['it is another protocol', 'HTTP/1.1 400'],
  ] as const)
    it(`throws when ${why}`, () => expect(() => take(bytes)).to.throw(ReplyFault))

  it('throws for a list that is longer than there is room, though no text of it is', () => {
    expect(() => take(`*9\r\n${'$40\r\n'.concat('x'.repeat(40), '\r\n').repeat(9)}`, 200)).to.throw(
      ReplyFault,
      'too long',
    )
  })

  it('throws for a second reply as soon as the first is taken, where only one is expected', () => {
    let expected = 1
    const frames = new ReplyFrames(() => (expected > 0 ? room : 0))
    const found: string[] = []
    const readAll = () => {
      for (const reply of frames.take(Buffer.from('+a\r\n+b\r\n'))) {
        expected--
        found.push(String(reply))
      }
    }
    expect(readAll).to.throw(ReplyFault, 'nobody asked for')
    expect(found).to.deep.equal(['+a\r\n'])
  })

  it('L37 takes whatever is written: whole replies come out, or a fault', () => {
    const change = record({ at: nat(), by: uint8Array({ maxLength: 3 }), drop: nat(4) })
    assert(
      property(array(constantFrom(...sound), { minLength: 1 }), array(change, { maxLength: 4 }), (all, changes) => {
        const hostile = changes.reduce<Buffer>(
          (bytes, { at, by, drop }) => {
            const place = at % bytes.length || 0
            return Buffer.concat([bytes.subarray(0, place), by, bytes.subarray(place + drop)])
          },
          Buffer.from(all.join('')),
        )
        const frames = new ReplyFrames(() => room)
        try {
          const replies = [...frames.take(hostile)]
          expect(hostile.indexOf(Buffer.concat(replies))).to.equal(0)
          for (const reply of replies) expect(take(reply), 'a reply by itself').to.have.length(1)
        } catch (error) {
          expect(error).to.be.instanceOf(ReplyFault)
        }
      }),
      { numRuns: propertyRuns(2000) },
    )
  })
})
