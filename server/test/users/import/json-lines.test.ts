import { Readable } from 'node:stream'
import { expect } from 'chai'
import { readJsonLines } from '../../../src/users/import/json-lines.ts'

const read = async (...pieces: string[]) => {
  const found: string[] = []
  for await (const entry of readJsonLines(Readable.from(pieces)))
    found.push(`${entry.at}: ${entry.kind === 'refused' ? 'refused' : entry.username}`)
  return found
}

describe(readJsonLines.name, () => {
  it('reads a person a line, and counts lines without one', async () => {
    const text = '{"username": "ada"}\n\n  \r\n{"username": "eve"}'
    expect(await read(text)).to.deep.equal(['line 1: ada', 'line 4: eve'])
    expect(await read(...Array.from(text))).to.deep.equal(['line 1: ada', 'line 4: eve'])
  })

  it('takes a line of 262,144 characters, refuses a longer one, and goes on with the next', async () => {
    const lineOf = (length: number) => '{"username": "ada"}'.padEnd(length)
    const lines = [lineOf(262_144), lineOf(262_145), '{"username": "eve"}']
    const expected = ['line 1: ada', 'line 2: refused', 'line 3: eve']
    expect(await read(lines.join('\n'))).to.deep.equal(expected)
    const pieces = lines.map((line) => [line.slice(0, 100_000), line.slice(100_000)])
    expect(await read(...pieces.flatMap(([first, rest]) => [first!, `${rest!}\n`]))).to.deep.equal(expected)
    expect(await read('{"username": "ada"}\n', lineOf(300_000)), 'the last one').to.deep.equal([
      'line 1: ada',
      'line 2: refused',
    ])
  })

  it('refuses a line that is no JSON, and goes on', async () => {
    expect(await read('{username}\n{"username": "eve"}\n')).to.deep.equal(['line 1: refused', 'line 2: eve'])
  })
})
