// What is no news to people: values that change all the time.
import { isDeepStrictEqual } from 'node:util'
import type { OIDCClientStatus } from '../api/client-status.ts'
import type { OIDCClient } from '../api/oidc-client.ts'

/** How often the last use of a previous secret is written; and while the end of that secret waits for it. Milliseconds. */
const usageMs = 3_600_000
const usageWaitingMs = 60_000

/** Some values change all the time. Each is written only when people learn something from it: the revision together with other news;
 *  the number of replicas when some lack the client; the last use when the written one is old.
 *  @param awaitsDisuse nothing but the use of a previous secret keeps it valid */
export function withoutMinorNews(client: OIDCClient, status: OIDCClientStatus, awaitsDisuse = false): OIDCClientStatus {
  const before = client.status
  if (!before) return status
  // 0/0 is not whole: that no replica is left is news
  const isWhole = (replicas: OIDCClientStatus['replicas']) =>
    replicas !== undefined && replicas.total > 0 && replicas.loaded === replicas.total
  const keepReplicas = isWhole(before.replicas) && isWhole(status.replicas)
  const previous = status.secret?.previous?.map((entry) => {
    const old = before.secret?.previous?.find(({ id }) => id === entry.id)
    const age = Date.parse(entry.lastUsed ?? '') - Date.parse(old?.lastUsed ?? '')
    return age < (awaitsDisuse ? usageWaitingMs : usageMs) ? { ...entry, lastUsed: old!.lastUsed! } : entry
  })
  const next: OIDCClientStatus = {
    ...status,
    ...(keepReplicas ? { replicas: before.replicas! } : {}),
    ...(previous ? { secret: { ...status.secret, previous } } : {}),
  }
  const { revision: _was, ...rest } = before
  const { revision: _is, ...nextRest } = next
  return isDeepStrictEqual(rest, nextRest)
    ? before
    : { ...next, ...(status.replicas ? { replicas: status.replicas } : {}) }
}
