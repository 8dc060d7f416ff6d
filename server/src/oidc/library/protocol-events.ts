import type { EventEmitter } from 'node:events'
import type Provider from 'oidc-provider'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Log } from '@nauthera/runtime/log'
import type { AuditEvent, AuditName } from '../../store/audit.ts'
import type { ClientInstances } from '../clients/instances.ts'
import { currentRequest } from '../request-context.ts'

export interface ProtocolEvents {
  readonly log: Log
  readonly clients: ClientInstances
  readonly audit: { record(event: AuditEvent): void }
  /** A token request ended. @param outcome `ok`, or the error of the protocol */
  readonly counted: (grant: string, outcome: string) => void
}

const grants = new Set(['authorization_code', 'refresh_token', 'client_credentials'])

/** A label of few values, whatever a caller sends. */
function grantOf(context: KoaContextWithOIDC): string {
  const grant = context.oidc?.params?.['grant_type']
  return typeof grant === 'string' && grants.has(grant) ? grant : 'other'
}

type ProtocolError = Error & { error?: string; error_detail?: string; error_description?: string }

/** Turns the library's events into audit records and metrics. */
export function listenToProtocol(provider: Provider, events: ProtocolEvents): void {
  const { log, audit, counted } = events
  const record = (context: KoaContextWithOIDC, event: AuditName, more: Partial<AuditEvent>) => {
    const { correlationId, peer } = currentRequest()
    const { client, account } = context.oidc
    audit.record({
      event,
      outcome: 'success',
      ...(client === undefined ? {} : { clientId: client.clientId, clientUid: events.clients.registered(client).uid }),
      ...(account === undefined ? {} : { userId: account.accountId }),
      address: peer.address,
      agent: peer.userAgent,
      correlationId,
      ...more,
    })
  }
  provider.on('grant.success', (context: KoaContextWithOIDC) => {
    const grant = grantOf(context)
    const { secret } = currentRequest()
    counted(grant, 'ok')
    record(context, grant === 'refresh_token' ? 'token.refreshed' : 'token.issued', { detail: { grant } })
    if (secret?.previous) record(context, 'client.previous_secret_used', { detail: { secret: secret.secretId } })
  })
  const refused = (context: KoaContextWithOIDC, error: ProtocolError) => {
    counted(grantOf(context), error.error ?? 'server_error')
    const event = error.error === 'invalid_client' ? 'client.auth_failed' : 'token.refused'
    record(context, event, {
      outcome: 'failure',
      reason: error.error_detail ?? error.error_description ?? error.message,
    })
  }
  const on = (event: string, listener: (context: KoaContextWithOIDC, error: ProtocolError) => void) =>
    void (provider as unknown as EventEmitter).on(event, listener)
  for (const endpoint of ['grant', 'introspection', 'revocation', 'pushed_authorization_request'])
    on(`${endpoint}.error`, refused)
  on('authorization.error', (context, error) => {
    record(context, 'authorization.refused', { outcome: 'failure', reason: error.error_description ?? error.message })
    if (error.error === 'invalid_redirect_uri') {
      const { client, params } = context.oidc
      log.warn(
        { client: client?.clientId, got: params?.['redirect_uri'], registered: client?.redirectUris },
        'redirect URI not registered',
      )
    }
  })
  provider.on('grant.revoked', (context: KoaContextWithOIDC) => {
    if (context.oidc.route === 'revocation') record(context, 'token.revoked', {})
  })
  provider.on('server_error', (context: KoaContextWithOIDC, error: Error) => {
    const { unavailable, correlationId } = currentRequest()
    if (!unavailable)
      log.error(
        { error, correlation: correlationId, route: context.oidc?.route, at: error.stack?.split('\n')[1]?.trim() },
        'protocol failed',
      )
  })
}
