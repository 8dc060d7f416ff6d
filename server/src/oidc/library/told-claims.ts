// Selects the claims of userinfo with the library's own class.
import type { TellClaims } from '../lane/userinfo.ts'
import { claimsAt } from './accounts.ts'
import type { LibraryNeeds } from './needs.ts'
import type { Internals } from './shapes.ts'

/** @returns what picks the claims of userinfo by the library's own class, as it does itself when it answers */
export function createToldClaims(
  { Claims, Client }: Internals,
  { clients }: Pick<LibraryNeeds, 'clients'>,
): TellClaims {
  return async (entry, user, scope) => {
    const client = clients.build(Client, entry)
    // what is encrypted is signed, too
    if (client.userinfoSignedResponseAlg !== undefined) return undefined
    const told = new Claims(claimsAt(entry.config, user), { client })
    told.scope(scope)
    return told.result()
  }
}
