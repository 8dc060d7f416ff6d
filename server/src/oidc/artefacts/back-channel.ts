import type { AuditEvent } from '../../store/audit/audit.ts'
import type { EndedUse } from '../../store/outbox/logouts.ts'
import type { Claimed } from '../../store/outbox/outbox.ts'
import type { Try } from '../../store/outbox/outbox-runner.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { Fetch } from '../outbound/outbound-fetch.ts'
import type { LogoutTurns } from './logout-turns.ts'

// Tells applications that a session has ended, from the outbox: nobody waits for an application, however slow it is.
// Source: OpenID Connect Back-Channel Logout 1.0 sections 2.5 to 2.8.

/** What a logout token says besides what every one says. */
export interface LogoutOf {
  readonly accountId: string
  readonly sid: string
  /** Whose subjects the client had when its person signed in; empty: public ones, undefined: nobody knows. */
  readonly sector: string | undefined
}

interface Needs {
  /** A suspended client too: its sessions end as well. */
  readonly clientOf: (clientId: string) => OidcClient | undefined
  /** Whether all clients are known here by now. */
  readonly knowsAll: () => boolean
  readonly mint: (client: OidcClient, of: LogoutOf) => Promise<string>
  readonly fetch: Fetch
  readonly turns: LogoutTurns
}

/** One try to tell one application about one session. */
export function createTellLogout(needs: Needs): Try {
  return async (work) => {
    const use = work.open() as EndedUse
    const client = needs.clientOf(use.clientId)
    if (client === undefined && !needs.knowsAll()) return { kind: 'later', reason: 'not all clients are known yet' }
    // it is gone, or the id belongs to another object by now; or it does not want to be told
    if (client?.uid !== use.clientUid || client.config.backchannelLogoutUri === '') return { kind: 'done' }
    const turn = needs.turns.take(client)
    if (turn.kind === 'put-off') return turn
    let how: Parameters<typeof turn.end>[0] = 'unknown'
    try {
      const reason = await tell(needs, client, use)
      how = reason === undefined || reason === refused ? 'answered' : 'failed'
      if (reason === undefined) return { kind: 'done' }
      return { kind: reason === refused ? 'never' : 'later', reason }
    } finally {
      turn.end(how)
    }
  }
}

/** Section 2.8: the application says that the token is wrong, or that it could not end its session. */
const refused = 'the application answered 400'

/** @returns why it was not told; undefined when it was */
async function tell(needs: Needs, client: OidcClient, { userId, sid, sector }: EndedUse): Promise<string | undefined> {
  const token = await needs.mint(client, { accountId: userId, sid, sector: sector ?? undefined })
  try {
    const { status } = await needs.fetch(client.config.backchannelLogoutUri, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: '*/*' },
      body: new URLSearchParams({ logout_token: token }).toString(),
    })
    if (status === 200 || status === 204) return undefined
    return status === 400 ? refused : `the application answered ${status}`
  } catch (error) {
    return `the application gave no answer: ${(error as Error).message}`
  }
}

/** What the audit log says when an application could not be told. */
export function backchannelFailed(work: Claimed, reason: string): AuditEvent {
  const { clientUid, clientId, userId } = work.open() as EndedUse
  const detail = { id: work.id, tries: work.tries }
  return { event: 'logout.backchannel_failed', outcome: 'failure', reason, clientUid, clientId, userId, detail }
}
