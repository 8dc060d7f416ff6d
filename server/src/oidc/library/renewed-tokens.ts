import type { RenewTokens } from '../lane/refresh.ts'
import { claimsAt } from './accounts.ts'
import { runInRequest } from './current-request.ts'
import type { LibraryNeeds } from './needs.ts'
import type { Internals } from './shapes.ts'

/** @returns what makes the tokens that follow a refresh token by the library's own classes, as it does itself when it answers: a repeated
 *  request must get the same refresh token from either, to the byte */
export function createRenewedTokens(
  { RefreshToken, IdToken, Client }: Internals,
  { clients }: Pick<LibraryNeeds, 'clients'>,
): RenewTokens {
  return (context, { client: entry, used, user, scope }) =>
    runInRequest(context, async () => {
      const client = clients.build(Client, entry)
      const next = new RefreshToken({
        accountId: used.accountId,
        acr: used.acr,
        amr: used.amr,
        authTime: used.authTime,
        client,
        expiresWithSession: used.expiresWithSession,
        iiat: used.iiat,
        grantId: used.grantId,
        gty: used.gty.endsWith('refresh_token') ? used.gty : `${used.gty} refresh_token`,
        nonce: used.nonce,
        resource: used.resource,
        rotations: (used.rotations ?? 0) + 1,
        scope: used.scope,
        sessionUid: used.sessionUid,
        sid: used.sid,
      })
      const claims = { ...claimsAt(entry.config, user), acr: used.acr, amr: used.amr, auth_time: used.authTime }
      const idToken = new IdToken(claims, { client })
      idToken.scope = scope
      idToken.mask = {}
      idToken.set('nonce', used.nonce)
      idToken.set('sid', used.sid)
      return { refresh: await next.save(), id: await idToken.issue({ use: 'idtoken' }) }
    })
}
