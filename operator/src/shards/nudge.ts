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
  /** Tells which server pods there are now. When one has joined, all are nudged; those that are going are left alone. */
  setPods(pods: Iterable<PodObject>): void
  /** Something that the pods mount was written. */
  push(): void
  stop(): void
}

/** Annotates each server pod, which makes its kubelet refresh the mounted Secrets at once, and again while the pod is
 *  behind.
 *  @param options.isBehind whether a pod has not yet acknowledged what was written
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
    if (!state.begin(name)) return
    while (!isStopped && state.takeTurn(name, clock.monotonic())) await annotatePod(name)
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

/** With `nudge: false` pods follow in the kubelet's own time. */
export const noNudge: Nudge = { setPods: () => {}, push: () => {}, stop: () => {} }
