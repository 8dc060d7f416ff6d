// What metrics tell of the database.
import type { Metrics } from '@nauthera/runtime/metrics'
import { serverMetrics } from '../../metrics.ts'
import type { BoundedQueue } from './bounded-queue.ts'

/** @param slots of connections; @param isUp whether the last statement was answered */
export function createGauges(metrics: Metrics, slots: BoundedQueue, isUp: () => boolean) {
  const connections = metrics.gauge(serverMetrics.databaseConnections)
  const up = metrics.gauge(serverMetrics.databaseUp)
  metrics.onRender(() => {
    const { running, waiting } = slots.state()
    connections.set({ state: 'in_use' }, running)
    connections.set({ state: 'waiting' }, waiting)
    up.set(isUp() ? 1 : 0)
  })
  return {
    seconds: metrics.histogram(serverMetrics.databaseSeconds),
    failures: metrics.counter(serverMetrics.databaseFailures),
    refused: metrics.counter(serverMetrics.databaseRefused),
  }
}
