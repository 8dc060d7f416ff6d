import { propertyRuns } from '@nauthera/harness/property-runs'
import { expect } from 'chai'
import { array, assert, constantFrom, nat, property, uint8Array } from 'fast-check'
import { WireFault, WireFrames } from '../../../src/store/driver/wire-frames.ts'
import { columns, complete, message, ready, row } from './untrue-postgres.ts'

/** As they come on a connection that is ready. */
function takeAll(...chunks: Buffer[]): Buffer[] {
  const frames = new WireFrames()
  for (const _ of frames.take(ready()));
  return chunks.flatMap((chunk) => [...frames.take(chunk)].map((one) => Buffer.from(one)))
}

const sound = [
  message('1'),
  message('2'),
  message('n'),
  message('I'),
  message('t', [0, 2, 0, 0, 0, 25, 0, 0, 0, 25]),
  columns(['a', 25], ['b', 20]),
  row('x', null),
  row('', 'y'.repeat(300)),
  complete('SELECT 2'),
  ready('T'),
  message('N', 'SNOTICE\0Mread\0\0'),
  message('S', 'TimeZone\0UTC\0'),
  message('A', '\0\0\0\x01channel\0payload\0'),
  message('H', [0, 0, 1, 0, 0]),
  message('d', 'a\tb\n'),
  message('c'),
]

describe(WireFrames.name, () => {
  it('finds the same messages wherever the stream is cut', () => {
    assert(
      property(array(constantFrom(...sound), { maxLength: 6 }), array(nat(700), { maxLength: 8 }), (all, cuts) => {
        // what was said about columns ends with an answer
        const messages = all.flatMap((one) => [one, ready()])
        const stream = Buffer.concat(messages)
        const at = [...new Set([0, ...cuts.filter((cut) => cut < stream.length), stream.length])].sort((a, b) => a - b)
        const chunks = at.slice(1).map((end, n) => stream.subarray(at[n], end))
        expect(takeAll(...chunks)).to.deep.equal(messages)
      }),
      { numRuns: propertyRuns(300) },
    )
  })

  for (const [why, ...bytes] of [
    ['it says a length that is shorter than itself', Buffer.from([0x31, 0, 0, 0, 3])],
    ['it would be of 2 GiB', Buffer.from([0x44, 0x7f, 0xff, 0xff, 0xff])],
    ['it is of a type that answers nothing of ours', message('W', [0, 0, 0])],
    ['rows come by halves, which nobody asked for', message('s')],
    ['an error does not end', message('E', 'SERROR\0')],
    ['an error has a text without end', message('E', 'SERROR')],
    ['a text is followed by more', message('C', 'SELECT\0\0')],
    ['a row has less values than it says', message('D', [0, 2, 0, 0, 0, 0])],
    ['a row has more values than it says', message('D', [0, 0, 0, 0, 0, 0])],
    ['a row has less than no values', message('D', [0xff, 0xff])],
    ['a value is longer than its row', message('D', [0, 1, 0, 0, 0, 9, 0x61])],
    ['a value has a length below none', message('D', [0, 1, 0xff, 0xff, 0xff, 0xfe])],
    ['a row has other columns than were described', columns(['a', 25]), row('x', 'y')],
    [
      'there are more columns than PostgreSQL gives',
      columns(...Array.from({ length: 1665 }, () => ['a', 25] as const)),
    ],
    ['it asks for a password in the midst', message('R', [0, 0, 0, 3])],
    ['it asks for rows twice', message('G', [0, 0, 0]), message('G', [0, 0, 0])],
    ['it has five errors for one question', ...Array.from({ length: 5 }, () => message('E', 'SERROR\0\0'))],
  ] as const)
    it(`ends the connection when ${why}`, () => expect(() => takeAll(...bytes)).to.throw(WireFault))

  it('lets an error without a text through, as PostgreSQL never sends it', () =>
    expect(takeAll(message('E', '\0'))).to.have.length(1))

  it('ends an answer that takes too much memory, and not one that is asked for anew', () => {
    const frames = new WireFrames()
    const take = (bytes: Buffer) => [...frames.take(bytes)].length
    take(ready())
    const large = row('x'.repeat(2_000_000))
    for (let n = 0; n < 30; n++) {
      if (n % 15 === 0) frames.beginAnswer()
      expect(take(large)).to.equal(1)
    }
    frames.beginAnswer()
    expect(() => {
      for (let n = 0; n < 20; n++) take(large)
    }).to.throw(WireFault)
  })

  it('counts the parts of values in large answers: few bytes can be many objects', () => {
    const frames = new WireFrames()
    const deep = row('['.repeat(1_000_000))
    expect(() => {
      for (let n = 0; n < 3; n++) for (const _ of frames.take(n === 0 ? ready() : deep));
    }).to.throw(WireFault)
  })

  it('says that a server refuses to let us in, and lets nothing through that is no part of a beginning', () => {
    const frames = new WireFrames()
    expect(frames.isRefused).to.equal(false)
    expect([...frames.take(message('E', 'SFATAL\0C28P01\0\0'))]).to.have.length(1)
    expect(frames.isRefused).to.equal(true)
    expect(() => [...new WireFrames().take(row('x'))]).to.throw(WireFault)
    const parameters = Buffer.concat(Array.from({ length: 10_000 }, () => message('S', 'a\0b\0')))
    expect(() => [...new WireFrames().take(parameters)]).to.throw(WireFault)
  })

  it('throws nothing but its own fault, whatever comes', () => {
    assert(
      property(uint8Array({ maxLength: 60 }), constantFrom(...sound), (noise, before) => {
        try {
          takeAll(before, Buffer.from(noise))
        } catch (error) {
          expect(error).to.be.instanceOf(WireFault)
        }
      }),
      { numRuns: propertyRuns(500) },
    )
  })
})
