// Mints logout tokens with the library.
import { randomUUID } from 'node:crypto'
import type { LogoutOf } from '../artefacts/back-channel.ts'
import { createSubjectIn, pairwiseSector } from '../clients/subjects.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { LibraryNeeds } from './needs.ts'
import type { Internals } from './shapes.ts'

/** @returns a logout token for a client: signed as its ID tokens are, with the `sub` that it got in the session, though its sector may be another one
 *  by now: the subject there is nothing that it has met. It lives for 120 s, so there is a new
 *  one for each try.
 *  Source: OpenID Connect Back-Channel Logout 1.0 section 2.4. */
export type MintLogoutToken = (client: OidcClient, of: LogoutOf) => Promise<string>

export function createLogoutTokens(
  { IdToken, Client }: Internals,
  { clients, keys }: Pick<LibraryNeeds, 'clients' | 'keys'>,
): MintLogoutToken {
  const subjectIn = createSubjectIn(keys.pairwise)
  return async (entry, { accountId, sid, sector }) => {
    const token = new IdToken({ sub: accountId }, { client: clients.build(Client, entry) })
    if (sector !== undefined) token.set('sub', subjectIn(sector === '' ? undefined : sector, accountId))
    // a sector that nobody knows: a public subject is the same in all of them, and else `sid` alone says who it was
    else if (pairwiseSector(entry.config) === undefined) token.set('sub', accountId)
    token.set('events', { 'http://schemas.openid.net/event/backchannel-logout': {} })
    token.set('jti', randomUUID())
    token.set('sid', sid)
    return (await token.issue({ use: 'logout' }))!
  }
}
