import { federatedMethod } from '@nauthera/rules/client-authentication'
import { serviceAccountOf } from '@nauthera/rules/identities'
import { errors } from 'oidc-provider'
import { readClaims } from '../../clients/platform-token.ts'
import type { TokenClaims } from '../../clients/platform-token.ts'
import type { OidcClient } from '../../clients/oidc-client.ts'
import type { OverrideNeeds } from '../override.ts'
import type { Context, Params } from '../shapes.ts'

type Needs = Pick<OverrideNeeds, 'clients' | 'platforms'>

const assertion = 'urn:ietf:params:oauth:client-assertion-type:'
const types: readonly string[] = [`${assertion}jwt-bearer`, `${assertion}jwt-spiffe`]

interface Shown {
  readonly token: string
  readonly client: OidcClient
}

/** By `context.oidc`: what stands in the parameters instead could be sent by anybody. */
const shown = new WeakMap<object, Shown>()

/** @returns the token that this request shows in the place of a secret, and the client that it is for */
export const platformTokenOf = (context: Context): Shown | undefined => shown.get(context.oidc)

/** The library wants client assertions whose issuer and subject are the client. A platform's token names neither, so it is taken out, and
 *  the client that it is for stands there as one that shows a secret (overrides/compare-secrets proves it). */
export function takePlatformTokens(context: Context, params: Params, needs: Needs): void {
  const before = shown.get(context.oidc)
  // the parameters of a pushed request, which are assembled after the client has proved itself
  if (before !== undefined) return void (params['client_id'] = before.client.clientId)
  const { client_assertion: token, client_assertion_type: type, client_id: id } = params
  if (typeof token !== 'string' || typeof type !== 'string' || !types.includes(type)) return
  // two proofs at once: the library refuses that
  if (params['client_secret'] !== undefined || context.headers.authorization !== undefined) return
  const claims = readClaims(token)
  if (claims === undefined || (id !== undefined && typeof id !== 'string')) return
  const client = clientFor(claims, id, needs)
  if (client === undefined) return
  shown.set(context.oidc, { token, client })
  Object.assign(params, {
    client_id: client.clientId,
    client_secret: 'a token of its platform',
    client_assertion: undefined,
    client_assertion_type: undefined,
  })
}

/** @param id of the request: that of the client, or the subject of the token, or nothing
 *  @returns the client that the token is for; undefined for any other assertion, which is left to the library
 *  @throws errors.InvalidClientAuth for a token of a platform that is nobody's */
function clientFor(claims: TokenClaims, id: string | undefined, needs: Needs): OidcClient | undefined {
  const named = id === undefined ? undefined : needs.clients.registeredById(id)
  if (named !== undefined) return isFederated(named) ? named : undefined
  const { iss, sub } = claims
  if (typeof iss !== 'string' || typeof sub !== 'string' || !needs.platforms.knows(iss)) return undefined
  if (id !== undefined && id !== sub) return undefined
  const account = serviceAccountOf(sub)
  const [client, ...more] = account === undefined ? [] : needs.clients.ofServiceAccount(account)
  if (client !== undefined && more.length === 0) return client
  throw new errors.InvalidClientAuth(client === undefined ? 'no-client' : 'several-clients')
}

const isFederated = ({ config }: OidcClient): boolean => config.tokenEndpointAuthMethod === federatedMethod
