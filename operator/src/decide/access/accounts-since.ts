// When the namespaces of a client's ServiceAccounts were made. A token that is older is of an account of before, perhaps of another tenant.
import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Judgement } from './judgement.ts'
import { configsServed } from './resolve-access.ts'

/** By namespace, epoch milliseconds. */
export type AccountsSince = Readonly<Record<string, number>>

/** @param stored the entry of this client, or of the one that it was restored from
 *  @param bornAt when a namespace was made, epoch milliseconds; undefined while that is unknown: then what is stored stays
 *  @returns the namespaces whose birth is known */
export function findAccountsSince(
  { serve }: Pick<Judgement, 'serve'>,
  stored: ShardEntry | undefined,
  bornAt: (namespace: string) => number | undefined,
): AccountsSince {
  const known = stored ? accountsSinceOf(stored) : {}
  const namespaces = configsServed(serve, stored).flatMap(({ identities }) =>
    identities.flatMap(({ serviceAccount }) => serviceAccount?.namespace ?? []),
  )
  const found = [...new Set(namespaces)].toSorted().map((name) => [name, bornAt(name) ?? known[name]] as const)
  return Object.fromEntries(found.flatMap(([name, at]) => (at === undefined ? [] : [[name, at]])))
}

/** @returns the same of a stored entry */
export const accountsSinceOf = ({ accountsSince }: Pick<ShardEntry, 'accountsSince'>): AccountsSince =>
  Object.fromEntries(Object.entries(accountsSince).map(([name, at]) => [name, timestampMs(at)]))
