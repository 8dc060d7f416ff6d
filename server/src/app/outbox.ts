// Wires the runners of the outbox.
import type { AllTexts } from '../http/branding/texts.ts'
import { createSendMail } from '../mail/send-mail.ts'
import { createSmtp } from '../mail/smtp.ts'
import { backchannelFailed, createTellLogout } from '../oidc/artefacts/back-channel.ts'
import { createLogoutTurns } from '../oidc/artefacts/logout-turns.ts'
import { createBacklogGauges } from '../store/outbox/backlog.ts'
import { countTries, createOutboxRunner, outboxTimes } from '../store/outbox/outbox-runner.ts'
import type { Try } from '../store/outbox/outbox-runner.ts'
import type { Store } from '../store/store.ts'
import { createLinkMails } from '../users/links/link-mails.ts'
import { createLinkTries } from '../users/links/link-requests.ts'
import type { UserSources } from '../users/sources/user-sources.ts'
import type { Clients } from './clients.ts'
import type { Needs } from './needs.ts'
import { guardedFetch } from './outbound.ts'
import type { Protocol } from './protocol.ts'

/** The most logout tokens that are sent at once, and of one namespace. */
const logoutWidth = 20
const logoutShare = 4

/** The runners of the outbox, one for mails and one for logouts: a slow application does not delay mails. */
export function createOutboxRunners(
  needs: Needs,
  on: {
    store: Store
    users: UserSources
    clients: Clients
    protocol: Protocol
    texts: AllTexts
    knowsAll: () => boolean
  },
) {
  const { settings, log, metrics } = needs
  const count = countTries(metrics)
  const { outbox } = on.store
  const tellLogout = createTellLogout({
    clientOf: (clientId) => on.clients.registry.current().find(clientId),
    knowsAll: on.knowsAll,
    mint: (client, of) => on.protocol.generations.current().mintLogoutToken(client, of),
    fetch: guardedFetch(settings, 'backchannel'),
    turns: createLogoutTurns({ share: logoutShare, now: () => performance.now() }),
  })
  const tries = { 'backchannel-logout': tellLogout }
  // by a clock that is days ahead all that waits would be given up
  const mayTake = () => on.store.clock.fault() === undefined
  const runner = { outbox, log, count, mayTake }
  const logouts = createOutboxRunner({ ...runner, tries, givenUp: backchannelFailed, width: logoutWidth })
  const backlog = createBacklogGauges({ database: on.store.database, metrics, log })
  const mails =
    settings.mail === undefined
      ? createMailsOff(runner)
      : createOutboxRunner({ ...runner, tries: mailTries(settings.mail, needs, on) })
  return [backlog, logouts, mails]
}

/** Gives up what waits from when mail was on: else it would wait for ever, or be sent when mail is on again and everybody has forgotten it.
 *  Not what is young: during an update other replicas may send mail already, or still. */
export const createMailsOff = (
  needs: Pick<Parameters<typeof createOutboxRunner>[0], 'outbox' | 'log' | 'count' | 'mayTake'>,
) => createOutboxRunner({ ...needs, tries: mailsOff, minAgeMs: 3_600_000, times: { ...outboxTimes, pollMs: 60_000 } })

const isOff: Try = async () => ({ kind: 'never', reason: 'mail is off (setting mail)' })
const mailsOff: Record<keyof ReturnType<typeof mailTries>, Try> = {
  mail: isOff,
  'reset-request': isOff,
  'registration-request': isOff,
}

function mailTries(
  smtp: NonNullable<Needs['settings']['mail']>,
  { settings }: Needs,
  { store, users, texts }: { store: Store; users: UserSources; texts: AllTexts },
) {
  const sender = { title: settings.branding.title, issuer: settings.issuer }
  const mail = createSendMail({ smtp: createSmtp(smtp), texts, sender })
  const linkMails = createLinkMails({ mailLinks: store.mailLinks, canChangePassword: users.canChangePassword })
  const requests = createLinkTries({ ...store, sources: users, linkMails })
  return { mail, ...requests }
}
