// JSON lines: one person a line. Only one line is in memory at a time.
import { StringDecoder } from 'node:string_decoder'
import type { Readable } from 'node:stream'
import { readEntry } from './person-entry.ts'
import type { ReadEntry } from './person-entry.ts'

/** Characters: a person of a thousand groups has fewer. */
const longestLine = 262_144

export async function* readJsonLines(input: Readable): AsyncGenerator<ReadEntry> {
  let number = 0
  for await (const line of linesOf(input)) {
    number += 1
    if (line !== undefined && line.trim() === '') continue
    yield readLine(`line ${number}`, line)
  }
}

function readLine(at: string, line: string | undefined): ReadEntry {
  const refused = (message: string): ReadEntry => ({
    kind: 'refused',
    at,
    username: undefined,
    faults: [{ path: '', message }],
  })
  if (line === undefined) return refused(`has more than ${longestLine} characters`)
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    // what the parser says could hold a part of the line, so a hash
    return refused('is not JSON; each line is one object')
  }
  return readEntry(at, value)
}

/** @returns each line; undefined in place of one that is too long */
async function* linesOf(input: Readable): AsyncGenerator<string | undefined> {
  const decoder = new StringDecoder('utf8')
  let [rest, isTooLong, isFirst] = ['', false, true]
  for await (const chunk of input as AsyncIterable<Buffer | string>) {
    let text = typeof chunk === 'string' ? chunk : decoder.write(chunk)
    if (isFirst && text !== '') [text, isFirst] = [text.replace(/^\uFEFF/, ''), false]
    const [first = '', ...more] = text.split('\n')
    const pieces = [rest + first, ...more]
    rest = pieces.pop()!
    for (const line of pieces) {
      yield isTooLong || line.length > longestLine ? undefined : line
      isTooLong = false
    }
    if (rest.length > longestLine) [rest, isTooLong] = ['', true]
  }
  rest += decoder.end()
  if (isTooLong) yield undefined
  else if (rest !== '') yield rest
}
