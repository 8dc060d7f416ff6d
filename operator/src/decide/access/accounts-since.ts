// When the namespaces of a client's ServiceAccounts were made. A token that is older is of an account of before, perhaps of another tenant.
import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { fieldsOf } from '@nauthera/runtime/json'
import type { Judgement } from './judgement.ts'
import { configsServed } from './resolve-access.ts'

/** By namespace, epoch milliseconds. */
export type AccountsSince = Readonly<Record<string, number>>

/** @returns when a namespace was made, epoch milliseconds; undefined while that is unknown */
type BornAt = (namespace: string) => number | undefined

/** @param stored the entry of this client, or of the one that it was restored from
 *  @param bornAt of this cluster; while it is unknown, what is stored stays
 *  @returns the namespaces whose birth is known. Those of a joined cluster are as that says: it can lie about no other's */
export function findAccountsSince(
  { serve, client }: Pick<Judgement, 'serve' | 'client'>,
  stored: ShardEntry | undefined,
  bornAt: BornAt,
): AccountsSince {
  const known = stored ? accountsSinceOf(stored) : {}
  const identities = configsServed(serve, stored).flatMap((config) => config.identities)
  const ownAccounts = identities.flatMap(({ serviceAccount }) => serviceAccount?.namespace ?? [])
  const joined = identities.flatMap(({ clusterServiceAccount }) => clusterServiceAccount?.namespace ?? [])
  const said = saidOfAccounts(client.spec)
  return {
    ...birthsOf(joined, (name) => said[name], known),
    ...birthsOf(ownAccounts, bornAt, known),
  }
}

/** @returns the same of a stored entry */
export const accountsSinceOf = ({ accountsSince }: Pick<ShardEntry, 'accountsSince'>): AccountsSince =>
  Object.fromEntries(Object.entries(accountsSince).map(([name, at]) => [name, timestampMs(at)]))

/** @param known what holds of a namespace while its birth is not known
 *  @returns when each was made, as far as that is known and a shard can say it */
export function birthsOf(namespaces: readonly string[], bornAt: BornAt, known: AccountsSince): AccountsSince {
  const births = [...new Set(namespaces)].toSorted().map((name) => [name, bornAt(name) ?? known[name]] as const)
  return Object.fromEntries(births.flatMap(([name, at]) => (at !== undefined && isTime(at) ? [[name, at]] : [])))
}

/** @param spec of a mirror; it may have any shape */
export function saidOfAccounts(spec: unknown): AccountsSince {
  const said = fieldsOf(fieldsOf(fieldsOf(spec)['restraint'])['accountsSince'])
  const times = Object.entries(said).flatMap(([name, at]) =>
    typeof at === 'string' ? [[name, Date.parse(at)] as const] : [],
  )
  return Object.fromEntries(times.filter(([, at]) => isTime(at)))
}

/** Of the years that a shard can say. */
const isTime = (at: number): boolean => at >= 0 && at < Date.parse('9999-01-01T00:00:00Z')
