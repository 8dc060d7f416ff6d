import type { GrantedAccount } from '../../store/sessions/accounts.ts'
import type { StoredGrant as GrantRow, GrantOwner } from '../../store/tokens/grants.ts'
import { counts, mayServe } from '../../store/tokens/what-counts.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import { acrOfArtefact } from '../acr.ts'
import { termsOf } from '../clients/access.ts'
import { personScopes, scopesAt } from '../apis/apis.ts'
import { standingDetails } from '../apis/details.ts'
import type { Details } from '../apis/details.ts'
import type { ClientInstances } from '../clients/instances.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { RequestContext } from '../request-context.ts'
import { narrowed } from './grants.ts'
import type { GrantPayload } from './grants.ts'

/** Loads a grant as it counts now, limited to what its client may still have.
 *  @param loaded the person, with the grant
 *  @param by.artefact the presented code or token
 *  @returns undefined unless the person and all clients of the grant still count */
export async function standingGrant(
  loaded: GrantedAccount | undefined,
  clients: ClientInstances,
  by: { readonly artefact: RequestContext['artefact']; readonly secondFactor: SecondFactorPolicy },
): Promise<{ readonly row: GrantRow; readonly payload: GrantPayload } | undefined> {
  const row = loaded?.grant
  if (!loaded || !row) return undefined
  const owners = [...loaded.grantFrom, row]
  for (const { clientId } of owners) await clients.ensure(clientId)
  const acr = acrOfArtefact(by.artefact)
  const client = ownerOf(owners, clients, (one) => {
    const terms = termsOf(one, acr, by.secondFactor)
    if (terms === undefined) return false
    return one.uid === row.clientUid ? counts(loaded, terms) : mayServe(loaded, terms)
  })
  if (client === undefined) return undefined
  const may = {
    person: personScopes(client.config),
    at: (api: string) => scopesAt(api, client),
    details: (granted: Details) => standingDetails(granted, client, clients),
  }
  return { row, payload: narrowed(row.payload, may) }
}

/** @param owners clients of the grant, after those of the grants that it was exchanged from
 *  @returns the client of the grant; undefined unless each owner is registered, may serve the person, and may call the next one's API */
function ownerOf(
  owners: readonly GrantOwner[],
  clients: ClientInstances,
  mayServe: (client: OidcClient) => boolean,
): OidcClient | undefined {
  let before: OidcClient | undefined
  for (const { clientId, clientUid } of owners) {
    const client = clients.registeredById(clientId)
    if (client?.uid !== clientUid || !mayServe(client)) return undefined
    if (before && scopesAt(client.config.resourceServer?.identifier ?? '', before) === undefined) return undefined
    before = client
  }
  return before
}
