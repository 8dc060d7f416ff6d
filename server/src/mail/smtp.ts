// The one door to SMTP. Nobody on the way can read or change a mail: the connection uses TLS, or stays on this machine.
import { isIP } from 'node:net'
import { inOneVersion } from '@nauthera/proto/mounted-volume'
import { asOneLine } from '@nauthera/runtime/hidden-characters'
import { fieldsOf } from '@nauthera/runtime/json'
import { describeError } from '@nauthera/runtime/log'
import { readCaFile, readSecretFile } from '@nauthera/runtime/settings'
import type { MailSettings } from '../settings/mail.ts'
import type { TryOutcome } from '../store/outbox/outbox-runner.ts'
import { isEmailAddress } from '../users/email-address.ts'

export interface Message {
  /** Stays the same in every try: a mail that arrives twice is the same mail (RFC 5322 section 3.6.4). */
  readonly messageId: string
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
}

export interface Smtp {
  /** Sends one mail over a connection of its own. Throws nothing. */
  send(message: Message): Promise<TryOutcome>
  /** Connects, begins TLS and signs in; sends no mail.
   *  @throws an Error that says what is wrong */
  check(): Promise<void>
}

/** Milliseconds. */
const timeouts = { dnsTimeout: 5000, connectionTimeout: 5000, greetingTimeout: 10_000, socketTimeout: 20_000 }

/** Reads the files of the settings for each mail, so that a new password or CA is used without a restart. */
export function createSmtp(settings: MailSettings): Smtp {
  return {
    async send({ messageId, to, subject, text, html }) {
      // an address with more in it could become a second header or recipient
      if (!isEmailAddress(to)) return { kind: 'never', reason: 'the address of the person is no e-mail address' }
      try {
        const transport = await open(settings)
        await transport.sendMail({
          from: settings.from,
          to: { name: '', address: to },
          subject: asOneLine(subject),
          text,
          html,
          messageId,
          // nobody answers such mails, so neither should a machine (RFC 3834)
          headers: { 'auto-submitted': 'auto-generated' },
        })
        return { kind: 'done' }
      } catch (error) {
        return outcomeOf(error)
      }
    },
    check: async () => void (await (await open(settings)).verify()),
  }
}

/** Loads the library with the first mail: most servers send none for a long time. */
async function open({ host, port, tls, usernameFile, passwordFile, caFile }: MailSettings) {
  const { createTransport } = await import('nodemailer')
  return createTransport({
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'off',
    tls: {
      minVersion: 'TLSv1.2',
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(caFile === undefined ? {} : { ca: readCaFile(caFile, 'mail.caFile') }),
    },
    ...(usernameFile === undefined || passwordFile === undefined
      ? {}
      : { auth: inOneVersion([usernameFile, passwordFile], () => readLogin(usernameFile, passwordFile)) }),
    disableFileAccess: true,
    disableUrlAccess: true,
    ...timeouts,
  })
}

/** The server refused this address or this mail for good (5yz, RFC 5321 section 4.2.1). Every other fault may end,
 *  so the mail is tried again: a wrong password or certificate is not the mail's fault. */
function outcomeOf(error: unknown): TryOutcome {
  const { code, responseCode } = fieldsOf(error)
  const isRefusal = (code === 'EENVELOPE' || code === 'EMESSAGE') && typeof responseCode === 'number'
  return { kind: isRefusal && responseCode >= 500 ? 'never' : 'later', reason: describeError(error) }
}

const readLogin = (usernameFile: string, passwordFile: string) => ({
  user: readSecretFile(usernameFile, 'mail.usernameFile').reveal(),
  pass: readSecretFile(passwordFile, 'mail.passwordFile').reveal(),
})
