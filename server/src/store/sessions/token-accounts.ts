// The person, grant and session of an access token, from the cache for at most 10 s. Only introspection and userinfo use it; codes and
// refresh tokens always ask PostgreSQL.
import type { Metrics } from '@nauthera/runtime/metrics'
import { z } from '@nauthera/runtime/settings'
import { serverMetrics } from '../../metrics.ts'
import type { Accounts, GrantQuery, GrantedAccount } from './accounts.ts'
import type { Cache, CacheKey } from '../cache/cache.ts'
import { changeKey, oldestEntryMs } from '../cache/changes.ts'
import { countsForPerson } from '../tokens/what-counts.ts'

export interface TokenAccounts {
  /** As `Accounts.loadGranted`, for an access token, and at most 10 s old. Changes that `changes` was told show at once, unless
   *  the cache lost the mark. */
  load(ask: GrantQuery): Promise<GrantedAccount | undefined>
}

/** @param needs.cache undefined: every call is a query
 *  @param needs.now epoch milliseconds; @param needs.monotonicNow milliseconds that no clock change moves */
export function createTokenAccounts(needs: {
  accounts: Pick<Accounts, 'loadGranted' | 'loadOfToken'>
  cache: Cache | undefined
  metrics?: Metrics | undefined
  now?: () => number
  monotonicNow?: () => number
}): TokenAccounts {
  const { accounts, cache, metrics, now = Date.now, monotonicNow = () => performance.now() } = needs
  const read = (ask: GrantQuery) => (ask.session ? accounts.loadGranted(ask) : accounts.loadOfToken(ask))
  if (cache === undefined) return { load: read }
  const reads = metrics?.counter(serverMetrics.cacheReads)
  return {
    async load(ask) {
      const marks = [ask.grantId, ask.userId, ...(ask.session ? [ask.session.uid] : [])].map(changeKey)
      const [entry, ...changed] = await cache.get([entryKey(ask), ...marks])
      const isChanged = changed.some((mark) => mark !== undefined)
      const kept = entry === undefined || isChanged ? undefined : parseEntry(entry, ask)
      reads?.inc({ outcome: kept ? 'hit' : 'miss' })
      if (kept) return kept
      const began = monotonicNow()
      const loaded = await read(ask)
      // not cached when refused: it may be allowed at any moment, and then works at once
      if (isChanged || !loaded?.grant || !countsForPerson(loaded)) return loaded
      // counted from the begin of the query, so that a mark that is set while it runs lives longer than this entry
      const ttlMs = Math.min(oldestEntryMs - (monotonicNow() - began), loaded.grant.expiresAt.getTime() - now())
      if (ttlMs > 0) void cache.set(entryKey(ask), entryOf(loaded, ask), ttlMs)
      return loaded
    },
  }
}

const entryKey = ({ grantId }: GrantQuery): CacheKey => ({ purpose: 'token-account', id: grantId })

/** Everything that was asked for: an entry answers exactly this question. */
const askOf = ({ userId, grantId, session }: GrantQuery): string =>
  JSON.stringify([userId, grantId, session?.uid, session?.version, session?.authTime])

const maybe = z
  .string()
  .nullable()
  .transform((text) => text ?? undefined)
const date = z.iso.datetime().transform((text) => new Date(text))
const record = z.record(z.string(), z.unknown())

/** Strict: an entry of another release with another shape is ignored. When only the meaning changes, rename the purpose. */
const entrySchema = z.strictObject({
  ask: z.string(),
  sessionLive: z.boolean(),
  user: z.strictObject({
    id: z.string(),
    source: z.string(),
    sourceKey: maybe,
    describedUntil: date
      .nullable()
      .optional()
      .transform((at) => at ?? undefined),
    username: z.string(),
    email: maybe,
    emailVerified: z.boolean(),
    name: maybe,
    locale: maybe,
    profile: record,
    passwordChangeRequired: z.boolean(),
    disabled: z.literal(false),
    createdAt: date,
    updatedAt: date,
    groups: z.array(z.string()),
    groupOrigins: z.record(z.string(), z.array(z.string())),
  }),
  grant: z.strictObject({
    id: z.string(),
    userId: z.string(),
    clientUid: z.string(),
    clientId: z.string(),
    sessionUid: maybe,
    offline: z.boolean(),
    payload: record,
    createdAt: date,
    expiresAt: date,
  }),
  grantFrom: z.array(z.strictObject({ clientUid: z.string(), clientId: z.string() })),
})

function entryOf({ user, grant, grantFrom, sessionLive }: GrantedAccount, ask: GrantQuery): Uint8Array {
  // no token depends on what the person prefers
  const { preferences: _, ...described } = user
  const orNull = (_name: string, value: unknown) => (value === undefined ? null : value)
  return Buffer.from(JSON.stringify({ ask: askOf(ask), sessionLive, user: described, grant, grantFrom }, orNull))
}

function parseEntry(bytes: Uint8Array, ask: GrantQuery): GrantedAccount | undefined {
  const entry = entrySchema.safeParse(parseJson(bytes)).data
  if (entry?.ask !== askOf(ask)) return undefined
  const { user, grant, grantFrom, sessionLive } = entry
  return { user, grant, grantFrom, sessionLive, refreshSeq: undefined }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}
