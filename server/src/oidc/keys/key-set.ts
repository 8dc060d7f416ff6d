import { createSecretKey, hkdfSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import { signingAlgorithms } from '@nauthera/rules/algorithms'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import type { CodedError } from '@nauthera/runtime/coded-error'
import { isCut } from '../../store/tokens/keys.ts'
import type { KeySummary } from '../../store/tokens/keys.ts'
import { activeKeyAt, cookieLine, keyStates, pairwiseLine } from './states.ts'
import type { KeyPolicy, KeyState, KeyTimes } from './states.ts'
import { publicPart } from './jwt.ts'

/** A key as the ring knows it, decrypted where its row opens. */
export interface RingKey extends KeyTimes {
  readonly use: 'sig' | 'cookie' | 'pairwise'
  readonly algorithm: string
  /** Of a signing key. */
  readonly publicJwk?: JWK
  /** Of a signing key, where this process has it. */
  readonly privateJwk?: JWK
  /** Of any other: 32 bytes. */
  readonly secret?: Buffer
  /** Why its row does not open. */
  readonly fault?: CodedError
}

export const signingLine = (algorithm: string): string => `sig:${algorithm}`
/** Of every algorithm, whatever the settings list. */
export const signingLines: readonly string[] = signingAlgorithms.map(signingLine)

/** A key of a summary, in the line of those that it replaces and is replaced by.
 *  @param places of the keys in this process's file */
const timesOf = (key: ListedKey, places: ReadonlyMap<string, number> = new Map()): KeyTimes => ({
  id: key.id,
  line: lineOf(key),
  createdAt: key.createdAt.getTime(),
  activeAt: key.activeAt.getTime(),
  ...(key.removeAt ? { removeAt: key.removeAt.getTime() } : {}),
  ...(key.use === 'file' ? { file: { place: places.get(key.id), until: key.removeAt?.getTime() ?? Infinity } } : {}),
  ...(key.fault && key.use !== 'file' ? { unreadable: 'lost' as const } : {}),
})

/** A key of a list: one that does not open has a fault. */
export type ListedKey = KeySummary & { readonly fault?: CodedError }

export const lineOf = ({ use, alg }: Pick<KeySummary, 'use' | 'alg'>): string => {
  if (use === 'cookie') return cookieLine
  return use === pairwiseLine ? pairwiseLine : signingLine(alg)
}

/** @returns the state of each key of a list, those included that were cut off */
export function statesOf(
  keys: readonly ListedKey[],
  now: number,
  policy: KeyPolicy,
  places?: ReadonlyMap<string, number>,
): ReadonlyMap<string, KeyState> {
  const [gone, live] = [keys.filter(isCut), keys.filter((key) => !isCut(key))]
  const states = keyStates(
    live.map((key) => timesOf(key, places)),
    now,
    policy,
  )
  return new Map([...states, ...gone.map(({ id }) => [id, 'removed'] as const)])
}

/** What a cookie key is used for. Each purpose has its own subkey (HKDF): a value made for one is never valid for
 *  another. */
export type KeyPurpose =
  'session' | 'interaction' | 'remembered' | 'form' | 'library' | 'sid' | `seal:${string}` | 'refresh-jti'

export interface Subkey {
  /** 8 hex: the cookie key that it derives from. */
  readonly kid: string
  readonly key: KeyObject
}

/** The subkeys of the ring's cookie keys. They are key objects: Node looks at the bytes of a key anew with each use, and at a key object once. */
export interface CookieKeys {
  /** The one to make new values with. */
  current(purpose: KeyPurpose): Subkey
  /** @returns the subkey of a value that names `kid`; undefined when that key is not (or no longer) in the ring */
  find(purpose: KeyPurpose, kid: string): KeyObject | undefined
  /** The one that was current at an instant (epoch milliseconds), for values that must be the same when computed
   *  again. */
  activeAt(purpose: KeyPurpose, at: number): Subkey
  /** Current first. */
  all(purpose: KeyPurpose): readonly KeyObject[]
}

/** The keys at one instant: an immutable set, rebuilt when keys change. */
export interface KeySet {
  /** Differs when, and only when, the set does. */
  readonly fingerprint: string
  /** Private JWKs for the library: the active key of each algorithm first; the others carry `key_ops: ['verify']`,
   *  so that they never sign. */
  readonly signing: readonly JWK[]
  /** What /jwks publishes. */
  readonly published: readonly JWK[]
  readonly cookies: CookieKeys
  /** What pairwise subjects are made with, 32 bytes: the same for ever. @throws TypeError when the ring has none, CodedError where its row
   *  does not open: another key would make other subjects */
  readonly pairwise: () => KeyObject
  /** What nonces are made with, the same at every replica: that key, and where it does not open the oldest one for cookies. */
  readonly nonces: () => KeyObject
  readonly states: ReadonlyMap<string, KeyState>
}

/** @param keys every key of the ring, of any state
 *  @param algorithms in the order of preference */
export function buildKeySet(
  keys: readonly RingKey[],
  algorithms: readonly SigningAlgorithm[],
  now: number,
  policy: KeyPolicy,
): KeySet {
  const states = keyStates(keys, now, policy)
  const order: Readonly<Record<KeyState, number>> = { active: 0, next: 1, retiring: 2, removed: 3 }
  const rank = (key: RingKey) => order[states.get(key.id)!]
  const usable = keys
    .filter((key) => states.get(key.id) !== 'removed' && key.unreadable !== 'lost')
    .toSorted((one, other) => rank(one) - rank(other))
  const signing = algorithms
    .flatMap((algorithm) => usable.filter((key) => key.line === signingLine(algorithm)))
    .concat(
      usable.filter((key) => key.use === 'sig' && !algorithms.some((algorithm) => key.line === signingLine(algorithm))),
    )
  const jwkToSign = (key: RingKey): JWK[] => {
    if (key.privateJwk === undefined) return []
    return [states.get(key.id) === 'active' ? key.privateJwk : { ...key.privateJwk, key_ops: ['verify'] }]
  }
  const ofCookies = usable.filter((key) => key.line === cookieLine)
  const cookies = cookieKeysOf(ofCookies)
  const oldest = Math.min(...ofCookies.map(({ activeAt }) => activeAt))
  let pairwise: KeyObject | undefined
  const stateOf = (key: RingKey) =>
    `${states.get(key.id)}${key.use === 'sig' && key.privateJwk === undefined ? '-elsewhere' : ''}`
  return {
    fingerprint: usable.map((key) => `${key.id}=${stateOf(key)}`).join(' '),
    signing: signing.flatMap(jwkToSign),
    published: signing.map((key) => key.publicJwk ?? publicPart(key.privateJwk!)),
    cookies,
    pairwise: () => (pairwise ??= pairwiseSecret(keys)),
    nonces: () =>
      usable.some(({ line }) => line === pairwiseLine)
        ? (pairwise ??= pairwiseSecret(keys))
        : cookies.activeAt('library', oldest).key,
    states,
  }
}

function pairwiseSecret(keys: readonly RingKey[]): KeyObject {
  const ofLine = keys.filter((key) => key.line === pairwiseLine)
  const secret = ofLine.find((key) => key.secret)?.secret
  if (secret === undefined && ofLine[0]?.fault) throw ofLine[0].fault
  if (secret === undefined) throw new TypeError('a key set needs a key for pairwise subjects')
  return createSecretKey(secret)
}

function cookieKeysOf(keys: readonly RingKey[]): CookieKeys {
  const derived = new Map<string, KeyObject>()
  const derive = (key: RingKey, purpose: KeyPurpose): KeyObject => {
    const id = `${key.id} ${purpose}`
    const known = derived.get(id)
    if (known) return known
    const fresh = createSecretKey(Buffer.from(hkdfSync('sha256', key.secret!, '', `nauthera:cookie:${purpose}`, 32)))
    derived.set(id, fresh)
    return fresh
  }
  const byId = new Map(keys.map((key) => [key.id, key]))
  const [first] = keys
  if (first === undefined) throw new TypeError('a key set needs a cookie key')
  const subkey = (key: RingKey, purpose: KeyPurpose): Subkey => ({ kid: key.id, key: derive(key, purpose) })
  return {
    current: (purpose) => subkey(first, purpose),
    find: (purpose, kid) => {
      const key = byId.get(kid)
      return key && derive(key, purpose)
    },
    activeAt: (purpose, at) => subkey(activeKeyAt(keys, cookieLine, at) ?? first, purpose),
    all: (purpose) => keys.map((key) => derive(key, purpose)),
  }
}
