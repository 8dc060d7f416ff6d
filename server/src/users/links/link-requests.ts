// Queues requests for mails that anybody can cause: reset and registration links. The person is looked up later, so the page takes the
// same time for everybody.
import { randomUUID } from 'node:crypto'
import { paths } from '@nauthera/rules/endpoints'
import type { Shaped } from '@nauthera/runtime/json'
import { askedFrom } from '../../describe-agent.ts'
import { askerOf } from '../../store/audit/address-block.ts'
import type { Audit } from '../../store/audit/audit.ts'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import type { MailLimit, MailLinks } from '../../store/people/mail-links.ts'
import { payloadOf } from '../../store/outbox/outbox.ts'
import type { NewWork } from '../../store/outbox/outbox-rows.ts'
import type { Try } from '../../store/outbox/outbox-runner.ts'
import type { Users } from '../../store/people/users.ts'
import type { LinkMails, ResetPayload, Sent } from './link-mails.ts'
import { languagesFor } from '../notices.ts'
import type { UserSources } from '../sources/user-sources.ts'

export interface LinkRequests {
  /** @param request.login user name or e-mail address as typed
   *  @returns false when too many came from this address: 429 */
  requestReset(request: LinkRequest & ResetPayload & { login: string }): Promise<boolean>
  requestRegistration(request: LinkRequest & { email: string }): Promise<boolean>
}

interface LinkRequest {
  readonly from: Pick<AuditEvent, 'address' | 'agent'>
  readonly languages: readonly string[]
  readonly correlationId: string
}

/** As they wait: `asker` is the address that one counts for, undefined where addresses are unknown. */
const waiting = {
  required: {
    from: { optional: { address: 'string', agent: 'string' } },
    languages: 'strings',
    correlationId: 'string',
  },
  optional: { asker: 'string' },
} as const
const resetRequest = {
  required: { ...waiting.required, login: 'string' },
  optional: { ...waiting.optional, client: 'string' },
} as const
const registrationRequest = { ...waiting, required: { ...waiting.required, email: 'string' } } as const

/** Milliseconds. Requests of one address; mails of one kind to one person or mailbox: in all, and how many of them one asker gets. */
export const requestLimits = {
  ofAddress: { most: 10, windowMs: 15 * 60_000 },
  ofPerson: { most: 12, windowMs: 60 * 60_000 },
  linksByAsker: 3,
  noticesByAsker: 1,
}
/** A request that waited longer than this is dropped: nobody expects its mail any more. */
const requestLife = 30 * 60_000

/** @param needs.addressesKnown false where nobody knows from which address a request comes */
export function createLinkRequests(needs: {
  mailLinks: Pick<MailLinks, 'request'>
  addressesKnown: boolean
}): LinkRequests {
  const ask = (kind: NewWork['kind'], request: LinkRequest) => {
    const address = needs.addressesKnown ? request.from.address : undefined
    const payload: Shaped<typeof waiting> = { ...request, asker: address }
    const work = { kind, onceKey: `${kind}:${randomUUID()}`, payload, giveUpAfterMs: requestLife }
    return needs.mailLinks.request(work, { address, ...requestLimits.ofAddress })
  }
  return {
    requestReset: (request) => ask('reset-request', request),
    requestRegistration: (request) => ask('registration-request', request),
  }
}

interface TryNeeds {
  readonly users: Pick<Users, 'findByLogin'>
  readonly sources: Pick<UserSources, 'load' | 'isReserved'>
  readonly linkMails: Pick<LinkMails, 'sendReset' | 'sendRegistration'>
  readonly mailLinks: Pick<MailLinks, 'notify'>
  readonly audit: Pick<Audit, 'record'>
}

/** Looks at requests of the outbox. */
export const createLinkTries = (needs: TryNeeds): Record<'reset-request' | 'registration-request', Try> => ({
  'reset-request': (work) => tryReset(needs, work.id, payloadOf(work, resetRequest)),
  'registration-request': (work) => tryRegistration(needs, work.id, payloadOf(work, registrationRequest)),
})

const done = { kind: 'done' } as const

async function tryReset(
  { users, sources, linkMails, audit }: TryNeeds,
  id: string,
  { login, client, asker, ...request }: Shaped<typeof resetRequest>,
): ReturnType<Try> {
  const found = await users.findByLogin(login)
  // as their source describes them now
  const user = found && (await sources.load({ userId: found.id }))?.user
  const event = {
    ...auditedOf(request),
    event: 'password.reset_requested',
    userId: user?.id,
    clientId: client,
  } as const
  const by = {
    ...request,
    asked: askedFrom(request.from),
    onceKey: `reset:${id}`,
    limit: limitOf(asker, requestLimits.linksByAsker),
    payload: { client },
  }
  const sent: Sent | { kind: 'sent-before' } | { kind: 'refused'; reason: 'unknown-user' } =
    user === undefined
      ? { kind: 'refused', reason: 'unknown-user' }
      : await linkMails.sendReset(user, { ...by, audit: [{ ...event, outcome: 'success' }] })
  if (sent.kind === 'refused') audit.record({ ...event, outcome: 'failure', reason: sent.reason })
  return done
}

async function tryRegistration(
  { users, sources, linkMails, mailLinks, audit }: TryNeeds,
  id: string,
  { email, asker, ...request }: Shaped<typeof registrationRequest>,
): ReturnType<Try> {
  const event = { ...auditedOf(request), event: 'account.registration_requested' } as const
  const asked = askedFrom(request.from)
  const ofNotices = limitOf(asker, requestLimits.noticesByAsker)
  const user = await users.findByLogin(email)
  if (user === undefined && (await sources.isReserved({ username: email, email }))) {
    audit.record({ ...event, outcome: 'failure', reason: 'email-taken' })
    const about = { to: email, languages: request.languages, data: { path: paths.account, asked } }
    await mailLinks.notify({ ...about, onceKey: `account-elsewhere:${id}`, template: 'account-elsewhere' }, ofNotices)
    return done
  }
  if (user === undefined) {
    const by = { ...request, asked, onceKey: `registration:${id}`, limit: limitOf(asker, requestLimits.linksByAsker) }
    const isSent = await linkMails.sendRegistration(email, { ...by, audit: [{ ...event, outcome: 'success' }] })
    if (!isSent) audit.record({ ...event, outcome: 'failure', reason: 'limited' })
    return done
  }
  audit.record({ ...event, outcome: 'failure', reason: 'email-taken', userId: user.id })
  if (user.disabled || user.email === undefined) return done
  const about = {
    to: user.email,
    languages: languagesFor(user, request.languages),
    data: { path: paths.forgot, asked },
  }
  await mailLinks.notify({ ...about, onceKey: `already-registered:${id}`, template: 'already-registered' }, ofNotices)
  return done
}

const limitOf = (asker: string | undefined, most: number): MailLimit => ({
  ...requestLimits.ofPerson,
  asker: { ...askerOf(asker), most },
})

const auditedOf = ({ from, correlationId }: LinkRequest): Pick<AuditEvent, 'address' | 'agent' | 'correlationId'> => ({
  ...from,
  correlationId,
})
