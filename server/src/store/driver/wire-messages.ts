// The messages by which a prepared statement is run, each group for one write. Pure.
import { serialize } from 'pg-protocol'

/** Parse a statement under its name. */
export const writePrepare = ({ name, text }: { name: string; text: string }): Buffer => serialize.parse({ name, text })

/** Describe it: its columns, which are the same each time that it runs on this connection. */
export const writeDescribe = ({ name }: { name: string }): Buffer => serialize.describe({ type: 'S', name })

/** Bind the statement of that name, which has no parameters, and execute all of it; the answer comes with that of what follows. */
export const writeBound = (name: string): Buffer =>
  Buffer.concat([serialize.bind({ statement: name }), serialize.execute()])

const executeAndSync = Buffer.concat([serialize.execute(), serialize.sync()])

/** Binds values to the statement of that name, executes it, and syncs, so that PostgreSQL answers. Values go as text, bytes as they are. */
export function writeRun(name: string, values: readonly unknown[]): Buffer {
  const bind = serialize.bind({ statement: name, values: [...values], valueMapper: wireValue })
  return Buffer.concat([bind, executeAndSync])
}

/** @returns the value as PostgreSQL reads it: an object is JSON, an array is one of texts or of bytes */
function wireValue(value: unknown): string | Buffer | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return `{${value.map(element).join(',')}}`
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  return JSON.stringify(value)
}

function element(value: unknown): string {
  const sent = wireValue(value)
  if (sent === null) return 'NULL'
  const text = typeof sent === 'string' ? sent : `\\x${sent.toString('hex')}`
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}
