// The queue of clients that wait for a look.
import type { Crowd } from '../intake/crowd.ts'
import { createWorkQueue } from '../intake/work-queue.ts'
import type { WorkQueue } from '../intake/work-queue.ts'
import { askedWaitMs } from '../kubernetes/api-error.ts'
import type { Leader } from './leader.ts'

/** Clients that are worked on at the same time. */
export const workers = 16

/** Begins to look at the clients that wait. */
export function startQueue(
  { metrics, clock }: Pick<Leader, 'metrics' | 'clock'>,
  about: {
    queue: WorkQueue
    crowd: Crowd
    /** A crowd of them is over. */
    onCalm: () => void
    reconciler: { reconcile(key: string): Promise<void> }
  },
): void {
  const { queue, crowd, onCalm, reconciler } = about
  queue.start(async (key) => {
    const began = clock.monotonic()
    try {
      await reconciler.reconcile(key)
    } finally {
      metrics.reconcileSeconds.observe((clock.monotonic() - began) / 1000)
      metrics.queueDepth.set(queue.depth)
      if (crowd.record(queue.depth)) onCalm()
    }
  })
}

export function buildQueue({ clock, log, metrics, stopping }: Leader) {
  return createWorkQueue({
    workers,
    clock,
    waitFor: askedWaitMs,
    onFailed: (key, error, retryInMs) => {
      if (stopping.aborted) return
      metrics.reconcileFailures.inc()
      log.warn({ client: key, error, retry: `${Math.round(retryInMs)}ms` }, 'reconcile failed')
    },
  })
}
