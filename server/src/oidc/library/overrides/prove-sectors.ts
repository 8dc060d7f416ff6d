import { errors } from 'oidc-provider'
import { fromStore } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { currentContext } from '../shapes.ts'
import type { Internals } from '../shapes.ts'

/** Where a client asks for a person. What it got before goes on. */
const beginnings: readonly string[] = ['authorization', 'pushed_authorization_request', 'device_authorization']

/** Client.find: a client that names a sector must be in its document before it asks for a person. The library looks when a client is
 *  registered, and a client whose document is away would be gone. */
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
