// Seals codes, refresh tokens, opaque access tokens and pushed requests: each string holds its own encrypted payload, so the database
// stores none. `nr_<kid>_<base64url(iv, ciphertext, tag)>` has no dot, since introspection and revocation refuse what looks like a JWT.
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { parseJsonRecord } from '@nauthera/runtime/json'
import type { CookieKeys, Subkey } from '../keys/key-set.ts'
import { createNonces } from '../keys/random-ids.ts'
import { Seen } from '../keys/seen.ts'

const ivBytes = 12
const tagBytes = 16
const nextNonce = createNonces(ivBytes)
/** Characters. A longer value is refused without decryption: this server makes none. */
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

/** Kinds that are deflated, since they are part of a URL. */
const deflated: ReadonlySet<SealedKind> = new Set(['PushedAuthorizationRequest'])
export const longestInflated = 8192

/** Kinds that are used many times, and so are cached. */
const lasting: readonly SealedKind[] = ['AccessToken', 'ClientCredentials', 'GrantReference']

/** The content of a value, and its key. */
interface Opened {
  readonly kid: string
  readonly key: KeyObject
  readonly epoch: number
  /** A text, since a small Buffer would keep a larger one in memory. */
  readonly text: string
}

export interface Sealer {
  /** @param options.madeAt epoch milliseconds: equal inputs give the same string on every replica; without it each call gives another one */
  seal(kind: SealedKind, payload: object, options?: { madeAt: number }): string
  /** @returns the payload; undefined for another kind, a changed value, or one from before a restore. Never throws. */
  unseal(kind: SealedKind, value: string): Record<string, unknown> | undefined
}

/** @param needs.epoch the store epoch, part of every value: a restore of the database invalidates earlier values */
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
    // the last base64url character has unused bits: this check allows only one form
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
      if (opened !== before) seen.get(kind)?.record(value, opened)
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

/** Derives the IV from the plaintext: only equal plaintexts share one, which is safe for GCM (compare RFC 5297). */
function fixedIv(key: KeyObject, kind: SealedKind, plain: Buffer): Buffer {
  return createHmac('sha256', key).update(`iv\0${kind}\0`).update(plain).digest().subarray(0, ivBytes)
}
