import { grantTypes, wireGrant } from '@nauthera/rules/grants'
import { foreignUri } from '@nauthera/runtime/log'
import { errors } from 'oidc-provider'
import type Provider from 'oidc-provider'
import type { AuditEvent, AuditName } from '../../store/audit/audit-event.ts'
import { recordGranted } from '../artefacts/granted-tokens.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { auditedRequest } from '../request-context.ts'
import { currentRequest } from './current-request.ts'
import { certificateReason } from './mutual-tls.ts'
import type { LibraryNeeds } from './needs.ts'
import { refusalOf, wordsOf } from './refusals.ts'
import type { OAuthFault } from './refusals.ts'
import { clientOf, emitterOf, parameterOf } from './shapes.ts'
import type { Context } from './shapes.ts'
import { shownClientId } from './shown-client.ts'

type Needs = Pick<LibraryNeeds, 'events' | 'clients'>

const grants = new Map<string, string>(grantTypes.map((grant) => [wireGrant(grant), grant]))

/** A metric label must have few values, whatever a caller sends. */
function grantLabel(context: Context): string {
  const grant = parameterOf(context, 'grant_type')
  return grants.get(grant ?? '') ?? 'other'
}

/** Turns the library's events into audit records and metrics. */
export function listenToProtocol(provider: Provider, needs: Needs): void {
  const emitter = emitterOf(provider)
  const on = (event: string, listener: (context: Context, error: OAuthFault) => void) =>
    void emitter.on(event, listener)
  on('grant.success', (context) => granted(needs, context))
  for (const endpoint of [
    'grant',
    'introspection',
    'revocation',
    'pushed_authorization_request',
    'device_authorization',
  ])
    on(`${endpoint}.error`, (context, error) => refused(needs, context, error))
  on('authorization.error', (context, error) => authorizationRefused(needs, context, error))
  on('device_resume.error', (context, error) => authorizationRefused(needs, context, error))
  on('userinfo.error', (context, error) => {
    // the only fault there that is the client's own: who shows no good token has told nobody which client it is
    if (error instanceof errors.InvalidClientMetadata)
      record(needs, context, 'userinfo.refused', { outcome: 'failure', reason: error.error_description })
  })
  on('grant.revoked', (context) => {
    if (context.oidc.route === 'revocation') record(needs, context, 'token.revoked')
  })
  on('server_error', (context, error) => failed(needs, context, error))
}

function granted({ clients, events }: Needs, context: Context): void {
  const { client, account } = context.oidc
  const entry = client && clients.registered(clientOf(context))
  recordGranted(currentRequest(), { grant: grantLabel(context), client: entry, userId: account?.accountId }, events)
}

function refused(needs: Needs, context: Context, error: OAuthFault): void {
  needs.events.counted(grantLabel(context), error.error ?? 'server_error')
  // not a refusal: the device asks again
  if (error.error === 'authorization_pending') return
  const event = error.error === 'invalid_client' ? 'client.auth_failed' : 'token.refused'
  const reason = certificateReason(wordsOf(error))
  record(needs, context, event, { outcome: 'failure', reason })
  countRefusal(needs, context, error, true)
}

/** @param provesClients the endpoint is one at which programs prove themselves */
function countRefusal({ clients, events }: Needs, context: Context, error: OAuthFault, provesClients: boolean): void {
  const client = meantClient(clients, context)
  // of an answer that may be thrown away: the request is judged again then
  if (client === undefined || currentRequest().deferred !== undefined) return
  const refusal = refusalOf(error, { context, client, provesClients })
  if (refusal !== undefined) events.refused(client, { ...refusal, from: currentRequest().peer.address })
}

/** The client that the library has found. Else, since it refuses much before that, the one that the request names. */
function meantClient(clients: Needs['clients'], context: Context): OidcClient | undefined {
  if (context.oidc?.client !== undefined) return clients.registered(clientOf(context))
  return clients.registeredById(shownClientId(context) ?? '')
}

function authorizationRefused(needs: Needs, context: Context, error: OAuthFault): void {
  const reason = error.error_description ?? error.message
  record(needs, context, 'authorization.refused', { outcome: 'failure', reason })
  countRefusal(needs, context, error, false)
  if (error.error !== 'invalid_redirect_uri') return
  const { client, params } = context.oidc
  needs.events.log.warn(
    { client: client?.clientId, got: foreignUri(String(params?.['redirect_uri'])), registered: client?.redirectUris },
    'redirect URI not registered',
  )
}

function failed({ events }: Needs, context: Context, error: Error): void {
  const { unavailable, correlationId } = currentRequest()
  if (unavailable) return
  events.log.error(
    { error, correlation: correlationId, route: context.oidc?.route, at: error.stack?.split('\n')[1]?.trim() },
    'a protocol request failed with an unexpected error',
  )
}

function record(needs: Needs, context: Context, event: AuditName, more: Partial<AuditEvent> = {}): void {
  const { account } = context.oidc
  const client = meantClient(needs.clients, context)
  const { deferred } = currentRequest()
  const tell = (entry: AuditEvent) => (deferred ? void deferred.push(entry) : needs.events.audit.record(entry))
  tell({
    event,
    outcome: 'success',
    ...(client === undefined ? {} : { clientId: client.clientId, clientUid: client.uid }),
    ...(account === undefined ? {} : { userId: account.accountId }),
    ...auditedRequest(currentRequest()),
    ...more,
  })
}
