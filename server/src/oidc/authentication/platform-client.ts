// Finds the client that a platform token is presented for, before the token is verified.
import { federatedMethod } from '@nauthera/rules/client-authentication'
import { serviceAccountOf } from '@nauthera/rules/identities'
import type { ClientInstances } from '../clients/instances.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { PlatformProofs } from './platform-proof.ts'
import type { TokenClaims } from './platform-token.ts'

const assertion = 'urn:ietf:params:oauth:client-assertion-type:'
/** The allowed values of client_assertion_type. */
export const platformAssertions: readonly string[] = [`${assertion}jwt-bearer`, `${assertion}jwt-spiffe`]

export type MeantClient =
  | { readonly kind: 'client'; readonly client: OidcClient }
  /** Any other assertion. */
  | { readonly kind: 'none' }
  /** A platform token without a matching client. */
  | { readonly kind: 'refused'; readonly why: 'no-client' | 'several-clients' }

/** @param id the request's client_id: the client, the subject of the token, or none */
export function meantClient(
  { iss, sub }: TokenClaims,
  id: string | undefined,
  needs: {
    readonly clients: Pick<ClientInstances, 'registeredById' | 'ofServiceAccount'>
    readonly platforms: Pick<PlatformProofs, 'knows'>
  },
): MeantClient {
  const named = id === undefined ? undefined : needs.clients.registeredById(id)
  if (named !== undefined) return isFederated(named) ? { kind: 'client', client: named } : none
  if (typeof iss !== 'string' || typeof sub !== 'string' || !needs.platforms.knows(iss)) return none
  if (id !== undefined && id !== sub) return none
  const account = serviceAccountOf(sub)
  const [client, ...more] = account === undefined ? [] : needs.clients.ofServiceAccount(account)
  if (client !== undefined && more.length === 0) return { kind: 'client', client }
  return { kind: 'refused', why: client === undefined ? 'no-client' : 'several-clients' }
}

const none: MeantClient = { kind: 'none' }

const isFederated = ({ config }: OidcClient): boolean => config.tokenEndpointAuthMethod === federatedMethod
