// Converts between rows of the table `keys` and the ring. `use` is sig, cookie or file: for a key in a file the row has the public part
// and the times.
import type { JWK } from 'jose'
import { parseJsonRecord } from '@nauthera/runtime/json'
import type { Log } from '@nauthera/runtime/log'
import { signingAlgorithms } from '@nauthera/rules/algorithms'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import type { KeyWriter, NewKey, StoredKey } from '../../store/tokens/keys.ts'
import { isJwk } from './jwk.ts'
import type { FileKeys } from './key-file.ts'
import { isPrivateJwk, mintCookieKey, mintSigningKey, publicPart } from './jwt.ts'
import { cookieLine, isCut, signingLine } from './key-set.ts'
import type { RingKey } from './key-set.ts'
import type { FileKey } from './parse-key-file.ts'
import { pairwiseLine } from './states.ts'
import type { FilePlan, KeyPlan } from './states.ts'

/** @returns the keys that may be used, each with the private part where this process has one */
export function toRing(stored: readonly StoredKey[], { listed, former }: FileKeys, log: Log): RingKey[] {
  const inFile = new Map([...listed, ...former].map((jwk, place) => [jwk.kid, { jwk, place }]))
  return stored.flatMap((key): RingKey[] => {
    const times = {
      id: key.id,
      createdAt: key.createdAt.getTime(),
      activeAt: key.activeAt.getTime(),
      algorithm: key.alg,
    }
    if (key.use === 'cookie') return [{ ...times, use: 'cookie', line: cookieLine, secret: key.secret }]
    if (key.use === pairwiseLine) return [{ ...times, use: pairwiseLine, line: pairwiseLine, secret: key.secret }]
    const line = signingLine(key.alg)
    if (key.use === 'file') {
      if (isCut(key) || !isJwk(key.publicJwk)) return []
      const { place, jwk } = inFile.get(key.id) ?? {}
      const file = { place, until: key.removeAt?.getTime() ?? Infinity }
      const pair = { publicJwk: key.publicJwk, ...(jwk ? { privateJwk: jwk } : {}) }
      return [{ ...times, use: 'sig', line, file, ...pair }]
    }
    if (key.use !== 'sig') return []
    const privateJwk = parseJsonRecord(key.secret.toString())
    if (privateJwk === undefined || !isPrivateJwk(privateJwk)) {
      log.error({ key: key.id }, 'a signing key in the database cannot be read; it is not used')
      return []
    }
    const removeAt = key.removeAt && { removeAt: key.removeAt.getTime() }
    return [{ ...times, ...removeAt, use: 'sig', line, publicJwk: publicPart(privateJwk), privateJwk }]
  })
}

/** What rows say against the keys of a file. */
export function fileFaults(keys: readonly FileKey[], stored: readonly StoredKey[]): string[] {
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
