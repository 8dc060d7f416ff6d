// Encrypts claims for cookies as JWE (RFC 7516, compact, `dir` and `A256GCM`). Written here since jose's WebCrypto imports the key and
// changes threads for each cookie: a fifth of a sign-in's cost.
import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { parseJsonRecord } from '@nauthera/runtime/json'
import { createNonces } from './random-ids.ts'

const ivBytes = 12
const tagBytes = 16
const shape = /^([A-Za-z0-9_-]+)\.\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{22})$/

/** @param options.key 32 bytes
 *  @param options.bound what the cookie is for: it can be decrypted only for the same purpose
 *  @param options.expiresAt epoch seconds */
export function encryptClaims(
  claims: Readonly<Record<string, unknown>>,
  options: { key: KeyObject; kid: string; bound: string; expiresAt: number },
): string {
  const { key, kid, bound, expiresAt } = options
  const header = encode(Buffer.from(JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid })))
  const iv = nextNonce()
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes }).setAAD(Buffer.from(header))
  const plain = JSON.stringify({ ...claims, aud: bound, exp: expiresAt })
  const text = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
  return `${header}..${encode(iv)}.${encode(text)}.${encode(cipher.getAuthTag())}`
}

/** @param options.keyOf finds the key by id; undefined for one that is not (or no longer) ours
 *  @returns the claims; undefined when the token cannot be decrypted, is for another purpose, or has expired. Never throws. */
export function decryptClaims(
  token: string,
  options: { keyOf: (kid: string) => KeyObject | undefined; bound: string; now: Date },
): Record<string, unknown> | undefined {
  const [, header, iv, text, tag] = shape.exec(token) ?? []
  if (header === undefined) return undefined
  try {
    const { alg, enc, kid, ...others } = parseJsonRecord(decode(header).toString()) ?? {}
    // another member (`zip`, `crit`) would say how to read what follows
    if (alg !== 'dir' || enc !== 'A256GCM' || typeof kid !== 'string' || Object.keys(others).length > 0)
      return undefined
    const key = options.keyOf(kid)
    if (key === undefined) return undefined
    const decipher = createDecipheriv('aes-256-gcm', key, decode(iv!), { authTagLength: tagBytes })
    decipher.setAAD(Buffer.from(header)).setAuthTag(decode(tag!))
    const plain = Buffer.concat([decipher.update(decode(text!)), decipher.final()])
    const claims = parseJsonRecord(plain.toString())
    const isValid = claims?.['aud'] === options.bound && Number(claims['exp']) > options.now.getTime() / 1000
    return isValid ? claims : undefined
  } catch {
    return undefined
  }
}

const nextNonce = createNonces(ivBytes)
const encode = (bytes: Buffer): string => bytes.toString('base64url')
const decode = (text: string): Buffer => Buffer.from(text, 'base64url')
