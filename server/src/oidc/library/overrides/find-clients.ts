import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import type { Internals } from '../shapes.ts'

/** Client.find: one immutable map instead of an adapter and a cache of 100 (client instances are built on first use). */
export function findClients({ Client }: Pick<Internals, 'Client'>, { clients }: Pick<OverrideNeeds, 'clients'>): void {
  replace(Client, 'find', () => async (id) => (typeof id === 'string' ? clients.find(Client, id) : undefined))
}
