// What is told of a token that was granted, whoever answered the request: the audit event, the line of the request, the metric.
import { nameOfApi } from '../../clients/api-names.ts'
import type { Fields } from '@nauthera/runtime/log'
import type { AuditEvent } from '../../store/audit.ts'
import { chainOf } from '../clients/exchange.ts'
import { codeProtection } from '../clients/code-binding.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { auditedRequest } from '../request-context.ts'
import type { Exchanged, RequestContext } from '../request-context.ts'
import { keepGranted } from '../request-line.ts'

export interface GrantEvents {
  readonly audit: { record(event: AuditEvent): void; recordGranted(event: AuditEvent): Fields }
  /** Counts a finished token request. @param outcome `ok`, or the OAuth error code */
  readonly counted: (grant: string, outcome: string) => void
  /** A client has redeemed a code that may lack protection. */
  readonly usedCode: (client: OidcClient, isProtected: boolean) => void
}

/** @param granted.grant as it is sent, `other` for one that nobody knows */
export function recordGranted(
  request: RequestContext,
  granted: { grant: string; client: OidcClient | undefined; userId?: string | undefined },
  { audit, counted, usedCode }: GrantEvents,
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
  const isProtected =
    client && grant === 'authorization_code' ? codeProtection(client.config, request.artefact ?? {}) : undefined
  if (isProtected !== undefined) usedCode(client!, isProtected)
  const detail = {
    grant,
    ...(isProtected === false && { code: 'neither PKCE nor a nonce' }),
    ...(identity !== undefined && { identity }),
    ...(exchange && exchangeOf(exchange)),
  }
  const event = grant === 'refresh_token' ? 'token.refreshed' : 'token.issued'
  keepGranted(request.request, audit.recordGranted({ event, ...about, detail }))
  if (!secret?.previous) return
  audit.record({ event: 'client.previous_secret_used', ...about, detail: { secret: secret.secretId } })
}

const exchangeOf = ({ api, subject, act }: Exchanged) => ({
  api: nameOfApi(api),
  from: subject.clientId,
  acting: chainOf(act).join(' for '),
})
