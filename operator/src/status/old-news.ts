// Leaves minor changes out of a status, so that it is not written all the time.
import { isDeepStrictEqual } from 'node:util'
import type { OIDCClientStatus } from '../api/client-status.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import { withKeptUses } from '../decide/status/last-use.ts'

/** Keeps the last written value of fields that change all the time: the revision until something else changes, the number of replicas
 *  unless some lack the client, the last use until it is old (last-use.ts).
 *  @param awaitsDisuse a previous secret stays valid only because it is used */
export function withoutMinorNews(client: OIDCClient, status: OIDCClientStatus, awaitsDisuse = false): OIDCClientStatus {
  const before = client.status
  if (!before) return status
  // 0/0 is reported: no replica is left
  const isWhole = (replicas: OIDCClientStatus['replicas']) =>
    replicas !== undefined && replicas.total > 0 && replicas.loaded === replicas.total
  const keepReplicas = isWhole(before.replicas) && isWhole(status.replicas)
  const next: OIDCClientStatus = {
    ...withKeptUses(before, status, awaitsDisuse),
    ...(keepReplicas ? { replicas: before.replicas! } : {}),
  }
  const { revision: _was, ...rest } = before
  const { revision: _is, ...nextRest } = next
  return isDeepStrictEqual(rest, nextRest)
    ? before
    : { ...next, ...(status.replicas ? { replicas: status.replicas } : {}) }
}
