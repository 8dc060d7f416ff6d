import { annotations } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import { isForbidden, isNotFound } from '../kubernetes/api-error.ts'
import { annotate } from '../kubernetes/conditional-write.ts'
import type { KubeConnection } from '../kubernetes/connection.ts'
import { objectPath, resourceTypes } from '../kubernetes/objects.ts'
import type { PodObject } from '../kubernetes/objects.ts'
import type { Clock } from '../time/clock.ts'
import { NudgeState } from './nudge-state.ts'

export interface Nudge {
  /** Sets the present server pods. When one joins, all are nudged, except terminating ones. */
  setPods(pods: Iterable<PodObject>): void
  /** A mounted Secret was written. */
  push(): void
  stop(): void
}

/** Annotates each server pod, so that its kubelet refreshes the mounted Secrets at once. Repeats it while the pod is behind.
 *  @param options.isBehind whether a pod has yet to report the last write
 *  @param options.revision first part of the annotation's value */
export function createNudge(options: {
  connection: KubeConnection
  namespace: string
  isBehind: (pod: string) => boolean
  revision: () => string
  clock: Clock
  log: Log
}): Nudge {
  const { connection, namespace, clock, log } = options
  const state = new NudgeState()
  let cancelRepeat = () => {}
  let isStopped = false

  const annotatePod = async (name: string) => {
    const path = objectPath(resourceTypes.pods, { namespace, name })
    const value = `${options.revision()}.${state.count}`
    try {
      await annotate(connection, path, { [annotations.clientsRevision]: value })
    } catch (error) {
      if (isForbidden(error)) {
        if (state.forbidden(clock.monotonic())) log.warn({ replica: name, error }, 'nudge forbidden')
      } else if (!isNotFound(error)) log.debug({ replica: name, error }, 'nudge failed')
    }
  }
  const nudgePod = async (name: string) => {
    if (!state.start(name)) return
    while (!isStopped && state.isTurn(name, clock.monotonic())) await annotatePod(name)
    state.end(name)
  }
  const nudgeAll = (names: readonly string[]) => {
    for (const name of names) void nudgePod(name)
    cancelRepeat()
    cancelRepeat = clock.after(state.waitMs, repeat)
  }
  const repeat = () => {
    const behind = state.pods.filter(options.isBehind)
    if (behind.length === 0) return
    state.repeated()
    nudgeAll(behind)
  }
  const push = () => {
    if (isStopped) return
    state.written()
    nudgeAll(state.pods)
  }

  return {
    setPods: (pods) => {
      const staying = [...pods].filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      if (state.setPods(staying.map(({ metadata }) => metadata.name))) push()
    },
    push,
    stop: () => {
      isStopped = true
      cancelRepeat()
    },
  }
}

/** For `nudge: false`: the kubelet refreshes at its own pace. */
export const noNudge: Nudge = { setPods: () => {}, push: () => {}, stop: () => {} }
