// Leaves minor changes out of a status, so that it is not written all the time.
import { isDeepStrictEqual } from 'node:util'
import type { OIDCClientStatus } from '../api/client-status.ts'
import type { OIDCClient } from '../api/oidc-client.ts'

/** How often the last use of a previous secret is written. Milliseconds. */
const usageMs = 3_600_000
const usageWaitingMs = 60_000
/** How often the last use of any secret is written. Milliseconds. */
const anyUseMs = 86_400_000

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
    ...status,
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
