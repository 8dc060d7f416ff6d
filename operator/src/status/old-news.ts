// Leaves minor changes out of a status, so that it is not written all the time.
import { isDeepStrictEqual } from 'node:util'
import type { OIDCClientStatus } from '../api/client-status.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import { present } from '../decide/client/present.ts'

/** How often the last use of a previous secret is written. Milliseconds. */
const usageMs = 3_600_000
const usageWaitingMs = 60_000
/** How often the last use of any secret is written. Milliseconds. */
const anyUseMs = 86_400_000

/** How often the last uses of listed secrets are written while more than one is valid. Milliseconds. */
const listedUsesMs = 600_000

/** Last uses of listed secrets, and the time of which they are told, stay or change together: those of before stay until they are old, or
 *  until other secrets are listed. */
function withListedUses(before: OIDCClientStatus, status: OIDCClientStatus): OIDCClientStatus {
  const { usesKnownSince: _since, usesKnownUntil: until, verifiers = [], ...rest } = status
  const known = new Map((before.verifiers ?? []).map((one) => [one.id, one]))
  const isSame = known.size === verifiers.length && verifiers.every(({ id }) => known.has(id))
  if (!isSame || verifiers.length === 0 || (until === undefined) !== (before.usesKnownUntil === undefined))
    return status
  const isOld =
    until === undefined
      ? verifiers.some(({ id, lastUsed }) => isOlder(known.get(id)?.lastUsed, lastUsed, anyUseMs))
      : isOlder(before.usesKnownUntil, until, listedUsesMs)
  if (isOld) return status
  return {
    ...rest,
    verifiers: verifiers.map(({ lastUsed: _now, ...one }) => ({
      ...one,
      ...present('lastUsed', known.get(one.id)?.lastUsed),
    })),
    ...present('usesKnownSince', before.usesKnownSince),
    ...present('usesKnownUntil', before.usesKnownUntil),
  }
}

const isOlder = (before: string | undefined, now: string | undefined, byMs: number): boolean =>
  now !== undefined && (before === undefined || Date.parse(now) - Date.parse(before) >= byMs)

/** Keeps the last written value of fields that change all the time: the revision until something else changes, the number of replicas
 *  unless some lack the client, the last use until it is old.
 *  @param awaitsDisuse a previous secret stays valid only because it is used */
export function withoutMinorNews(client: OIDCClient, status: OIDCClientStatus, awaitsDisuse = false): OIDCClientStatus {
  const before = client.status
  if (!before) return status
  // 0/0 is reported: no replica is left
  const isWhole = (replicas: OIDCClientStatus['replicas']) =>
    replicas !== undefined && replicas.total > 0 && replicas.loaded === replicas.total
  const keepReplicas = isWhole(before.replicas) && isWhole(status.replicas)
  const previous = status.secret?.previous?.map((entry) => {
    const old = before.secret?.previous?.find(({ id }) => id === entry.id)
    const age = Date.parse(entry.lastUsed ?? '') - Date.parse(old?.lastUsed ?? '')
    return age < (awaitsDisuse ? usageWaitingMs : usageMs) ? { ...entry, lastUsed: old!.lastUsed! } : entry
  })
  const { lastUsed } = before.secret ?? {}
  const keepsUse = Date.parse(status.secret?.lastUsed ?? '') - Date.parse(lastUsed ?? '') < anyUseMs
  const next: OIDCClientStatus = {
    ...withListedUses(before, status),
    ...(keepReplicas ? { replicas: before.replicas! } : {}),
    ...(status.secret
      ? {
          secret: { ...status.secret, ...(previous ? { previous } : {}), ...(keepsUse ? { lastUsed: lastUsed! } : {}) },
        }
      : {}),
  }
  const { revision: _was, ...rest } = before
  const { revision: _is, ...nextRest } = next
  return isDeepStrictEqual(rest, nextRest)
    ? before
    : { ...next, ...(status.replicas ? { replicas: status.replicas } : {}) }
}
