// What is told of a token that was granted, whoever answered the request: the audit event, the line of the request, the metric.
import type { Fields } from '@nauthera/runtime/log'
import type { AuditEvent } from '../../store/audit.ts'
import { chainOf } from '../clients/exchange.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { auditedRequest } from '../request-context.ts'
import type { Exchanged, RequestContext } from '../request-context.ts'
import { keepGranted } from '../request-line.ts'

export interface GrantEvents {
  readonly audit: { record(event: AuditEvent): void; recordGranted(event: AuditEvent): Fields }
  /** Counts a finished token request. @param outcome `ok`, or the OAuth error code */
  readonly counted: (grant: string, outcome: string) => void
}

/** @param granted.grant as it is sent, `other` for one that nobody knows */
export function recordGranted(
  request: RequestContext,
  granted: { grant: string; client: Pick<OidcClient, 'clientId' | 'uid'> | undefined; userId?: string | undefined },
  { audit, counted }: GrantEvents,
): void {
  const { grant, client, userId } = granted
  const { secret, identity, exchange } = request
  const about = {
    outcome: 'success',
    ...(client && { clientId: client.clientId, clientUid: client.uid }),
    ...(userId !== undefined && { userId }),
    ...auditedRequest(request),
  } as const
  counted(grant, 'ok')
  const detail = { grant, ...(identity !== undefined && { identity }), ...(exchange && exchangeOf(exchange)) }
  const event = grant === 'refresh_token' ? 'token.refreshed' : 'token.issued'
  keepGranted(request.request, audit.recordGranted({ event, ...about, detail }))
  if (!secret?.previous) return
  audit.record({ event: 'client.previous_secret_used', ...about, detail: { secret: secret.secretId } })
}

const exchangeOf = ({ api, subject, act }: Exchanged) => ({
  api,
  from: subject.clientId,
  acting: chainOf(act).join(' for '),
})
