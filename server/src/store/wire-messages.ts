// The messages by which a prepared statement is run (PostgreSQL, "Message Formats"). Each is a letter, its length without the letter, and its
// content. Pure.

const letters = { parse: 0x50, describe: 0x44, bind: 0x42 } as const

/** Execute all of it, then Sync: now answer. */
const executeNow = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4])

/** Parse under its name, and describe it: its columns, which are the same each time that it runs on this connection. */
export function writePrepare({ name, text }: { name: string; text: string }): Buffer {
  const parse = message(letters.parse, Buffer.from(`${name}\0${text}\0\0\0`))
  return Buffer.concat([parse, message(letters.describe, Buffer.from(`S${name}\0`))])
}

function message(letter: number, content: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head[0] = letter
  head.writeInt32BE(content.length + 4, 1)
  return Buffer.concat([head, content])
}

/** Bind values to the statement of that name, and execute it. Texts, and bytes as they are; all answers come as text. */
export function writeRun(name: string, values: readonly unknown[]): Buffer {
  const sent = values.map(wireValue)
  const formats = sent.some(isBytes) ? sent.map((value) => (isBytes(value) ? 1 : 0)) : []
  const sizes = sent.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : (value?.length ?? -1)))
  const content = sizes.reduce((sum, size) => sum + 4 + Math.max(size, 0), 0)
  // portal, name, formats, values, formats of the answers
  const length = 4 + 1 + name.length + 1 + 2 + 2 * formats.length + 2 + content + 2
  const bytes = Buffer.allocUnsafe(1 + length + executeNow.length)
  bytes[0] = letters.bind
  let at = bytes.writeInt32BE(length, 1)
  at += bytes.write(`\0${name}\0`, at, 'latin1')
  at = bytes.writeInt16BE(formats.length, at)
  for (const format of formats) at = bytes.writeInt16BE(format, at)
  at = bytes.writeInt16BE(sent.length, at)
  for (let i = 0; i < sent.length; i++) {
    const value = sent[i]!
    at = bytes.writeInt32BE(sizes[i]!, at)
    if (typeof value === 'string') at += bytes.write(value, at)
    else if (value !== null) at += Buffer.from(value).copy(bytes, at)
  }
  at = bytes.writeInt16BE(0, at)
  executeNow.copy(bytes, at)
  return bytes
}

type WireValue = string | Uint8Array | null

const isBytes = (value: WireValue): value is Uint8Array => typeof value === 'object' && value !== null

/** @returns the value as PostgreSQL reads it: an object is JSON, an array is one of texts or of bytes */
function wireValue(value: unknown): WireValue {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || value instanceof Uint8Array) return value
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return `{${value.map(element).join(',')}}`
  return typeof value === 'object' ? JSON.stringify(value) : String(value as number | boolean | bigint)
}

function element(value: unknown): string {
  const sent = wireValue(value)
  if (sent === null) return 'NULL'
  const text = typeof sent === 'string' ? sent : `\\x${Buffer.from(sent).toString('hex')}`
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}
