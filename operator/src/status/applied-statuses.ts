import { isDeepStrictEqual } from 'node:util'
import type { OIDCClientStatus } from '../api/client-status.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import { keyOf } from '../decide/client/client-names.ts'
import type { Clock } from '../time/clock.ts'

/** How long an applied status counts over the watched object. Afterwards the watch counts again, with edits of others.
 *  Milliseconds. */
const believeMs = 10_000

/** Statuses that were applied a moment ago and may not have come through the watch yet. */
export interface AppliedStatuses {
  /** The client with the status that was applied last. */
  withLatest(client: OIDCClient): OIDCClient
  /** @param resourceVersion of the object after the write; a watched object with another one may be older */
  record(client: OIDCClient, status: OIDCClientStatus, resourceVersion: string): void
  remove(key: string): void
}

interface Applied {
  readonly uid: string
  readonly status: OIDCClientStatus
  readonly resourceVersion: string
  readonly at: number
}

/** @param watched the resourceVersion of a client in the watch */
export function createAppliedStatuses(
  clock: Pick<Clock, 'monotonic'>,
  watched: (key: string) => string | undefined = () => undefined,
): AppliedStatuses {
  const applied = new Map<string, Applied>()
  const isOld = ({ at }: Applied) => clock.monotonic() - at > believeMs
  /** Drops old statuses. The oldest come first. */
  const forgetOld = () => {
    for (const [key, one] of applied) {
      if (!isOld(one) && watched(key) !== one.resourceVersion) return
      applied.delete(key)
    }
  }
  return {
    withLatest: (client) => {
      const last = applied.get(keyOf(client))
      if (!last || last.uid !== client.metadata.uid) return client
      if (isOld(last) || isDeepStrictEqual(client.status, last.status)) {
        applied.delete(keyOf(client))
        return client
      }
      const metadata = { ...client.metadata, resourceVersion: last.resourceVersion }
      return { ...client, metadata, status: last.status }
    },
    record: (client, status, resourceVersion) => {
      const key = keyOf(client)
      applied.delete(key)
      if (watched(key) !== resourceVersion)
        applied.set(key, { uid: client.metadata.uid, status, resourceVersion, at: clock.monotonic() })
      forgetOld()
    },
    remove: (key) => void applied.delete(key),
  }
}
