// Reads JSON lines, one person a line, with one line in memory at a time.
import type { Readable } from 'node:stream'
import { longestEntry, textOf } from './file-text.ts'
import { parseEntry, readEntry } from './person-entry.ts'
import type { ReadEntry } from './person-entry.ts'

export async function* readJsonLines(input: Readable): AsyncGenerator<ReadEntry> {
  let number = 0
  for await (const line of linesOf(input)) {
    number += 1
    if (line !== undefined && line.trim() === '') continue
    yield readLine(`line ${number}`, line)
  }
}

function readLine(at: string, line: string | undefined): ReadEntry {
  const read = parseEntry(at, line, 'is not JSON; each line is one object')
  return 'refused' in read ? read.refused : readEntry(at, read.value)
}

/** @returns each line; undefined in place of one that is too long */
async function* linesOf(input: Readable): AsyncGenerator<string | undefined> {
  let [rest, isTooLong] = ['', false]
  for await (const text of textOf(input)) {
    const [first = '', ...more] = text.split('\n')
    const pieces = [rest + first, ...more]
    rest = pieces.pop()!
    for (const line of pieces) {
      yield isTooLong || line.length > longestEntry ? undefined : line
      isTooLong = false
    }
    if (rest.length > longestEntry) [rest, isTooLong] = ['', true]
  }
  if (isTooLong) yield undefined
  else if (rest !== '') yield rest
}
