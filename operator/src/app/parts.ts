// What the leader builds in the same way in a hub and in a spoke.
import type { WatchedClients } from '../intake/client-index.ts'
import type { WorkQueue } from '../intake/work-queue.ts'
import { createReadVersion } from '../kubernetes/conditional-write.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import { createEventRecorder } from '../kubernetes/events.ts'
import type { EventRecorder } from '../kubernetes/events.ts'
import type { Memories } from '../secret/memories.ts'
import { ProofKey } from '../secret/proof-key.ts'
import { Rounds } from '../secret/rounds.ts'
import { createWriteStatus } from '../status/write-status.ts'
import type { Leader } from './leader.ts'
import { workers } from './queue.ts'

export const buildEvents = ({ connection, settings, clock, log }: Leader): EventRecorder =>
  createEventRecorder({
    connection,
    component: 'nauthera-operator',
    instance: settings.identity,
    clock,
    log,
  })

export function buildProofKey({ connection, settings, clock, random, log }: Leader, secrets: SecretStore): ProofKey {
  const { release, namespace } = settings
  const readVersion = createReadVersion(connection)
  return new ProofKey({ secrets, readVersion, release, namespace, clock, random, log })
}

/** What writes the statuses of the clients here. */
export const buildWriteStatus = (
  { connection, clock, metrics }: Leader,
  events: EventRecorder,
  { find }: Pick<WatchedClients, 'find'>,
) =>
  createWriteStatus({
    connection,
    events,
    clock,
    watched: (key) => find(key)?.metadata.resourceVersion,
    onWrite: () => metrics.writes.inc({ kind: 'status' }),
  })

export const buildRounds = (
  { clock, log }: Leader,
  about: {
    readonly clients: Pick<WatchedClients, 'keys'>
    readonly memories: Pick<Memories, 'clearRead' | 'versionsOf'>
    readonly queue: WorkQueue
    readonly readVersion: ReturnType<typeof createReadVersion>
  },
): Rounds => {
  const { clients, memories, queue, readVersion } = about
  const isLate = () => queue.depth > workers
  return new Rounds({ keys: clients.keys, memories, readVersion, isLate, onChanged: queue.add, clock, log })
}
