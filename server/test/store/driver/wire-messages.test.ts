import { expect } from 'chai'
import { writeDescribe, writePrepare, writeRun } from '../../../src/store/driver/wire-messages.ts'

describe(writePrepare.name, () => {
  it('parses the statement under its name', () => {
    expect(messagesOf(writePrepare({ name: 'one', text: 'SELECT 1' }))).to.deep.equal([['P', 'one\0SELECT 1\0\0\0']])
  })
})

describe(writeDescribe.name, () => {
  it('asks what the columns of the statement are', () => {
    expect(messagesOf(writeDescribe({ name: 'one' }))).to.deep.equal([['D', 'Sone\0']])
  })
})

describe(writeRun.name, () => {
  const bind = (content: string) => ['B', `\0one\0${content}\0\u{1}\0\0`]
  const twoTexts = '\0\u{2}\0\0\0\0'
  const execute = ['E', '\0\0\0\0\0']
  const sync = ['S', '']

  for (const [what, values, content] of [
    ['no values', [], '\0\0\0\0'],
    ['texts by their length in bytes', ['é', ''], `${twoTexts}\0\u{2}\0\0\0\u{2}\u{c3}\u{a9}\0\0\0\0`],
    ['null for nothing', [null, undefined], `${twoTexts}\0\u{2}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}`],
    [
      'bytes as they are, with the formats of all',
      [Buffer.of(0), 'a'],
      '\0\u{2}\0\u{1}\0\0\0\u{2}\0\0\0\u{1}\0\0\0\0\u{1}a',
    ],
  ] as const)
    it(`binds ${what}, executes the statement and asks for the answer`, () => {
      expect(messagesOf(writeRun('one', values))).to.deep.equal([bind(content), execute, sync])
    })
})

/** Letter and content of each, with a character for each byte. */
function messagesOf(bytes: Buffer): [string, string][] {
  const messages: [string, string][] = []
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + bytes.readInt32BE(at + 1)
    messages.push([String.fromCodePoint(bytes[at]!), bytes.toString('latin1', at + 5, end)])
    at = end
  }
  return messages
}
