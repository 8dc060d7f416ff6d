import { errors } from 'oidc-provider'
import { fromStore } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { currentContext } from '../shapes.ts'
import type { Internals } from '../shapes.ts'

/** The routes where a client requests a person. */
const beginnings: readonly string[] = ['authorization', 'pushed_authorization_request', 'device_authorization']

/** Client.find: checks that the sector document lists the client, when the client requests a person. The library checks it at
 *  registration, so an outage would remove the client. */
export function proveSectors(
  { Client }: Pick<Internals, 'Client'>,
  { clients, sectors, provedSector }: Pick<OverrideNeeds, 'clients' | 'sectors' | 'provedSector'>,
): void {
  replace(Client, 'find', (original) => async (id) => {
    const client = await original.call(Client, id)
    if (client === undefined || !beginnings.includes(currentContext().oidc.route)) return client
    const registered = clients.registered(client)
    if (registered.config.sectorIdentifierUri === '') return client
    const fault = await fromStore(() => sectors.fault(registered.config))
    provedSector(registered, fault ?? '')
    if (fault !== undefined) throw new errors.InvalidRequest(fault)
    return client
  })
}
