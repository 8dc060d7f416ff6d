import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import type { Internals } from '../shapes.ts'

/** Client.find: reads our registry instead of the library's adapter and its cache of 100 clients. */
export function findClients({ Client }: Pick<Internals, 'Client'>, { clients }: Pick<OverrideNeeds, 'clients'>): void {
  replace(Client, 'find', () => async (id) => (typeof id === 'string' ? clients.find(Client, id) : undefined))
}
