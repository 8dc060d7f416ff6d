import { isDeepStrictEqual } from 'node:util'
import type { OIDCClient, OIDCClientStatus } from '../api/oidc-client.ts'
import type { Clock } from '../time/clock.ts'
import { keyOf } from '../decide/acceptance.ts'
import { describeOutcome } from '../decide/conditions.ts'
import type { Outcome } from '../decide/conditions.ts'
import { applyStatus } from '../kubernetes/conditional-write.ts'
import type { Connection } from '../kubernetes/connection.ts'
import type { EventRecorder } from '../kubernetes/events.ts'
import { resourceTypes } from '../kubernetes/objects.ts'

export interface WriteStatus {
  /** The client as it is with the status that we applied last, in case the watch has not brought it yet. */
  withLatest(client: OIDCClient): OIDCClient
  /** Applies the status when it says something new, and records what has happened.
   *  @param outcome.client from `withLatest`
   *  @param inProgress a better status is likely to follow within a moment: wait for that a little
   *  @returns milliseconds after which to come again, or undefined */
  write(outcome: Outcome, inProgress: boolean): Promise<{ readonly status: OIDCClientStatus; readonly again?: number }>
  forget(key: string): void
}

/** Milliseconds. */
export interface StatusTimes {
  /** How long an unfinished state may last before people are told. */
  readonly firstMs: number
  /** Least time between two unfinished states. */
  readonly nextMs: number
  /** The last use of a previous secret is written so often; each minute while its end waits for it. */
  readonly usageMs: number
  readonly usageWaitingMs: number
  /** Somebody wrote to the object at the same time: come again after so long. */
  readonly conflictMs: number
}

export const statusTimes: StatusTimes = {
  firstMs: 1_000,
  nextMs: 5_000,
  usageMs: 3_600_000,
  usageWaitingMs: 60_000,
  conflictMs: 200,
}

interface Applied {
  readonly uid: string
  readonly status: OIDCClientStatus
  /** Of the object after that; what the watch brings with another one may be older. */
  readonly resourceVersion: string
  readonly at: number
}

export function createWriteStatus(options: {
  connection: Connection
  events: EventRecorder
  clock: Clock
  times?: StatusTimes
  onWrite?: () => void
}): WriteStatus {
  const { connection, events, clock } = options
  const times = options.times ?? statusTimes
  const applied = new Map<string, Applied>()
  const unfinished = new Map<string, { dueAt: number }>()
  /** The watch is this late at most; from then on the object itself is believed again, edits of others included. */
  const believeMs = 10_000
  /** A status that nobody asks for again would stay beside the one that the watch has brought. */
  const forgetOld = (): void => {
    for (const [key, { at }] of applied) {
      if (clock.monotonic() - at <= believeMs) return
      applied.delete(key)
    }
  }

  return {
    withLatest: (client) => {
      const last = applied.get(keyOf(client))
      if (!last || last.uid !== client.metadata.uid) return client
      if (clock.monotonic() - last.at > believeMs || isDeepStrictEqual(client.status, last.status)) {
        applied.delete(keyOf(client))
        return client
      }
      const metadata = { ...client.metadata, resourceVersion: last.resourceVersion }
      return { ...client, metadata, status: last.status }
    },
    write: async (outcome, inProgress) => {
      const { client } = outcome
      const key = keyOf(client)
      const described = describeOutcome(outcome)
      const status = keepOldNews(client, described.status, times)
      if (isDeepStrictEqual(client.status, status)) {
        unfinished.delete(key)
        return { status }
      }
      if (inProgress) {
        const pending = unfinished.get(key) ?? { dueAt: clock.monotonic() + times.firstMs }
        unfinished.set(key, pending)
        const waitMs = pending.dueAt - clock.monotonic()
        if (waitMs > 0) return { status, again: waitMs }
        pending.dueAt = clock.monotonic() + times.nextMs
      } else unfinished.delete(key)
      const object = { apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCClient', ...client }
      const resourceVersion = await applyStatus(connection, resourceTypes.clients, object as never, status)
      if (resourceVersion === undefined) {
        // The watch brings what came in between; until then there is nothing to say.
        applied.delete(key)
        return { status, again: times.conflictMs }
      }
      options.onWrite?.()
      applied.delete(key)
      applied.set(key, { uid: client.metadata.uid, status, resourceVersion, at: clock.monotonic() })
      forgetOld()
      for (const event of described.events) events.record(object as never, event)
      return { status }
    },
    forget: (key) => {
      applied.delete(key)
      unfinished.delete(key)
    },
  }
}

/** Of what changes all the time, the written value stays while it tells people the same: the revision, as long as
 *  nothing else is new; the number of replicas, as long as all of them have the client; a recent last use. */
export function keepOldNews(client: OIDCClient, status: OIDCClientStatus, times: StatusTimes): OIDCClientStatus {
  const before = client.status
  if (!before) return status
  const isWhole = (replicas: OIDCClientStatus['replicas']) =>
    replicas !== undefined && replicas.loaded === replicas.total
  const keepReplicas = isWhole(before.replicas) && isWhole(status.replicas) && before.replicas!.total > 0
  const waiting = client.spec.rotation?.retire === 'WhenUnused'
  const previous = status.secret?.previous?.map((entry) => {
    const old = before.secret?.previous?.find(({ id }) => id === entry.id)
    const age = Date.parse(entry.lastUsed ?? '') - Date.parse(old?.lastUsed ?? '')
    return age < (waiting ? times.usageWaitingMs : times.usageMs) ? { ...entry, lastUsed: old!.lastUsed! } : entry
  })
  const next: OIDCClientStatus = {
    ...status,
    ...(keepReplicas ? { replicas: before.replicas! } : {}),
    ...(previous ? { secret: { ...status.secret, previous } } : {}),
  }
  const { revision: _was, ...rest } = before
  const { revision: _is, ...nextRest } = next
  return isDeepStrictEqual(rest, nextRest)
    ? before
    : { ...next, ...(status.replicas ? { replicas: status.replicas } : {}) }
}
