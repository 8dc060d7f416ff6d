// Conditions and events, written only when they change.
import { isDeepStrictEqual } from 'node:util'
import type { OIDCClientStatus } from '../api/client-status.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import { keyOf } from '../decide/client/client-names.ts'
import { describeOutcome } from '../decide/status/client-status.ts'
import type { Outcome } from '../decide/status/outcome.ts'
import { applyStatus } from '../kubernetes/conditional-write.ts'
import type { KubeConnection } from '../kubernetes/connection.ts'
import type { EventRecorder } from '../kubernetes/events.ts'
import { resourceTypes, withKind } from '../kubernetes/objects.ts'
import type { Clock } from '../time/clock.ts'
import { createAppliedStatuses } from './applied-statuses.ts'
import { withoutMinorNews } from './old-news.ts'
import { createPatience } from './patience.ts'

export interface WriteStatus {
  /** The client with the status that was applied last, in case the watch has not brought it yet. */
  withLatest(client: OIDCClient): OIDCClient
  /** Applies the status when it changed, and records events.
   *  @param outcome its client is from `withLatest`
   *  @param inProgress a better status is likely to follow soon: wait a little
   *  @returns milliseconds after which to look again, if needed */
  write(outcome: Outcome, inProgress: boolean): Promise<{ readonly again?: number }>
  /** Applies a status as it is. @returns milliseconds after which to look again, if needed */
  apply(client: OIDCClient, status: OIDCClientStatus): Promise<{ readonly again?: number }>
  /** @returns whether an unfinished status would be written now */
  wouldReportUnfinished(key: string): boolean
  remove(key: string): void
}

/** The wait after a conflict. Milliseconds. */
const conflictMs = 200

export function createWriteStatus(options: {
  connection: Pick<KubeConnection, 'call'>
  events: Pick<EventRecorder, 'record'>
  clock: Pick<Clock, 'monotonic'>
  /** The resourceVersion of a client in the watch. */
  watched?: (key: string) => string | undefined
  onWrite?: () => void
}): WriteStatus {
  const { connection, events, clock } = options
  const applied = createAppliedStatuses(clock, options.watched)
  const patience = createPatience(clock)

  /** @returns whether the write succeeded */
  const apply = async (client: OIDCClient, described: ReturnType<typeof describeOutcome>): Promise<boolean> => {
    const { status } = described
    const { ownUid, moved: _seen, ...metadata } = client.metadata
    const own = { ...client, metadata: { ...metadata, uid: ownUid ?? metadata.uid } }
    const object = withKind('OIDCClient', own)
    const resourceVersion = await applyStatus(connection, resourceTypes.clients, object, status)
    if (resourceVersion === undefined) {
      // A conflict: the watch will bring the change.
      applied.remove(keyOf(client))
      return false
    }
    options.onWrite?.()
    applied.record(client, status, resourceVersion)
    for (const event of described.events) events.record(object, event)
    return true
  }

  return {
    withLatest: applied.withLatest,
    write: async (outcome, inProgress) => {
      const { client } = outcome.judgement
      const key = keyOf(client)
      const described = describeOutcome(outcome)
      const status = withoutMinorNews(client, described.status, outcome.rotation?.awaitsDisuse ?? false)
      const isNews = !isDeepStrictEqual(client.status, status)
      if (!isNews || !inProgress) patience.end(key)
      if (!isNews) return {}
      const waitMs = inProgress ? patience.waitFor(key) : undefined
      if (waitMs !== undefined) return { again: waitMs }
      return (await apply(client, { ...described, status })) ? {} : { again: conflictMs }
    },
    apply: async (client, status) => {
      if (isDeepStrictEqual(client.status, status)) return {}
      return (await apply(client, { status, events: [] })) ? {} : { again: conflictMs }
    },
    wouldReportUnfinished: patience.isOver,
    remove: (key) => {
      applied.remove(key)
      patience.end(key)
    },
  }
}
