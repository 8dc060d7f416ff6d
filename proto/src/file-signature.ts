// Signs and verifies the files that go to the servers. Whoever can write one Secret still cannot sign.
import { createPrivateKey, createPublicKey, hkdfSync, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** What is signed: the file's name, so that no file can replace another, and the digest of its content. */
export interface FileToSign {
  readonly name: string
  /** digestOf its content, 64 hex. */
  readonly digest: string
}

export interface FileSigner {
  /** Ed25519, 32 bytes (RFC 8032 section 5.1.5). The manifest names it. */
  readonly publicKey: Uint8Array
  /** @returns the 64 bytes of the signature */
  sign(file: FileToSign): Uint8Array
}

/** The DER prefixes of a private and of a public key (RFC 8410). */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex')
const spki = Buffer.from('302a300506032b6570032100', 'hex')

const textOf = ({ name, digest }: FileToSign): Uint8Array => Buffer.from(`nauthera file 1\n${name}\n${digest}`)

/** @param secret at least 32 bytes, known only to the operators of one release. The key is derived from it */
export function createFileSigner(secret: Uint8Array): FileSigner {
  const seed = Buffer.from(hkdfSync('sha256', secret, '', 'nauthera files of servers 1', 32))
  const key = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(spki.length)
  return { publicKey, sign: (file) => sign(null, textOf(file), key) }
}

/** @param publicKey of a FileSigner; false for any other bytes
 *  @returns whether the key has signed this file */
export function isSignedBy(publicKey: Uint8Array, file: FileToSign, signature: Uint8Array | undefined): boolean {
  const key = signature && keyOf(publicKey)
  return key !== undefined && verify(null, textOf(file), key, signature!)
}

/** The last key that was parsed: it hardly ever changes. */
let last: { readonly bytes: Uint8Array; readonly key: KeyObject } | undefined

function keyOf(bytes: Uint8Array): KeyObject | undefined {
  if (last && Buffer.compare(last.bytes, bytes) === 0) return last.key
  if (bytes.length !== 32) return undefined
  last = { bytes, key: createPublicKey({ key: Buffer.concat([spki, bytes]), format: 'der', type: 'spki' }) }
  return last.key
}
