import { errors } from 'oidc-provider'
import type { RegisteredClient } from '../../../clients/registered-client.ts'
import { fromStore } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { currentContext } from '../shapes.ts'
import type { Internals } from '../shapes.ts'

type Needs = Pick<OverrideNeeds, 'clients' | 'sectors' | 'provedSector'>

/** The routes where a client requests a person. */
const beginnings: readonly string[] = ['authorization', 'pushed_authorization_request', 'device_authorization']

/** Client.find: reads our registry in place of the library's adapter. It first fetches a client by metadata document. When the client
 *  requests a person, the document of its sector must list it: the library checks that at registration, so an outage would remove the
 *  client. */
export function findClients({ Client }: Pick<Internals, 'Client'>, needs: Needs): void {
  replace(Client, 'find', () => async (id) => {
    if (typeof id !== 'string') return undefined
    const why = await needs.clients.ensure(id)
    if (why !== undefined) throw new errors.InvalidClient(why)
    const client = needs.clients.find(Client, id)
    if (client !== undefined && beginnings.includes(currentContext().oidc.route))
      await proveSector(needs.clients.registered(client), needs)
    return client
  })
}

/** @throws errors.InvalidRequest when the document of its sector does not list the client */
async function proveSector(registered: RegisteredClient, { sectors, provedSector }: Needs): Promise<void> {
  if (registered.config.sectorIdentifierUri === '') return
  const fault = await fromStore(() => sectors.fault(registered.config))
  provedSector(registered, fault ?? '')
  if (fault !== undefined) throw new errors.InvalidRequest(fault)
}
