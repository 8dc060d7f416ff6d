// Decides the form of a token for an API, and who may introspect it.
import { signingAlgorithms } from '@nauthera/rules/algorithms'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import { isOneOf } from '@nauthera/runtime/json'
import { nameOfApi, uriOfApi } from '../../clients/api-names.ts'
import { tokenTermsAt } from '../apis/api-tokens.ts'
import { scopesAt } from '../apis/apis.ts'
import { defaultApi, judgeApis, judgeAuthorization, judgeMachine, standingScope } from '../apis/asked.ts'
import type { AskedScopes, Verdict } from '../apis/asked.ts'
import type { Apis } from '../apis/apis.ts'
import { plain } from '../apis/plain.ts'
import type { ClientInstances } from '../clients/instances.ts'
import { isPublic } from '../clients/oidc-client.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { ProtocolError } from '../protocol-error.ts'

/** The form of an access token for an API. */
export interface ApiToken {
  readonly scope: string
  readonly audience: string
  /** Seconds. */
  readonly accessTokenTTL: number
  readonly accessTokenFormat: 'opaque' | 'jwt'
  readonly jwt: { readonly sign: { readonly alg: SigningAlgorithm } }
}

/** @param needs.algorithm the default when neither API nor client names one
 *  @throws ProtocolError invalid_target for a suspended API
 *  Source: RFC 8707, RFC 9068. */
export function apiTokenOf(
  identifier: string,
  client: OidcClient,
  needs: { clients: Apis; algorithm: SigningAlgorithm },
): ApiToken {
  refuseSuspended(identifier, needs.clients)
  const { algorithm, format, seconds } = tokenTermsAt(identifier, client, needs.clients)
  return {
    scope: (scopesAt(identifier, client) ?? []).join(' '),
    audience: nameOfApi(identifier),
    accessTokenTTL: seconds,
    accessTokenFormat: format,
    jwt: { sign: { alg: isOneOf(signingAlgorithms, algorithm) ? algorithm : needs.algorithm } },
  }
}

/** @throws ProtocolError invalid_target for a suspended API */
export function refuseSuspended(identifier: string, apis: Apis): void {
  if (!apis.isSuspendedApi(identifier)) return
  const description = `the API ${plain(identifier)} is suspended: nobody gets a token for it until its owner ends that`
  throw new ProtocolError('invalid_target', { description })
}

/** @param grantType of a token request; undefined at the authorization endpoint
 *  @returns the narrowed scope of the request
 *  @throws ProtocolError invalid_scope, invalid_target */
export function scopeOfRequest(
  asked: AskedScopes,
  grantType: string | undefined,
  client: OidcClient,
  clients: Apis,
): string | undefined {
  if (grantType === undefined) return allowedScope(judgeAuthorization(asked, client, clients))
  if (grantType === 'client_credentials') return allowedScope(judgeMachine(asked, client))
  // the scope of a code or refresh token is the person's consent, which no request changes
  allowedScope(judgeApis(asked.resources, client))
  return asked.scope
}

/** The API of a token request without `resource`. With client_credentials it is the client's only audience. A person's
 *  token without `resource` is for userinfo, and opaque.
 *  @throws ProtocolError invalid_target for a machine with several audiences */
export function defaultResource(client: OidcClient, grantType: string | undefined): string | undefined {
  if (grantType !== 'client_credentials') return undefined
  const found = defaultApi(client)
  return found.kind === 'api' ? found.identifier : allowedScope(found)
}

/** @throws ProtocolError when it is refused */
export function allowedScope(verdict: Verdict): string | undefined {
  if (verdict.kind === 'refused') throw new ProtocolError(verdict.error, { description: verdict.description })
  return verdict.scope
}

/** The token's state, or why it counts as inactive; only the log has the reason. */
type Standing =
  | { readonly kind: 'told'; readonly owner: OidcClient; readonly scope: string | undefined }
  | { readonly kind: 'untold'; readonly why: string }

/** The state of a token now: its scope is limited to what its client may still have. */
export function standingFor(
  caller: OidcClient,
  token: { readonly clientId?: string | undefined } & Parameters<typeof standingScope>[0],
  clients: Pick<ClientInstances, 'registeredById' | 'findApi'>,
): Standing {
  const { clientId = '' } = token
  if (isPublic(caller.config))
    return untold(`${nameOf(caller)} is a public client, and such a client introspects nothing`)
  if (!mayIntrospect(caller, token))
    return untold(`the token is for ${apiOf(token) ?? `client ${clientId}`}, not for ${nameOf(caller)}`)
  const owner = clients.registeredById(clientId)
  if (owner === undefined) return untold(`the client ${clientId} of the token is not served any more`)
  const standing = standingScope(token, owner)
  return standing === undefined
    ? untold(`the client ${clientId} of the token may not ask for the ${apiOf(token)} any more`)
    : { kind: 'told', owner, scope: standing.scope }
}

const untold = (why: string): Standing => ({ kind: 'untold', why })

const nameOf = ({ namespace, name }: OidcClient): string => `${namespace}/${name}`

const apiOf = ({ aud }: Parameters<typeof standingScope>[0]): string | undefined =>
  aud === undefined ? undefined : `API ${[aud].flat().join(' ')}`

/** A client may introspect its own tokens, and an API the tokens that are issued for it (RFC 7662 section 4). */
function mayIntrospect(caller: OidcClient, token: { clientId?: string | undefined; aud?: unknown }): boolean {
  return token.clientId === caller.clientId || isAudience(caller, token)
}

/** Whether a client is the API that a token is for. */
export function isAudience({ config }: OidcClient, token: { readonly aud?: unknown }): boolean {
  const identifier = config.resourceServer?.identifier
  return identifier !== undefined && typeof token.aud === 'string' && uriOfApi(token.aud) === identifier
}
