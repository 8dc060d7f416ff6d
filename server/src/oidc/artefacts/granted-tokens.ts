// Records a granted token: audit event, request line and metric.
import { nameOfApi } from '../../clients/api-names.ts'
import type { RedeemedCode } from '../../clients/usage.ts'
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
  /** A client redeemed a code or device code. */
  readonly usedCode: (client: OidcClient, code: RedeemedCode) => void
}

/** @param granted.grant as sent; `other` for an unknown one */
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
  const redeemed = client && redeemedCode(grant, client, request.artefact)
  if (redeemed) usedCode(client, redeemed)
  const detail = {
    grant,
    ...(redeemed?.isProtected === false && { code: 'neither PKCE nor a nonce' }),
    ...(redeemed && redeemed.leftOut.length > 0 && { scopesLeftOut: redeemed.leftOut.join(' ') }),
    ...(request.secretTwice && { secret: 'in the header and in the body' }),
    ...(identity !== undefined && { identity }),
    ...(exchange && exchangeOf(exchange)),
  }
  const event = grant === 'refresh_token' ? 'token.refreshed' : 'token.issued'
  recordGrantedLine(request.request, audit.recordGranted({ event, ...about, detail }))
  if (!secret?.previous) return
  audit.record({ event: 'client.previous_secret_used', ...about, detail: { secret: secret.secretId } })
}

/** @returns undefined for other grants, and for a client without an object */
function redeemedCode(
  grant: string,
  { config, clientId }: OidcClient,
  artefact: RequestContext['artefact'] = {},
): RedeemedCode | undefined {
  if (!codeGrants.includes(grant) || isDocumentId(clientId)) return undefined
  const isProtected = grant === 'authorization_code' ? codeProtection(config, artefact) : undefined
  return { isProtected, leftOut: leftOutOf(artefact) }
}

const codeGrants: readonly string[] = ['authorization_code', 'device_code']

const exchangeOf = ({ api, subject, act }: ExchangedToken) => ({
  api: nameOfApi(api),
  from: subject.clientId,
  acting: chainOf(act).join(' for '),
})
