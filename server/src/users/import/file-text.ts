// Reads a file as text, piece by piece.
import { StringDecoder } from 'node:string_decoder'
import type { Readable } from 'node:stream'

/** Characters of what describes one person: a person of a thousand groups has fewer. */
export const longestEntry = 262_144

/** @returns the text in pieces that end anywhere, without a byte order mark */
export async function* textOf(input: Readable): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let isFirst = true
  for await (const chunk of input) {
    const text = typeof chunk === 'string' ? chunk : decoder.write(chunk)
    if (text === '') continue
    yield isFirst ? text.replace(/^\uFEFF/, '') : text
    isFirst = false
  }
  const rest = decoder.end()
  if (rest !== '') yield rest
}
