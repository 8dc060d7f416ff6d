// By what the files that go to the servers are known as the operator's, wherever they lie: who may write one Secret cannot sign.
import { createPrivateKey, createPublicKey, hkdfSync, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** What is signed of a file: its name, so that none stands for another, and the digest that the manifest names, too. */
export interface FileToSign {
  readonly name: string
  /** digestOf its content, 64 hex. */
  readonly digest: string
}

export interface FileSigner {
  /** Ed25519, the 32 bytes of RFC 8032 section 5.1.5; the manifest names it. */
  readonly publicKey: Uint8Array
  /** @returns the 64 bytes of the signature */
  sign(file: FileToSign): Uint8Array
}

/** RFC 8410: what stands before the bytes of a private and of a public key. */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex')
const spki = Buffer.from('302a300506032b6570032100', 'hex')

const textOf = ({ name, digest }: FileToSign): Uint8Array => Buffer.from(`nauthera file 1\n${name}\n${digest}`)

/** @param secret 32 bytes or more that nobody but the operators of one release reads; the same make the same key */
export function createFileSigner(secret: Uint8Array): FileSigner {
  const seed = Buffer.from(hkdfSync('sha256', secret, '', 'nauthera files of servers 1', 32))
  const key = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(spki.length)
  return { publicKey, sign: (file) => sign(null, textOf(file), key) }
}

/** @param publicKey of a FileSigner; anything else has signed nothing
 *  @returns whether the key has signed this file */
export function isSignedBy(publicKey: Uint8Array, file: FileToSign, signature: Uint8Array | undefined): boolean {
  const key = signature && keyOf(publicKey)
  return key !== undefined && verify(null, textOf(file), key, signature!)
}

/** Of the last key: it is the same for years. */
let last: { readonly bytes: Uint8Array; readonly key: KeyObject } | undefined

function keyOf(bytes: Uint8Array): KeyObject | undefined {
  if (last && Buffer.compare(last.bytes, bytes) === 0) return last.key
  if (bytes.length !== 32) return undefined
  last = { bytes, key: createPublicKey({ key: Buffer.concat([spki, bytes]), format: 'der', type: 'spki' }) }
  return last.key
}
