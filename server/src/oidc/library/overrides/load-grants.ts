import type { GrantOwner } from '../../../store/grants.ts'
import { grantFromRow, narrowed } from '../../artefacts/grants.ts'
import { accessOf } from '../../clients/access.ts'
import { personScopes, scopesAt } from '../../clients/apis.ts'
import { standingDetails } from '../../clients/details.ts'
import type { Details } from '../../clients/details.ts'
import type { ClientInstances } from '../../clients/instances.ts'
import type { OidcClient } from '../../clients/oidc-client.ts'
import { loadAccountOfArtefact } from '../../load-account.ts'
import { currentRequest, fromStore } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { currentContext } from '../shapes.ts'
import type { Internals } from '../shapes.ts'

/** Grant.find: loads grant, account and session in one query. The request keeps the result for `findAccount`. The
 *  library gets the grant as far as the client may have it now. */
export function loadGrants({ Grant }: Internals, { users, clients }: Pick<OverrideNeeds, 'users' | 'clients'>): void {
  replace(Grant, 'find', () => async (grantId) => {
    const request = currentRequest()
    const { artefact } = request
    if (artefact?.['grantId'] !== grantId) return undefined
    const loaded = await fromStore(() => loadAccountOfArtefact(request, users))
    const row = loaded?.grant
    if (!loaded || !row) return undefined
    const owners = [...loaded.grantFrom, row]
    for (const { clientId } of owners) await clients.ensure(clientId)
    const client = ownerOf(owners, loaded.user.groups, clients)
    if (client === undefined) return undefined
    // a refresh token that was replaced is not active; at the token endpoint the rotation itself decides
    const { route } = currentContext().oidc
    if (artefact['kind'] === 'RefreshToken' && route === 'introspection' && loaded.family?.seq !== artefact['seq'])
      return undefined
    const may = {
      person: personScopes(client.config),
      at: (api: string) => scopesAt(api, client, clients),
      details: (granted: Details) => standingDetails(granted, client, clients),
    }
    return new Grant({ ...grantFromRow(row), ...narrowed(row.payload, may) })
  })
}

/** @param owners of the grant, after those of the grants that it came from by exchange
 *  @returns the client of the grant; undefined unless each of them is still registered and may serve the person, and may call the API that
 *  is the next one: that one exchanged its token */
function ownerOf(
  owners: readonly GrantOwner[],
  groups: readonly string[],
  clients: ClientInstances,
): OidcClient | undefined {
  let before: OidcClient | undefined
  for (const { clientId, clientUid } of owners) {
    const client = clients.registeredById(clientId)
    if (client?.uid !== clientUid || accessOf(client.config, groups).kind !== 'allowed') return undefined
    if (before && scopesAt(client.config.resourceServer?.identifier ?? '', before, clients) === undefined)
      return undefined
    before = client
  }
  return before
}
