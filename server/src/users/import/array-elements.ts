// Splits one array of a very large JSON file into elements, with one element in memory at a time. It only follows brackets and strings;
// JSON.parse parses each element.
import type { Readable } from 'node:stream'
import { longestEntry, textOf } from './file-text.ts'

export type FoundElement =
  /** `text` is undefined for one that is too long. */
  | { readonly kind: 'element'; readonly text: string | undefined }
  | { readonly kind: 'end'; readonly reason: 'complete' | 'no-array' | 'no-object' | 'cut-off' }

/** What is known at one place of the file. */
interface Scan {
  depth: number
  inString: boolean
  /** Characters of the next piece that an escape has taken. */
  skip: number
  /** The text at depth 1 that was read last: the name of what follows. */
  word: string
  state: 'before' | 'inside' | 'after' | 'no-object'
  /** What is read of an element so far; undefined: it is too long. */
  element: string | undefined
}

/** @param name of a member of the object that the file is
 *  @returns each object of the array there, then how the file ended */
export async function* elementsOf(input: Readable, name: string): AsyncGenerator<FoundElement> {
  const scan: Scan = { depth: 0, inString: false, skip: 0, word: '', state: 'before', element: '' }
  for await (const text of textOf(input)) {
    for (const element of take(scan, name, text)) yield { kind: 'element', text: element }
    if (scan.state === 'no-object') break
  }
  yield { kind: 'end', reason: reasonOf(scan) }
}

function reasonOf({ state, depth }: Scan): Extract<FoundElement, { kind: 'end' }>['reason'] {
  if (state === 'no-object') return 'no-object'
  if (depth !== 0) return 'cut-off'
  return state === 'before' ? 'no-array' : 'complete'
}

/** The depth of the elements themselves: inside of the file's object and of the array. */
const elementDepth = 2

function* take(scan: Scan, name: string, text: string): Generator<string | undefined> {
  let ignoredBefore = scan.skip
  let from = 0
  for (const { 0: sign, index } of text.matchAll(/["\\{}[\]]/g)) {
    if (index < ignoredBefore) continue
    if (scan.inString) {
      if (sign === '\\') ignoredBefore = index + 2
      if (sign !== '"') continue
      scan.inString = false
      if (scan.depth === 1) scan.word += text.slice(from, index)
    } else if (sign === '"') {
      scan.inString = true
      if (scan.depth === 1) [scan.word, from] = ['', index + 1]
    } else if (sign === '{' || sign === '[') {
      if (scan.depth === 0 && sign === '[') scan.state = 'no-object'
      if (scan.state === 'no-object') return
      if (scan.state === 'before' && scan.depth === 1 && sign === '[' && scan.word === name) scan.state = 'inside'
      if (scan.state === 'inside' && scan.depth === elementDepth) [scan.element, from] = ['', index]
      scan.depth += 1
    } else if (sign !== '\\') {
      scan.depth -= 1
      if (scan.state !== 'inside') continue
      if (scan.depth === elementDepth) yield grown(scan, text.slice(from, index + 1))
      if (scan.depth < elementDepth) scan.state = 'after'
    }
  }
  scan.skip = Math.max(0, ignoredBefore - text.length)
  keep(scan, text.slice(from))
}

/** What the next piece goes on with. */
function keep(scan: Scan, rest: string): void {
  // between elements too: the next one begins anew
  scan.element = grown(scan, rest)
  // a longer word is no name that anybody looks for
  if (scan.inString && scan.depth === 1 && scan.word.length < longestName) scan.word += rest
}

const longestName = 1000

function grown({ element }: Scan, more: string): string | undefined {
  return element === undefined || element.length + more.length > longestEntry ? undefined : element + more
}
