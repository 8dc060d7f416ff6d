import { errors } from 'oidc-provider'
import { meantClient, platformAssertions } from '../../authentication/platform-client.ts'
import { readClaims } from '../../authentication/platform-token.ts'
import type { OidcClient } from '../../clients/oidc-client.ts'
import type { Context, Params } from '../shapes.ts'
import type { ParamsNeeds } from './params-watcher.ts'

interface Shown {
  readonly token: string
  readonly client: OidcClient
}

/** By `context.oidc`: what stands in the parameters instead could be sent by anybody. */
const shown = new WeakMap<object, Shown>()

/** @returns the token that this request shows in the place of a secret, and the client that it is for */
export const platformTokenOf = (context: Context): Shown | undefined => shown.get(context.oidc)

/** Accepts platform tokens as client assertions. The library requires the client as issuer and subject, so the token is replaced by a
 *  secret of the client, which overrides/compare-secrets verifies.
 *  @throws errors.InvalidClientAuth for a platform token without a client */
export function acceptPlatformTokens(context: Context, params: Params, needs: ParamsNeeds): void {
  const before = shown.get(context.oidc)
  // the parameters of a pushed request, which are assembled after the client has proved itself
  if (before !== undefined) return void (params['client_id'] = before.client.clientId)
  const { client_assertion: token, client_assertion_type: type, client_id: id } = params
  if (typeof token !== 'string' || typeof type !== 'string' || !platformAssertions.includes(type)) return
  // two proofs at once: the library refuses that
  if (params['client_secret'] !== undefined || context.headers.authorization !== undefined) return
  const claims = readClaims(token)
  if (claims === undefined || (id !== undefined && typeof id !== 'string')) return
  const meant = meantClient(claims, id, needs)
  if (meant.kind === 'refused') throw new errors.InvalidClientAuth(meant.why)
  if (meant.kind === 'none') return
  const { client } = meant
  shown.set(context.oidc, { token, client })
  Object.assign(params, {
    client_id: client.clientId,
    client_secret: 'a token of its platform',
    client_assertion: undefined,
    client_assertion_type: undefined,
  })
}
