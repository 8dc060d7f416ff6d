import { randomUUID } from 'node:crypto'
import type { LogoutOf } from '../artefacts/back-channel.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { LibraryNeeds } from './needs.ts'
import type { Internals } from './shapes.ts'

/** @returns a logout token for a client: signed as its ID tokens are, with the `sub` that it knows. It lives for 120 s, so there is a new
 *  one for each try.
 *  Source: OpenID Connect Back-Channel Logout 1.0 section 2.4. */
export type MintLogoutToken = (client: OidcClient, of: LogoutOf) => Promise<string>

export function createLogoutTokens(
  { IdToken, Client }: Internals,
  { clients }: Pick<LibraryNeeds, 'clients'>,
): MintLogoutToken {
  return async (entry, { accountId, sid }) => {
    const token = new IdToken({ sub: accountId }, { client: clients.build(Client, entry) })
    token.mask = { sub: null }
    token.set('events', { 'http://schemas.openid.net/event/backchannel-logout': {} })
    token.set('jti', randomUUID())
    token.set('sid', sid)
    return token.issue({ use: 'logout' })
  }
}
