// Builds the lane's tokens with the library's classes.
import type { MakeTokens } from '../lane/person-tokens.ts'
import { claimsAt } from './accounts.ts'
import { runInRequest } from './current-request.ts'
import type { LibraryNeeds } from './needs.ts'
import type { Internals } from './shapes.ts'

/** @returns a function that builds the tokens of a code or refresh token with the library's classes: a repeated refresh must get the same
 *  bytes from lane and library */
export function createMadeTokens(
  { RefreshToken, IdToken, Client }: Internals,
  { clients }: Pick<LibraryNeeds, 'clients'>,
): MakeTokens {
  return (context, { client: entry, source, user, scope, gty, refresh }) =>
    runInRequest(context, async () => {
      const client = clients.build(Client, entry)
      const next =
        refresh &&
        new RefreshToken({
          accountId: source.accountId,
          acr: source.acr,
          amr: source.amr,
          authTime: source.authTime,
          client,
          expiresWithSession: source.expiresWithSession,
          iiat: refresh.iiat,
          grantId: source.grantId,
          gty,
          resource: source.resource,
          rotations: refresh.rotations,
          scope: source.scope,
          sessionUid: source.sessionUid,
          sid: source.sid,
        })
      const claims = { ...claimsAt(entry.config, user), acr: source.acr, amr: source.amr, auth_time: source.authTime }
      const idToken = new IdToken(claims, { client })
      idToken.scope = scope
      idToken.mask = {}
      idToken.set('nonce', source.nonce)
      idToken.set('sid', source.sid)
      // the lane has only tokens with `openid`
      return { refresh: await next?.save(), id: (await idToken.issue({ use: 'idtoken' }))! }
    })
}
