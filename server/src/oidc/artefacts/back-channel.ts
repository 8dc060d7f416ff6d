// Sends logout tokens to applications from the outbox, so that no request waits for them.
// Source: OpenID Connect Back-Channel Logout 1.0 sections 2.5 to 2.8.
import { describeError } from '@nauthera/runtime/log'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import { endedUse } from '../../store/outbox/logouts.ts'
import type { EndedUse } from '../../store/outbox/logouts.ts'
import { payloadOf } from '../../store/outbox/outbox.ts'
import type { Claimed } from '../../store/outbox/outbox.ts'
import type { Try } from '../../store/outbox/outbox-runner.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { Fetch } from '../outbound/outbound-fetch.ts'
import type { LogoutTurns } from './logout-turns.ts'

/** The claims that differ between logout tokens. */
export interface LogoutOf {
  readonly accountId: string
  readonly sid: string
  /** The sector of the client at the sign-in; empty for public subjects, undefined when unknown. */
  readonly sector: string | undefined
}

interface Needs {
  /** Also for a suspended client: its sessions end too. */
  readonly clientOf: (clientId: string) => OidcClient | undefined
  /** Whether a complete set of clients is loaded. */
  readonly knowsAll: () => boolean
  readonly mint: (client: OidcClient, of: LogoutOf) => Promise<string>
  readonly fetch: Fetch
  readonly turns: LogoutTurns
}

/** One try to send a logout token for one session. */
export function createTellLogout(needs: Needs): Try {
  return async (work) => {
    const use = payloadOf(work, endedUse)
    const client = needs.clientOf(use.clientId)
    if (client === undefined && !needs.knowsAll()) return { kind: 'later', reason: 'not all clients are known yet' }
    // the client is gone or replaced, or has no back-channel logout
    if (client?.uid !== use.clientUid || client.config.backchannelLogoutUri === '') return { kind: 'done' }
    const turn = needs.turns.next(client)
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

/** Section 2.8: the application refused the token, or could not end its session. */
const refused = 'the application answered 400'

/** @returns why it failed; undefined when it succeeded */
async function tell(needs: Needs, client: OidcClient, { userId, sid, sector }: EndedUse): Promise<string | undefined> {
  const token = await needs.mint(client, { accountId: userId, sid, sector })
  try {
    const { status } = await needs.fetch(client.config.backchannelLogoutUri, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: '*/*' },
      body: new URLSearchParams({ logout_token: token }).toString(),
    })
    if (status === 200 || status === 204) return undefined
    return status === 400 ? refused : `the application answered ${status}`
  } catch (error) {
    return `the application gave no answer: ${describeError(error)}`
  }
}

/** The audit event for a failed logout. */
export function backchannelFailed(work: Claimed, reason: string): AuditEvent {
  const { clientUid, clientId, userId } = payloadOf(work, endedUse)
  const detail = { id: work.id, tries: work.tries }
  return { event: 'logout.backchannel_failed', outcome: 'failure', reason, clientUid, clientId, userId, detail }
}
