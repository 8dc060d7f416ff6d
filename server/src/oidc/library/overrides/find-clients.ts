import { errors } from 'oidc-provider'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import type { Internals } from '../shapes.ts'

/** Client.find: reads our registry in place of the library's adapter. It first fetches a client by metadata document. */
export function findClients({ Client }: Pick<Internals, 'Client'>, { clients }: Pick<OverrideNeeds, 'clients'>): void {
  replace(Client, 'find', () => async (id) => {
    if (typeof id !== 'string') return undefined
    const why = await clients.ensure(id)
    if (why !== undefined) throw new errors.InvalidClient(why)
    return clients.find(Client, id)
  })
}
