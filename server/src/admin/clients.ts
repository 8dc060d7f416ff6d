// The page with the clients of this replica, read only. It shows what a server knows: no other replicas, rotations or policies.
import { paths } from '@nauthera/rules/endpoints'
import { personalRoutes } from '../account/frame/gate.ts'
import { conflictCode, rejectionsOf } from '../clients/build-registry.ts'
import { keyOf } from '../clients/check-shard.ts'
import type { RegisteredClient } from '../clients/registered-client.ts'
import type { Registry } from '../clients/registry.ts'
import type { Route } from '../reply.ts'
import type { ClientRow } from '../reply/admin-pages.ts'
import { deskArea, searched } from './frame.ts'
import type { FrameNeeds } from './frame.ts'
import type { DeskGate } from './gate.ts'

const pageSize = 50

export interface ClientNeeds extends FrameNeeds {
  readonly desk: DeskGate
  readonly registry: () => Registry
}

export function createClientsRoute(needs: ClientNeeds): Route {
  const path = `${paths.admin}/clients`
  const here = `${needs.basePath}${path}`
  return personalRoutes(needs, needs.desk.toLook).page(path, (_, admin, request) => {
    const text = searched(request, 'q').trim()
    const after = searched(request, 'after')
    const { rows, next } = clientPage(needs.registry(), { text, after, limit: pageSize })
    const query = (more: Record<string, string>) =>
      new URLSearchParams({ ...(text === '' ? {} : { q: text }), ...more })
    return {
      kind: 'page',
      view: 'admin-clients',
      model: {
        area: deskArea(needs, admin, request, 'clients'),
        action: here,
        text,
        clients: rows,
        nextHref: next === undefined ? undefined : `${here}?${query({ after: next })}`,
        firstHref: after === '' ? undefined : `${here}?${query({})}`,
      },
    }
  })
}

/** @param page.after the `next` of the page before @returns rows in the order of their client ids */
export function clientPage(
  registry: Registry,
  { text, after, limit }: { text: string; after: string; limit: number },
): { rows: ClientRow[]; next: string | undefined } {
  const wanted = [...rowsOf(registry)].filter(
    (row) => placeOf(row) > after && [row.clientId, row.namespace, row.name].some((name) => name.includes(text)),
  )
  const sorted = wanted.toSorted((one, other) => (placeOf(one) < placeOf(other) ? -1 : 1))
  // only the clients of this page are decoded
  const rows = sorted.slice(0, limit).map(({ client, ...row }) => ({ ...row, served: client && servedOf(client) }))
  return { rows, next: sorted.length > limit ? placeOf(rows.at(-1)!) : undefined }
}

function servedOf({ config, version, verifiers, api }: RegisteredClient): ClientRow['served'] {
  const { type, suspended, scopes, contacts } = config
  const ends = verifiers.flatMap(({ notAfter }) => (notAfter === undefined ? [] : [notAfter]))
  return {
    type,
    isSuspended: suspended,
    generation: Number(version.generation),
    scopes,
    api,
    contacts,
    secrets: verifiers.length,
    oldSecretUntil: ends.length === 0 ? undefined : new Date(Math.max(...ends)),
  }
}

/** Sort key: two objects can claim one client id. */
const placeOf = ({ clientId, namespace, name }: Pick<ClientRow, 'clientId' | 'namespace' | 'name'>): string =>
  `${clientId} ${namespace}/${name}`

type FoundRow = Omit<ClientRow, 'served'> & { readonly client?: RegisteredClient }

function* rowsOf(registry: Registry): Generator<FoundRow> {
  const refused = new Map(rejectionsOf(registry).map((one) => [keyOf(one), one]))
  for (const client of registry.clients.values()) {
    const { clientId, namespace, name } = client
    const refusal = refused.get(keyOf(client))
    refused.delete(keyOf(client))
    const state = refusal === undefined ? 'served' : 'older'
    yield { clientId, namespace, name, state, says: refusal?.message, client }
  }
  for (const { clientId, namespace, name, code, message } of refused.values())
    yield code === conflictCode
      ? { clientId, namespace, name, state: 'blocked', says: undefined }
      : { clientId, namespace, name, state: 'refused', says: message }
}
