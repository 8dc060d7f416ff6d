// Records a granted token: audit event, request line and metric.
import { nameOfApi } from '../../clients/api-names.ts'
import type { SeenTokenRequest } from '../../clients/usage.ts'
import type { Fields } from '@nauthera/runtime/log'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import { chainOf } from '../apis/exchange.ts'
import { codeProtection } from '../clients/code-binding.ts'
import { leftOutOf } from '../apis/left-out.ts'
import { isDocumentId } from '../clients/metadata-document.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { auditedRequest } from '../request-context.ts'
import type { ExchangedToken, RequestContext } from '../request-context.ts'
import { recordGrantedLine } from '../request-line.ts'

export interface GrantEvents {
  readonly audit: { record(event: AuditEvent): void; recordGranted(event: AuditEvent): Fields }
  /** Counts a finished token request. @param outcome `ok`, or the OAuth error code */
  readonly counted: (grant: string, outcome: string) => void
  /** A client got a token. */
  readonly gotToken: (client: OidcClient, seen: SeenTokenRequest) => void
}

/** @param granted.grant as sent; `other` for an unknown one */
export function recordGranted(
  request: RequestContext,
  granted: { grant: string; client: OidcClient | undefined; userId?: string | undefined },
  { audit, counted, gotToken }: GrantEvents,
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
  const seen = client && seenIn(grant, client, request)
  if (seen) gotToken(client, seen)
  const detail = {
    grant,
    ...(seen?.isProtected === false && { code: 'neither PKCE nor a nonce' }),
    ...(seen?.leftOut?.length && { scopesLeftOut: seen.leftOut.join(' ') }),
    ...(seen?.isSecretTwice && { secret: 'in the header and in the body' }),
    ...(identity !== undefined && { identity }),
    ...(exchange && exchangeOf(exchange)),
  }
  const event = grant === 'refresh_token' ? 'token.refreshed' : 'token.issued'
  recordGrantedLine(request.request, audit.recordGranted({ event, ...about, detail }))
  if (!secret?.previous) return
  audit.record({ event: 'client.previous_secret_used', ...about, detail: { secret: secret.secretId } })
}

/** @returns undefined for a client without an object */
function seenIn(
  grant: string,
  { config, clientId }: OidcClient,
  { artefact = {}, secret, secretTwice }: RequestContext,
): SeenTokenRequest | undefined {
  if (isDocumentId(clientId)) return undefined
  return {
    isProtected: grant === 'authorization_code' ? codeProtection(config, artefact) : undefined,
    leftOut: codeGrants.includes(grant) ? leftOutOf(artefact) : undefined,
    isSecretTwice: secret && secretTwice === true,
  }
}

const codeGrants: readonly string[] = ['authorization_code', 'device_code']

const exchangeOf = ({ api, subject, act }: ExchangedToken) => ({
  api: nameOfApi(api),
  from: subject.clientId,
  acting: chainOf(act).join(' for '),
})
