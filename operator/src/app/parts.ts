// What the leader builds in the same way in a hub and in a spoke.
import type { WatchedClients } from '../intake/client-index.ts'
import type { WorkQueue } from '../intake/work-queue.ts'
import { createReadVersion } from '../kubernetes/conditional-write.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import { createEventRecorder } from '../kubernetes/events.ts'
import type { EventRecorder } from '../kubernetes/events.ts'
import { recordOverdue } from '../metrics.ts'
import { createReconciler } from '../reconcile/reconciler.ts'
import type { ReconcilerNeeds } from '../reconcile/reconciler.ts'
import { ProofKey } from '../secret/proof-key.ts'
import { Rounds } from '../secret/rounds.ts'
import { countOverdue } from '../status/overdue.ts'
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

/** What looks at the clients here, and at their Secrets in turn. */
export function buildReconciler(
  { settings, clock, log, metrics, onRender }: Leader,
  about: Pick<ReconcilerNeeds, 'watch' | 'secrets' | 'proof' | 'status' | 'outlet' | 'clock'> & {
    readonly queue: WorkQueue
    readonly readVersion: ReturnType<typeof createReadVersion>
  },
) {
  const { watch, queue, readVersion } = about
  const { clients } = watch
  const reconciler = createReconciler({
    ...about,
    settings,
    log,
    again: queue.addAfter,
    forgive: queue.clearFailures,
    onWrite: (kind) => metrics.writes.inc({ kind }),
  })
  const { memories } = reconciler
  onRender(() => {
    metrics.clients.set(clients.size)
    recordOverdue(metrics, countOverdue(clients.all(), memories, clock.now()))
  })
  const isLate = () => queue.depth > workers
  const rounds = new Rounds({ keys: clients.keys, memories, readVersion, isLate, onChanged: queue.add, clock, log })
  return { reconciler, rounds }
}
