// The file of a backup: a line that says what it is and holds the sealed keys, the encrypted script of rows, and a line with what is in it.
// Rows are compressed, then encrypted in frames (AES-256-GCM with a counter, and a mark at the last one), so a cut or changed file does not open.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { hasHiddenCharacters } from '@nauthera/runtime/hidden-characters'
import { hasShape, isJsonRecord, parseJsonRecord } from '@nauthera/runtime/json'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { DumpedTable } from '../../store/dump.ts'
import { ByteReader } from './byte-reader.ts'

/** The first line. */
export interface BackupHead {
  readonly nauthera: 'backup'
  readonly format: 1
  readonly createdAt: string
  /** Version of the program that made it. */
  readonly release: string
  readonly issuer: string
  /** Migrations that its database had. */
  readonly schema: readonly string[]
  /** JWE of `SealedKeys`. */
  readonly sealed: unknown
}

/** The last line. */
export interface BackupManifest {
  readonly tables: readonly DumpedTable[]
  /** Of all bytes before this line, hex. */
  readonly sha256: string
}

/** Secrets by name, each with its entries in base64. */
export type SealedSecrets = Readonly<Record<string, Readonly<Record<string, string>>>>

/** What recipients alone can read. */
export interface SealedKeys {
  /** Of the frames, base64. */
  readonly contentKey: string
  /** The key-encryption ring, as the entries of its Secret. */
  readonly ring: Readonly<Record<string, string>>
  readonly secrets: SealedSecrets
}

const format = 1
const frameBytes = 65_536
const tagBytes = 16
const keyBytes = 32
const longestHead = 1_048_576
const longestManifest = 1_048_576

const headShape = {
  required: { createdAt: 'string', release: 'string', issuer: 'string', schema: 'strings', sealed: 'record' },
} as const
const keysShape = { required: { contentKey: 'string', ring: 'record', secrets: 'record' } } as const
const tableShape = { required: { name: 'string', rows: 'number', sha256: 'string' } } as const
const isTables = (value: unknown): value is readonly DumpedTable[] =>
  Array.isArray(value) && value.every((table) => hasShape(table, tableShape))

export const mintContentKey = (): Buffer => randomBytes(keyBytes)

/** @param content compressed rows @param tables asked when the content has ended
 *  @returns the bytes of the file; the manifest is told when it is written */
export async function* writeBackup(about: {
  readonly head: BackupHead
  readonly contentKey: Buffer
  readonly content: AsyncIterable<Uint8Array>
  readonly tables: () => readonly DumpedTable[]
  readonly onManifest: (manifest: BackupManifest) => void
}): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  const head = Buffer.from(`${JSON.stringify(about.head)}\n`)
  hash.update(head)
  yield head
  for await (const frame of frames(about.content, about.contentKey, bindingOf(head))) {
    hash.update(frame)
    yield frame
  }
  const manifest = { tables: about.tables(), sha256: hash.digest('hex') }
  about.onManifest(manifest)
  yield Buffer.from(`${JSON.stringify(manifest)}\n`)
}

/** Each with its length before it; after the last one comes the length 0. */
async function* frames(content: AsyncIterable<Uint8Array>, key: Buffer, binding: Buffer): AsyncGenerator<Buffer> {
  const reader = new ByteReader(content)
  for (let at = 0, isLast = false; !isLast; at++) {
    const plain = await reader.upTo(frameBytes)
    isLast = await reader.isAtEnd()
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(at, isLast)).setAAD(binding)
    const box = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    yield Buffer.concat([lengthOf(box.length), box])
  }
  yield lengthOf(0)
}

/** A backup that is being read: the head, then the content, then the manifest. */
export interface OpenedBackup {
  readonly head: BackupHead
  /** The compressed rows. @throws CodedError BACKUP_INVALID at the first frame that is not as it was written */
  content(contentKey: Buffer): AsyncGenerator<Buffer>
  /** Reads what is left of the content, without opening it, and checks the digest.
   *  @param expected digest that somebody noted elsewhere */
  manifest(expected?: string): Promise<BackupManifest>
}

/** @throws CodedError BACKUP_INVALID */
export async function openBackup(source: AsyncIterable<Uint8Array>): Promise<OpenedBackup> {
  const reader = new ByteReader(source)
  const line = await reader.line(longestHead)
  const hash = createHash('sha256').update(line)
  const head = parseHead(line)
  let isThrough = false
  const nextFrame = async (): Promise<Buffer | undefined> => {
    const length = await reader.exactly(4)
    hash.update(length)
    const bytes = length.readUInt32BE()
    if (bytes > frameBytes + tagBytes) throw invalid('it is damaged')
    if (bytes === 0) isThrough = true
    const box = await reader.exactly(bytes)
    hash.update(box)
    return bytes === 0 ? undefined : box
  }
  return {
    head,
    async *content(contentKey) {
      const binding = bindingOf(line)
      let box = await nextFrame()
      for (let at = 0; box !== undefined; at++) {
        const next: Buffer | undefined = await nextFrame()
        yield openFrame(box, { contentKey, binding, nonce: nonceOf(at, next === undefined) })
        box = next
      }
    },
    async manifest(expected) {
      while (!isThrough) await nextFrame()
      const sha256 = hash.digest('hex')
      const manifest = parseLine(await reader.line(longestManifest))
      if (!(await reader.isAtEnd())) throw invalid('there is more behind its end')
      const { tables } = manifest
      if (!isTables(tables) || manifest['sha256'] !== sha256)
        throw invalid('its digest is another one than it says: it was changed or damaged')
      if (expected !== undefined && expected.toLowerCase() !== sha256)
        throw invalid(`its digest is ${sha256}, not the one that you gave: it is another file`)
      return { tables, sha256 }
    },
  }
}

function openFrame(box: Buffer, by: { contentKey: Buffer; binding: Buffer; nonce: Buffer }): Buffer {
  try {
    const decipher = createDecipheriv('aes-256-gcm', by.contentKey, by.nonce, { authTagLength: tagBytes })
    decipher.setAAD(by.binding).setAuthTag(box.subarray(box.length - tagBytes))
    return Buffer.concat([decipher.update(box.subarray(0, box.length - tagBytes)), decipher.final()])
  } catch (cause) {
    throw invalid('it was changed, cut or damaged: a part of it does not open', cause)
  }
}

function parseHead(line: Buffer): BackupHead {
  const head = parseLine(line)
  if (head['nauthera'] !== 'backup') throw invalid('it is no backup')
  // anybody can write this line, and its texts are printed
  const isPlain = Object.values(head)
    .flat()
    .every((one) => typeof one !== 'string' || !hasHiddenCharacters(one))
  if (!isPlain) throw invalid('its first line has control characters')
  if (head['format'] !== format)
    throw new CodedError('BACKUP_OF_OTHER_RELEASE', {
      message: `it is of format ${String(head['format'])}, made by release ${String(head['release'])}; this release reads format ${format}`,
    })
  if (!hasShape(head, headShape)) throw invalid('its first line is not whole')
  return { ...head, nauthera: 'backup', format }
}

/** @param text what the recipient opened: whoever has their certificate could have sealed it
 *  @throws CodedError BACKUP_INVALID */
export function parseSealedKeys(text: string): SealedKeys {
  const keys = parseJsonRecord(text)
  if (!hasShape(keys, keysShape) || !isTexts(keys.ring) || !isSecrets(keys.secrets))
    throw invalid('what is sealed in it is not whole')
  return { contentKey: keys.contentKey, ring: keys.ring, secrets: keys.secrets }
}

const isTexts = (value: unknown): value is Readonly<Record<string, string>> =>
  isJsonRecord(value) && Object.values(value).every((one) => typeof one === 'string')

const isSecrets = (value: Readonly<Record<string, unknown>>): value is SealedSecrets =>
  Object.values(value).every(isTexts)

function parseLine(line: Buffer): Record<string, unknown> {
  const value = parseJsonRecord(line.toString())
  // nothing of the line is shown
  if (value === undefined) throw invalid('it is no backup, or it was cut off')
  return value
}

/** What the frames belong to: a head of another backup does not go with them. */
const bindingOf = (head: Buffer): Buffer => createHash('sha256').update(head).digest()

function nonceOf(at: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeBigUInt64BE(BigInt(at), 3)
  nonce[11] = isLast ? 1 : 0
  return nonce
}

function lengthOf(bytes: number): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes)
  return length
}

const invalid = (message: string, cause?: unknown) =>
  new CodedError('BACKUP_INVALID', { message, ...(cause === undefined ? {} : { cause }) })
