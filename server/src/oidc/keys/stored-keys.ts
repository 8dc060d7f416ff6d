// Converts between rows of the table `keys` and the ring. `use` is sig, cookie or file: for a key in a file the row has the public part
// and the times.
import type { JWK } from 'jose'
import { parseJsonRecord } from '@nauthera/runtime/json'
import type { Log } from '@nauthera/runtime/log'
import { signingAlgorithms } from '@nauthera/rules/algorithms'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import { isCut } from '../../store/tokens/keys.ts'
import type { KeyList, KeySummary, KeyWriter, NewKey, StoredKey, UnreadableKey } from '../../store/tokens/keys.ts'
import { isJwk } from './jwk.ts'
import type { FileKeys } from './key-file.ts'
import { isPrivateJwk, mintCookieKey, mintSigningKey, publicPart } from './jwt.ts'
import { lineOf, signingLine } from './key-set.ts'
import type { RingKey } from './key-set.ts'
import type { FileKey } from './parse-key-file.ts'
import { cookieLine, pairwiseLine } from './states.ts'
import type { FilePlan, KeyPlan } from './states.ts'

/** What this process has of keys beside the table. */
export interface KeysElsewhere {
  readonly inFile: FileKeys
  /** Those that it opened before, by id. A row that does not open any more ends none of them. */
  readonly held?: ReadonlyMap<string, RingKey>
}

/** @returns every key that was not cut off, each with the private part where this process has one. Of a row that does not open the ring has
 *  the times alone, to plan by: what it says may be wrong, or written by somebody who can only write to the database */
export function toRing(list: KeyList, { inFile, held }: KeysElsewhere, log: Log): RingKey[] {
  const places = new Map([...inFile.listed, ...inFile.former].map((jwk, place) => [jwk.kid, { jwk, place }]))
  const opened = list.opened.flatMap((key) =>
    key.use === 'file' ? fileKey(key, key.publicJwk, places.get(key.id)) : openedKey(key, log),
  )
  const unreadable = list.unreadable.flatMap((key): RingKey[] => {
    if (key.use !== 'file') return [unreadableKey(key, held?.get(key.id))]
    // such a row has nothing to open: whoever has the file goes on
    const found = places.get(key.id)
    return found ? fileKey(key, publicPart(found.jwk), found) : []
  })
  return [...opened, ...unreadable]
}

const timesOf = (key: KeySummary) => ({
  id: key.id,
  line: lineOf(key),
  createdAt: key.createdAt.getTime(),
  activeAt: key.activeAt.getTime(),
  algorithm: key.alg,
})

const endOf = ({ removeAt }: KeySummary) => removeAt && { removeAt: removeAt.getTime() }

function openedKey(key: StoredKey, log: Log): RingKey[] {
  if (key.use === 'cookie' || key.use === pairwiseLine) return [{ ...timesOf(key), use: key.use, secret: key.secret }]
  if (key.use !== 'sig') return []
  const privateJwk = parseJsonRecord(key.secret.toString())
  if (privateJwk === undefined || !isPrivateJwk(privateJwk)) {
    log.error({ key: key.id }, 'a signing key in the database cannot be read; it is not used')
    return []
  }
  return [{ ...timesOf(key), ...endOf(key), use: 'sig', publicJwk: publicPart(privateJwk), privateJwk }]
}

function unreadableKey(key: UnreadableKey, held: RingKey | undefined): RingKey {
  const { fault } = key
  if (held !== undefined) return { ...held, fault, unreadable: 'held' }
  // what is no key for signing nor for cookies may be the one of pairwise subjects, which is never made anew beside it
  const use = key.use === 'sig' || key.use === 'cookie' ? key.use : pairwiseLine
  return { ...timesOf(key), ...endOf(key), use, line: lineOf({ ...key, use }), fault, unreadable: 'lost' }
}

function fileKey(
  key: KeySummary,
  publicJwk: unknown,
  found: { readonly jwk: FileKey; readonly place: number } | undefined,
): RingKey[] {
  if (isCut(key) || !isJwk(publicJwk)) return []
  const file = { place: found?.place, until: key.removeAt?.getTime() ?? Infinity }
  return [{ ...timesOf(key), use: 'sig', file, publicJwk, ...(found ? { privateJwk: found.jwk } : {}) }]
}

/** What rows say against the keys of a file. */
export function fileFaults(keys: readonly FileKey[], stored: readonly KeySummary[]): string[] {
  const rows = new Map(stored.map((row) => [row.id, row]))
  return keys.flatMap((key) => {
    const row = rows.get(key.kid)
    if (row === undefined) return []
    if (isCut(row)) return [`has the key ${key.kid}, which was cut off since it leaked; take it out`]
    if (row.use === 'file' && isSame(row.publicJwk ?? {}, key)) return []
    return [`has the kid ${key.kid} for another key than before; give a new key a new kid`]
  })
}

const isSame = (one: Readonly<Record<string, unknown>>, other: JWK): boolean =>
  (['kty', 'alg', 'crv', 'n', 'e', 'x', 'y'] as const).every((member) => one[member] === other[member])

/** A key without the times of its row. */
type MintedKey = Omit<NewKey, 'activeAt' | 'retireAt' | 'removeAt'>

/** Makes a key of a line. */
export type MintKey = (line: string) => Promise<MintedKey>

/** Makes keys before the lock: two RSA keys take seconds of a busy processor, and PostgreSQL ends a transaction that is idle for so long.
 *  @returns gives each of them once, and makes what else is needed */
export async function mintAhead(lines: readonly string[], mint: MintKey): Promise<MintKey> {
  const made = new Map<string, MintedKey>()
  for (const line of lines) made.set(line, await mint(line))
  return async (line) => {
    const key = made.get(line) ?? (await mint(line))
    made.delete(line)
    return key
  }
}

/** @param mint of mintAhead, for the lines of the plan */
export async function carryOut(plan: KeyPlan, writer: KeyWriter, mint: MintKey): Promise<void> {
  for (const { line, activeAt } of plan.create) {
    const times = { activeAt: new Date(activeAt), retireAt: undefined, removeAt: undefined }
    const key: NewKey = { ...(await mint(line)), ...times }
    await writer.insert(key, [created(key)])
  }
  await publishUntil(plan.leave, writer)
  await removeKeys(plan.remove, writer)
}

async function publishUntil(keys: KeyPlan['leave'], writer: KeyWriter): Promise<void> {
  for (const { id, activeAt, until } of keys)
    await writer.setTimes(id, { activeAt: new Date(activeAt), retireAt: undefined, removeAt: new Date(until) })
}

export async function removeKeys(ids: readonly string[], writer: KeyWriter): Promise<void> {
  for (const id of ids) await writer.remove(id, [{ event: 'key.removed', outcome: 'success', detail: { key: id } }])
}

/** Writes down which keys the file has. */
export async function carryOutFile(
  plan: FilePlan,
  keys: readonly FileKey[],
  until: (key: FileKey) => Date,
  writer: KeyWriter,
): Promise<void> {
  for (const { id, activeAt } of plan.add) {
    const jwk = keys.find(({ kid }) => kid === id)!
    const publicJwk = publicPart(jwk)
    const times = { activeAt: new Date(activeAt), retireAt: undefined, removeAt: until(jwk) }
    const key: NewKey = { id, use: 'file', alg: jwk.alg, publicJwk, secret: Buffer.alloc(0), ...times }
    await writer.insert(key, [created(key)])
  }
  await publishUntil(plan.keep, writer)
}

const created = ({ id, use, alg }: NewKey): AuditEvent => ({
  event: 'key.created',
  outcome: 'success',
  detail: { key: id, use, alg },
})

export const mintKey: MintKey = async (line) => {
  if (line === cookieLine || line === pairwiseLine) {
    const { id, secret } = mintCookieKey()
    const about = line === cookieLine ? { use: 'cookie', alg: 'A256GCM' } : { use: pairwiseLine, alg: 'HS256' }
    return { id, ...about, publicJwk: undefined, secret }
  }
  const algorithm = signingAlgorithms.find((one) => signingLine(one) === line)
  if (algorithm === undefined) throw new TypeError(`no keys are made for ${line}`)
  const jwk = await mintSigningKey(algorithm)
  const secret = Buffer.from(JSON.stringify(jwk))
  return { id: jwk.kid, use: 'sig', alg: jwk.alg!, publicJwk: publicPart(jwk), secret }
}
