import type { ServerReplicas } from '@nauthera/harness/server'

/** What something cost the first replica in PostgreSQL. */
export interface Cost<T> {
  readonly result: T
  readonly roundTrips: number
  readonly commits: number
}

export async function costOf<T>(replicas: ServerReplicas, work: () => Promise<T>): Promise<Cost<T>> {
  const { database } = replicas.apps[0]!.store
  const before = database.counters()
  const result = await work()
  const after = database.counters()
  return { result, roundTrips: after.roundTrips - before.roundTrips, commits: after.commits - before.commits }
}
