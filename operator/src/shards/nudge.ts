import { annotations } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import type { Clock } from '../time/clock.ts'
import { isForbidden, isNotFound } from '../kubernetes/api-error.ts'
import { annotate } from '../kubernetes/conditional-write.ts'
import type { Connection } from '../kubernetes/connection.ts'
import { objectPath, resourceTypes } from '../kubernetes/objects.ts'

export interface Nudge {
  /** Something that the pods mount was written. */
  push(): void
  stop(): void
}

export interface NudgeTimes {
  readonly repeatMs: number
  readonly repeatCapMs: number
  /** After a refusal for want of rights nothing is tried for so long: rights may be given later. */
  readonly forbiddenMs: number
}

const nudgeTimes: NudgeTimes = { repeatMs: 3_000, repeatCapMs: 60_000, forbiddenMs: 600_000 }

/** Annotates each server pod, which makes its kubelet refresh the mounted Secrets at once, and again while the pod is
 *  behind. Each time with a new value: an annotation that stays the same wakes nobody.
 *  @param options.pods the names of the pods to nudge
 *  @param options.isBehind whether a pod has not yet acknowledged what was written
 *  @param options.revision first part of the annotation's value */
export function createNudge(options: {
  connection: Connection
  namespace: string
  pods: () => readonly string[]
  isBehind: (pod: string) => boolean
  revision: () => string
  clock: Clock
  log: Log
  times?: NudgeTimes
}): Nudge {
  const { connection, namespace, clock, log } = options
  const times = options.times ?? nudgeTimes
  const busy = new Map<string, { again: boolean }>()
  let count = 0
  let forbiddenUntil = -Infinity
  let warned = false
  let waitMs = times.repeatMs
  let cancelRepeat: (() => void) | undefined
  let stopped = false

  const nudgePod = async (name: string) => {
    const running = busy.get(name)
    if (running) {
      running.again = true
      return
    }
    const turn = { again: true }
    busy.set(name, turn)
    try {
      while (turn.again && !stopped && clock.monotonic() >= forbiddenUntil) {
        turn.again = false
        const value = `${options.revision()}.${count}`
        const path = objectPath(resourceTypes.pods, { namespace, name })
        await annotate(connection, path, { [annotations.clientsRevision]: value })
      }
    } catch (error) {
      if (isForbidden(error)) {
        forbiddenUntil = clock.monotonic() + times.forbiddenMs
        if (!warned) log.warn({ replica: name, error }, 'nudge forbidden')
        warned = true
      } else if (!isNotFound(error)) {
        log.debug({ replica: name, error }, 'nudge failed')
      }
    } finally {
      busy.delete(name)
    }
  }

  const scheduleRepeat = () => {
    cancelRepeat?.()
    cancelRepeat = clock.after(waitMs, () => {
      cancelRepeat = undefined
      const behind = options.pods().filter(options.isBehind)
      if (behind.length === 0) return
      waitMs = Math.min(times.repeatCapMs, waitMs * 2)
      count++
      for (const name of behind) void nudgePod(name)
      scheduleRepeat()
    })
  }

  return {
    push: () => {
      if (stopped) return
      count++
      waitMs = times.repeatMs
      for (const name of options.pods()) void nudgePod(name)
      scheduleRepeat()
    },
    stop: () => {
      stopped = true
      cancelRepeat?.()
    },
  }
}

/** With `nudge: false` pods follow in the kubelet's own time. */
export const noNudge: Nudge = { push: () => {}, stop: () => {} }
