// Mails that anybody can ask for: a link to set a new password, a link to register. The page that asks only queues the request, so it takes
// the same time for everybody; whether there is such a person is looked up here, later.
import { createHash, randomUUID } from 'node:crypto'
import { paths } from '@nauthera/rules/endpoints'
import { askedFrom } from '../describe-agent.ts'
import type { Audit, AuditEvent } from '../store/audit.ts'
import { canonicalName } from '../store/canonical-name.ts'
import type { MailLinks } from '../store/mail-links.ts'
import type { NewWork, Outbox } from '../store/outbox.ts'
import type { Try } from '../store/outbox-runner.ts'
import type { Users } from '../store/users.ts'
import type { LinkMails, ResetPayload, Sent } from './link-mails.ts'
import { languagesFor } from './notices.ts'
import type { UserSources } from './user-sources.ts'

export interface LinkRequests {
  /** @param request.login user name or e-mail address as typed
   *  @returns false when too many came from this address: 429 */
  askReset(request: LinkRequest & ResetPayload & { login: string }): Promise<boolean>
  askRegistration(request: LinkRequest & { email: string }): Promise<boolean>
}

interface LinkRequest {
  readonly from: Pick<AuditEvent, 'address' | 'agent'>
  readonly languages: readonly string[]
  readonly correlationId: string
}

/** Milliseconds. Of one address, and mails to one person or mailbox. */
export const requestLimits = {
  ofAddress: { most: 10, windowMs: 15 * 60_000 },
  ofPerson: { most: 3, windowMs: 60 * 60_000 },
}
/** A request that could not be looked at for so long is forgotten: nobody waits for its mail any more. */
const requestLife = 30 * 60_000

/** @param needs.addressesKnown false where nobody knows from which address a request comes */
export function createLinkRequests(needs: {
  mailLinks: Pick<MailLinks, 'ask'>
  addressesKnown: boolean
}): LinkRequests {
  const ask = (kind: NewWork['kind'], request: LinkRequest) => {
    const work = { kind, onceKey: `${kind}:${randomUUID()}`, payload: request, giveUpAfterMs: requestLife }
    const address = needs.addressesKnown ? request.from.address : undefined
    return needs.mailLinks.ask(work, { address, ...requestLimits.ofAddress })
  }
  return {
    askReset: (request) => ask('reset-request', request),
    askRegistration: (request) => ask('registration-request', request),
  }
}

interface TryNeeds {
  readonly users: Pick<Users, 'findByLogin'>
  readonly sources: Pick<UserSources, 'load' | 'isReserved'>
  readonly linkMails: Pick<LinkMails, 'sendReset' | 'sendRegistration'>
  readonly outbox: Pick<Outbox, 'enqueue'>
  readonly audit: Pick<Audit, 'record'>
}

/** Looks at requests of the outbox. */
export const createLinkTries = (needs: TryNeeds): Record<'reset-request' | 'registration-request', Try> => ({
  'reset-request': (work) => tryReset(needs, work.id, work.open() as Parameters<LinkRequests['askReset']>[0]),
  'registration-request': (work) =>
    tryRegistration(needs, work.id, work.open() as Parameters<LinkRequests['askRegistration']>[0]),
})

const done = { kind: 'done' } as const

async function tryReset(
  { users, sources, linkMails, audit }: TryNeeds,
  id: string,
  { login, client, ...request }: Parameters<LinkRequests['askReset']>[0],
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
    limit: requestLimits.ofPerson,
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
  { users, sources, linkMails, outbox, audit }: TryNeeds,
  id: string,
  { email, ...request }: Parameters<LinkRequests['askRegistration']>[0],
): ReturnType<Try> {
  const event = { ...auditedOf(request), event: 'account.registration_requested' } as const
  const asked = askedFrom(request.from)
  // one in an hour, however often somebody asks
  const hour = Math.floor(Date.now() / requestLimits.ofPerson.windowMs)
  const user = await users.findByLogin(email)
  if (user === undefined && (await sources.isReserved({ username: email, email }))) {
    audit.record({ ...event, outcome: 'failure', reason: 'email-taken' })
    const name = createHash('sha256').update(canonicalName(email)).digest('base64url')
    await outbox.enqueue({
      onceKey: `account-elsewhere:${name}:${hour}`,
      to: email,
      template: 'account-elsewhere',
      languages: request.languages,
      data: { path: paths.account, asked },
    })
    return done
  }
  if (user === undefined) {
    const by = { ...request, asked, onceKey: `registration:${id}`, limit: requestLimits.ofPerson }
    const isSent = await linkMails.sendRegistration(email, { ...by, audit: [{ ...event, outcome: 'success' }] })
    if (!isSent) audit.record({ ...event, outcome: 'failure', reason: 'limited' })
    return done
  }
  audit.record({ ...event, outcome: 'failure', reason: 'email-taken', userId: user.id })
  if (user.disabled || user.email === undefined) return done
  await outbox.enqueue({
    onceKey: `already-registered:${user.id}:${hour}`,
    to: user.email,
    template: 'already-registered',
    languages: languagesFor(user, request.languages),
    data: { path: paths.forgot, asked },
  })
  return done
}

const auditedOf = ({ from, correlationId }: LinkRequest): Pick<AuditEvent, 'address' | 'agent' | 'correlationId'> => ({
  ...from,
  correlationId,
})
