// Encrypts what a dump of the database must not reveal. The current key of the ring encrypts, every key decrypts.
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { contentOf, inOneVersion } from '@nauthera/proto/mounted-volume'
import { CodedError } from '@nauthera/runtime/coded-error'

/** Keys derived from the ring for one purpose: the first encrypts or signs, all decrypt or verify. */
export interface DerivedKeys {
  readonly currentId: string
  readonly current: KeyObject
  readonly all: ReadonlyMap<string, KeyObject>
}

/** A box as a row has it. */
export interface Sealed {
  readonly box: Uint8Array
  readonly keyId: string
  /** What the value belongs to, such as its row. */
  readonly boundTo: string
}

/** The key-encryption keys of a release, from the Secret `<release>-keys`. */
export interface KeyEncryptionRing {
  readonly currentId: string
  readonly ids: readonly string[]
  /** @param boundTo what the value belongs to, such as its row; the same text is needed to decrypt
   *  @returns the box and the id of the key that it needs */
  encrypt(plain: Uint8Array, boundTo: string): { box: Buffer; keyId: string }
  /** @returns the value; or KEY_RING_LACKS_KEY that names the id, SEALED_ROW_DAMAGED when box, binding or key do not fit */
  open(sealed: Sealed): { readonly plain: Buffer } | { readonly fault: CodedError }
  /** @throws CodedError the fault of `open` */
  decrypt(box: Uint8Array, keyId: string, boundTo: string): Buffer
  /** Subkeys of 32 bytes (HKDF-SHA-256) for other uses. @param purpose one word for each use */
  derive(purpose: string): DerivedKeys
}

const keyBytes = 32
const ivBytes = 12
const tagBytes = 16
const currentFile = 'current'
const keyId = /^[A-Za-z0-9._-]{1,64}$/

/** Reads a mounted ring: files `<id>` of 32 raw bytes each, and `current`, which names the one that encrypts.
 *  @throws CodedError KEY_RING_INVALID with every fault */
export function loadKeyRing(directory: string): KeyEncryptionRing {
  return inOneVersion([join(directory, currentFile)], () => readKeyRing(directory))
}

function readKeyRing(directory: string): KeyEncryptionRing {
  const keys = new Map<string, Buffer>()
  const faults: { path: string; message: string }[] = []
  const content = contentOf(directory)
  for (const name of list(directory, content)) {
    if (name === currentFile || name.startsWith('.')) continue
    const bytes = readFileSync(join(content, name))
    if (!keyId.test(name))
      faults.push({ path: join(directory, name), message: 'is not a valid name of a key; use A-Z a-z 0-9 . _ -' })
    else if (bytes.length !== keyBytes)
      faults.push({
        path: join(directory, name),
        message: `must have exactly ${keyBytes} bytes; it has ${bytes.length}`,
      })
    else keys.set(name, bytes)
  }
  const current = readCurrent(content)
  if (current === undefined)
    faults.push({ path: join(directory, currentFile), message: 'is missing; it names the key that encrypts' })
  else if (!keys.has(current))
    faults.push({ path: join(directory, currentFile), message: `names ${current}, but there is no such file` })
  if (faults.length > 0) throw new CodedError('KEY_RING_INVALID', { faults })
  return createKeyRing(keys, current!)
}

/** @param keys id -> 32 bytes
 *  @param currentId one of them */
export function createKeyRing(keys: ReadonlyMap<string, Buffer>, currentId: string): KeyEncryptionRing {
  const rows = new Map([...keys].map(([id, key]) => [id, subkey(key, 'rows')]))
  const open: KeyEncryptionRing['open'] = ({ box, keyId: id, boundTo }) => {
    const named = rows.get(id)
    // the id of the key may be what is damaged
    for (const key of new Set([...(named ? [named] : []), ...rows.values()])) {
      const plain = unboxed(key, box, boundTo)
      if (plain !== undefined) return { plain }
    }
    if (named === undefined) return { fault: lacksKey(id) }
    return { fault: new CodedError('SEALED_ROW_DAMAGED', { message: `${boundTo} does not open with key ${id}` }) }
  }
  return {
    currentId,
    ids: [...keys.keys()],
    encrypt(plain, boundTo) {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', rows.get(currentId)!, iv).setAAD(Buffer.from(boundTo))
      const text = Buffer.concat([cipher.update(plain), cipher.final()])
      return { box: Buffer.concat([iv, text, cipher.getAuthTag()]), keyId: currentId }
    },
    open,
    decrypt(box, id, boundTo) {
      const opened = open({ box, keyId: id, boundTo })
      if ('fault' in opened) throw opened.fault
      return opened.plain
    },
    derive(purpose) {
      const all = new Map([...keys].map(([id, key]) => [id, subkey(key, `derived:${purpose}`)]))
      return { currentId, current: all.get(currentId)!, all }
    },
  }
}

/** @returns undefined when box, binding or key do not fit */
function unboxed(key: KeyObject, box: Uint8Array, boundTo: string): Buffer | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, ivBytes), { authTagLength: tagBytes })
    decipher.setAAD(Buffer.from(boundTo)).setAuthTag(box.subarray(box.length - tagBytes))
    return Buffer.concat([decipher.update(box.subarray(ivBytes, box.length - tagBytes)), decipher.final()])
  } catch {
    return undefined
  }
}

const subkey = (key: Buffer, info: string): KeyObject =>
  createSecretKey(Buffer.from(hkdfSync('sha256', key, '', `nauthera:${info}`, keyBytes)))

const lacksKey = (id: string) =>
  new CodedError('KEY_RING_LACKS_KEY', {
    message: `the key-encryption ring has no key ${id}`,
    faults: [{ path: 'keysDirectory', message: `add the file ${id}: rows in the database are encrypted with it` }],
  })

/** @param directory as people know it */
function list(directory: string, content: string): string[] {
  try {
    return readdirSync(content).toSorted()
  } catch (cause) {
    throw new CodedError('KEY_RING_INVALID', {
      cause,
      faults: [{ path: directory, message: 'cannot be read; mount the Secret with the key-encryption keys there' }],
    })
  }
}

function readCurrent(content: string): string | undefined {
  try {
    return readFileSync(join(content, currentFile), 'utf8').trim()
  } catch {
    return undefined
  }
}
