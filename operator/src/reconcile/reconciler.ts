// One client through the rooms: judged, its secret, its status. The same wherever it is served: that is its outlet.
import type { Log } from '@nauthera/runtime/log'
import type { OIDCClient } from '../api/oidc-client.ts'
import { resolveRedirects, withRedirects } from '../intake/resolve-redirects.ts'
import type { Watch } from '../intake/watch.ts'
import { createLookAtSecret } from '../secret/look-at-secret.ts'
import type { Memories } from '../secret/memories.ts'
import type { WorkNeeds } from '../secret/work-on-secret.ts'
import { writeOutcome } from '../status/look-outcome.ts'
import type { WriteStatus } from '../status/write-status.ts'
import type { ClientOutlet } from './outlet.ts'

export interface Reconciler {
  /** Brings one client a step on: read, decide, write, report. What it cannot finish now it asks to come again for.
   *  @throws ApiError when a call to the API failed: try again */
  reconcile(key: string): Promise<void>
  /** The memory of Secrets. */
  readonly memories: Pick<Memories, 'clearRead' | 'versionsOf' | 'countEndingSince'>
}

export interface ReconcilerNeeds extends Pick<
  WorkNeeds,
  'settings' | 'secrets' | 'proof' | 'clock' | 'again' | 'onWrite'
> {
  readonly outlet: ClientOutlet
  readonly watch: Pick<Watch, 'clients' | 'routes' | 'endings' | 'namespaceBornAt'>
  readonly status: WriteStatus
  readonly log: Log
  /** Earlier failures of this key were of another object. */
  readonly forgive: (key: string) => void
}

export function createReconciler(needs: ReconcilerNeeds): Reconciler {
  const { outlet, watch, status, clock } = needs
  const { look, memories } = createLookAtSecret({
    ...needs,
    ...outlet.secret,
    endings: watch.endings,
    namespaceBornAt: watch.namespaceBornAt,
    sharing: watch.clients.sharing,
    wouldReportUnfinished: status.wouldReportUnfinished,
  })
  const comeAgain = (key: string, milliseconds: number | undefined) => {
    if (milliseconds !== undefined) needs.again(key, milliseconds)
  }

  /** One look: judge the client, work on its secret, write its status. */
  const lookAt = async (key: string, found: OIDCClient) => {
    const log = needs.log.child({ client: key })
    const client = status.withLatest(found)
    const judged = outlet.judge(key, client, log)
    if (judged.kind === 'waits') return comeAgain(key, (await status.apply(client, judged.status)).again)
    const { routes } = watch
    const redirects = resolveRedirects(client, judged.judgement, { routes, list: judged.list, now: clock.now() })
    const judgement = withRedirects(judged.judgement, redirects)
    const { granted, access } = outlet.grant(key, judgement, redirects)
    const secret = await look({ key, judgement, granted, log })
    const outcome = outlet.observe({ key, judgement, granted, access, redirects, secret: secret.outcome })
    comeAgain(key, await writeOutcome(status, outcome, () => [...secret.waits, ...outlet.written(key, outcome)]))
    if (secret.failure !== undefined) throw secret.failure
  }

  /** The client was removed: drops everything known under its name. */
  const forget = (key: string) => {
    needs.forgive(key)
    for (const holder of [memories, watch.routes, status, outlet]) holder?.remove(key)
  }

  return {
    reconcile: async (key) => {
      const found = watch.clients.find(key)
      // the client may have been deleted and created again during the look
      if (memories.isGone(key, found)) forget(key)
      if (found) await lookAt(key, found)
    },
    memories,
  }
}
