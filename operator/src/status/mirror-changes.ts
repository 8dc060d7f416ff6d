import type { Log } from '@nauthera/runtime/log'
import type { OIDCClient } from '../api/oidc-client.ts'
import { keyOf } from '../decide/client/client-names.ts'
import { mirrorChange } from '../decide/status/mirror-change.ts'
import type { EventRecorder } from '../kubernetes/events.ts'
import { withKind } from '../kubernetes/objects.ts'

/** Whoever steals the token of a joined cluster would change verifiers and redirect URIs: each change leaves a line and an Event.
 *  @param previous undefined for a new client */
export function reportMirrorChange(
  { log, events }: { readonly log: Log; readonly events: Pick<EventRecorder, 'record'> },
  client: OIDCClient,
  previous: OIDCClient | undefined,
): void {
  const change = mirrorChange(client, previous)
  if (!change) return
  log.info({ client: keyOf(client), ...change }, 'client changed by its cluster')
  const fields = [change.verifiers && 'verifiers', change.redirectURIs && 'redirect URIs'].filter(Boolean).join(' and ')
  events.record(withKind('OIDCClient', client), {
    type: 'Normal',
    reason: 'ChangedByCluster',
    message: `The cluster of this client changed its ${fields}.`,
  })
}
