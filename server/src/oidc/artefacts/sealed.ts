import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { parseJsonRecord } from '@nauthera/runtime/json'
import type { CookieKeys, Subkey } from '../keys/key-set.ts'
import { createNonces } from '../keys/random-ids.ts'
import { Seen } from '../keys/seen.ts'

// Codes, refresh tokens, opaque access tokens and pushed requests of public clients are sealed strings: each holds its
// own payload, encrypted, so the database stores no payloads. `nr_<kid>_<base64url(iv, ciphertext, tag)>` has no dot, because introspection and
// revocation refuse what looks like a JWT.

const ivBytes = 12
const tagBytes = 16
const nextNonce = createNonces(ivBytes)
/** Characters. This server makes no longer ones, so a longer one is refused without decrypting it. */
const longest = 8192
const shape = /^nr_([0-9a-f]{8})_([A-Za-z0-9_-]{40,})$/

export type SealedKind =
  | 'AuthorizationCode'
  | 'RefreshToken'
  | 'AccessToken'
  | 'ClientCredentials'
  | 'PushedAuthorizationRequest'
  | 'DeviceCode'
  | 'GrantReference'

/** These are deflated before they are sealed, since they travel in a URL. Bytes of the payload at most. */
const deflated: ReadonlySet<SealedKind> = new Set(['PushedAuthorizationRequest'])
export const longestInflated = 8192

/** These are shown many times until they end; all others once or twice. */
const lasting: readonly SealedKind[] = ['AccessToken', 'ClientCredentials', 'GrantReference']

/** What was in a value, and by what it was sealed. */
interface Opened {
  readonly kid: string
  readonly key: KeyObject
  readonly epoch: number
  /** A small buffer would be cut from a larger one, and keep all of it. */
  readonly text: string
}

export interface Sealer {
  /** @param options.madeAt epoch milliseconds: the same kind, payload and instant give the same string again, on every
   *  replica; without it each call gives another one */
  seal(kind: SealedKind, payload: object, options?: { madeAt: number }): string
  /** @returns the payload; undefined when the value was not sealed by this server as this kind, was changed, or is
   *  older than a restore of the database. Never throws. */
  unseal(kind: SealedKind, value: string): Record<string, unknown> | undefined
}

/** @param needs.epoch the store epoch: part of every value, so that nothing sealed before a restore is valid after
 *  it */
export function createSealer(needs: { keys: () => CookieKeys; epoch: () => number }): Sealer {
  const boundTo = (kind: SealedKind, epoch: number) => Buffer.from(`${kind}\0${epoch}`)
  const seen = new Map(lasting.map((kind) => [kind, new Seen<Opened>()]))
  const counts = (kind: SealedKind, { kid, key, epoch }: Opened) =>
    epoch === needs.epoch() && key === needs.keys().find(`seal:${kind}`, kid)
  const open = (kind: SealedKind, value: string): Opened | undefined => {
    const match = value.length <= longest ? shape.exec(value) : null
    const key = match && needs.keys().find(`seal:${kind}`, match[1]!)
    if (!match || !key) return undefined
    const epoch = needs.epoch()
    const sealed = Buffer.from(match[2]!, 'base64url')
    // the last character of base64url has unused bits: without this check one value could be written in several ways
    if (sealed.toString('base64url') !== match[2]) return undefined
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, ivBytes), { authTagLength: tagBytes })
      decipher.setAAD(boundTo(kind, epoch)).setAuthTag(sealed.subarray(-tagBytes))
      const plain = Buffer.concat([decipher.update(sealed.subarray(ivBytes, -tagBytes)), decipher.final()])
      return { kid: match[1]!, key, epoch, text: unpack(kind, plain) }
    } catch {
      return undefined
    }
  }
  return {
    seal(kind, payload, options) {
      const plain = pack(kind, payload)
      const purpose = `seal:${kind}` as const
      const { kid, key }: Subkey = options
        ? needs.keys().activeAt(purpose, options.madeAt)
        : needs.keys().current(purpose)
      const iv = options ? fixedIv(key, kind, plain) : nextNonce()
      const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes }).setAAD(
        boundTo(kind, needs.epoch()),
      )
      const sealed = Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
      return `nr_${kid}_${sealed.toString('base64url')}`
    },
    unseal(kind, value) {
      const before = seen.get(kind)?.find(value)
      const opened = before && counts(kind, before) ? before : open(kind, value)
      if (opened === undefined) return undefined
      if (opened !== before) seen.get(kind)?.keep(value, opened)
      return parseJsonRecord(opened.text)
    },
  }
}

function pack(kind: SealedKind, payload: object): Buffer {
  const text = Buffer.from(JSON.stringify(payload))
  return deflated.has(kind) ? deflateRawSync(text, { level: 9 }) : text
}

/** @throws RangeError for a payload that inflates to too much */
function unpack(kind: SealedKind, plain: Buffer): string {
  return (deflated.has(kind) ? inflateRawSync(plain, { maxOutputLength: longestInflated }) : plain).toString()
}

/** An IV computed from the plaintext: only equal plaintexts share one, which is safe for GCM, and no IV has to be
 *  stored (compare RFC 5297). */
function fixedIv(key: KeyObject, kind: SealedKind, plain: Buffer): Buffer {
  return createHmac('sha256', key).update(`iv\0${kind}\0`).update(plain).digest().subarray(0, ivBytes)
}
