import type { AuditEvent } from '../../store/audit/audit-event.ts'
import type { Finish } from '../../store/sessions/finish.ts'
import type { AskedDetail } from '../apis/details.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { ownClientUid } from '../clients/own-client.ts'
import { remembered } from '../interaction/consent.ts'
import type { AgreedNow } from '../interaction/consent.ts'
import type { Submission } from '../interaction/library-part.ts'
import { lifetimes } from '../lifetimes.ts'
import { auditedRequest } from '../request-context.ts'
import type { RequestContext } from '../request-context.ts'
import type { GrantPayload } from './grants.ts'

/** An authorization when its code is issued. */
export interface CodeAuthorization {
  readonly client: Pick<OidcClient, 'clientId' | 'uid'>
  readonly session: AuthorizedSession
  /** The result of the pages; undefined when none was shown. */
  readonly submission: Submission | undefined
  /** The interaction; `exp` in epoch seconds. */
  readonly interaction: { readonly jti: string; readonly exp: number } | undefined
  /** The granted authorization details that may be remembered. */
  readonly toRemember?: readonly AskedDetail[]
  readonly grant: GrantPayload & { readonly id: string; readonly scopes: ReadonlySet<string> }
  /** The code is that of a device. */
  readonly isForDevice?: boolean
}

export interface AuthorizedSession {
  readonly uid: string
  readonly accountId: string
  readonly version: number
  /** Epoch seconds of the sign-in, and of the session's absolute end. */
  readonly loginTs: number
  readonly until: number
  /** The `sid` of this session for this client. */
  readonly sid: string
}

/** Builds everything to store when a code is issued. For our own pages that is only the session: their code is never redeemed, so it has
 *  no grant.
 *  @param now epoch milliseconds */
export function codeFinish(
  authorization: CodeAuthorization,
  request: Pick<RequestContext, 'peer' | 'correlationId' | 'loaded'>,
  now: number,
): Finish {
  const { client, session, submission, interaction, grant } = authorization
  const whole = { userId: session.accountId, clientUid: client.uid, clientId: client.clientId }
  const account = request.loaded?.account
  const agreed = submission?.consent
  const sessionLifeMs = session.until * 1000 - now
  const offline = grant.scopes.has('offline_access')
  const isOwn = client.uid === ownClientUid
  return {
    person: {
      userId: session.accountId,
      standing: account?.standing ?? '',
      consentedTo: account?.consent && { clientUid: client.uid, grantedAt: account.consent.grantedAt },
      beside: submission?.login?.beside,
    },
    mark: interaction && { id: interaction.jti, expiresAt: new Date(interaction.exp * 1000 + 60_000) },
    device: {
      ...(isOwn ? { userId: session.accountId } : { ...whole, sid: session.sid }),
      sessionUid: session.uid,
      version: session.version,
      authTime: new Date(session.loginTs * 1000),
      lifeMs: sessionLifeMs,
      agent: request.peer.userAgent,
      ip: request.peer.address,
    },
    consent: agreed?.remember
      ? { ...whole, ...remembered(agreed, account?.consent, authorization.toRemember) }
      : undefined,
    grant: isOwn
      ? undefined
      : {
          ...whole,
          id: grant.id,
          sessionUid: session.uid,
          offline,
          payload: {
            ...(grant.openid ? { openid: grant.openid } : {}),
            ...(grant.resources ? { resources: grant.resources } : {}),
            ...(grant.authorizationDetails ? { authorizationDetails: grant.authorizationDetails } : {}),
            ...(grant.sector === undefined ? {} : { sector: grant.sector }),
          },
          lifeMs: offline ? lifetimes.refreshAbsolute * 1000 : sessionLifeMs,
        },
    clearAttempts: submission?.login?.attempt,
    leaves: leftBy(submission, request),
    audit: auditOf(authorization, { ...whole, outcome: 'success', ...auditedRequest(request) }),
  }
}

/** Another person signs in: the session that the browser had ends. */
function leftBy(submission: Submission | undefined, request: Parameters<typeof auditedRequest>[0]): Finish['leaves'] {
  const { uid: sessionUid, accountId: userId } = submission?.login?.leaves ?? {}
  if (sessionUid === undefined) return undefined
  const event = { event: 'session.ended', outcome: 'success', reason: 'another account', userId } as const
  return { sessionUid, audit: [{ ...event, ...auditedRequest(request) }] }
}

function auditOf(
  { submission, isForDevice, grant }: CodeAuthorization,
  about: Omit<AuditEvent, 'event'>,
): AuditEvent[] {
  const { login, consent } = submission ?? {}
  return [
    ...(login ? [{ ...about, event: 'signin.success' } as const] : []),
    ...(consent ? [{ ...about, event: 'consent.granted', detail: consentDetail(consent, grant) } as const] : []),
    ...(isForDevice === true ? [{ ...about, event: 'device.approved' } as const] : []),
  ]
}

/** For the audit log: of authorization details only the types. */
function consentDetail(consent: AgreedNow, { authorizationDetails = {} }: GrantPayload): Record<string, string> {
  const types = Object.values(authorizationDetails).flatMap((ofApi) => ofApi.map(({ type }) => type))
  return {
    scopes: consent.scopes.join(' '),
    ...(consent.details === undefined ? {} : { authorizationDetails: [...new Set(types)].join(' ') }),
  }
}
