// The one door to SMTP. Nobody on the way can read or change a mail: the connection uses TLS, or stays on this machine.
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import { inOneVersion } from '@nauthera/proto/mounted-volume'
import { asOneLine } from '@nauthera/runtime/hidden-characters'
import { fieldsOf } from '@nauthera/runtime/json'
import { describeError } from '@nauthera/runtime/log'
import { readCaFile, readSecretFile } from '@nauthera/runtime/settings'
import type { MailSettings } from '../settings/mail.ts'
import type { TryOutcome } from '../store/outbox/outbox-runner.ts'
import { emailAddressOf, isEmailAddress } from '../store/people/email-address.ts'

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
  /** Connects, begins TLS, signs in, and asks whether the sender may send; sends no mail.
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
    check: () => askForSender(settings),
  }
}

/** Loads the library with the first mail: most servers send none for a long time. */
async function open(settings: MailSettings) {
  const { createTransport } = await import('nodemailer')
  const { usernameFile, passwordFile } = settings
  return createTransport({
    ...connectionOf(settings),
    ...(usernameFile === undefined || passwordFile === undefined ? {} : { auth: loginOf(usernameFile, passwordFile) }),
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}

function connectionOf({ host, port, tls, caFile }: MailSettings) {
  return {
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'off',
    tls: {
      minVersion: 'TLSv1.2' as const,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(caFile === undefined ? {} : { ca: readCaFile(caFile, 'mail.caFile') }),
    },
    ...timeouts,
  }
}

/** Says MAIL FROM, as before a mail, and RSET, which takes it back (RFC 5321 section 4.1.1): many servers take only some senders, or
 *  only from somebody who signed in, and say so here. */
async function askForSender(settings: MailSettings): Promise<void> {
  const { default: SmtpConnection } = await import('nodemailer/lib/smtp-connection')
  const { usernameFile, passwordFile } = settings
  const connection = new SmtpConnection({
    ...connectionOf(settings),
    // a way of signing in is where the library lets others say commands of their own
    customAuth: {
      [senderQuestion]: async ({ sendCommand }) => {
        for (const command of [`MAIL FROM:<${addressIn(settings.from)}>`, 'RSET']) {
          const { status, response } = await sendCommand(command)
          if (status < 200 || status > 299) throw new Error(`${command} is refused: ${response}`)
        }
      },
    },
  })
  const failed = new Promise<never>((_resolve, reject) => {
    connection.once('error', reject)
    connection.once('end', () => reject(new Error('the server closed the connection')))
  })
  try {
    await Promise.race([failed, promisify(connection.connect.bind(connection))()])
    const login = promisify(connection.login.bind(connection))
    if (usernameFile !== undefined && passwordFile !== undefined && connection.allowsAuth)
      await Promise.race([failed, login(loginOf(usernameFile, passwordFile))])
    await Promise.race([failed, login({ method: senderQuestion })])
  } finally {
    connection.close()
  }
}

const senderQuestion = 'X-SENDER'

/** @param from an address, or a name with one in angle brackets */
function addressIn(from: string): string {
  const address = from.replace(/^.*<|>$/g, '')
  return emailAddressOf(address) ?? address
}

/** Final is only what the server says of the recipient: the mail itself is of one form, and the sender, the sign-in, a quota or a limit
 *  are ours to mend. What is put off is in the log and in the metric of the outbox, and is given up when its time is over. */
function outcomeOf(error: unknown): TryOutcome {
  return { kind: isOfRecipient(fieldsOf(error)) ? 'never' : 'later', reason: describeError(error) }
}

/** The reply to MAIL FROM, or to a sign-in, is never about the recipient. To RCPT TO a server also says what it has against the sender, so
 *  its enhanced code counts; after the mail only that tells whom a reply is about. */
function isOfRecipient({ command, responseCode, response }: Record<string, unknown>): boolean {
  if ((command !== 'RCPT TO' && command !== 'DATA') || typeof responseCode !== 'number') return false
  const [, enhanced] = /^5\d\d[ -](5\.\d{1,3}\.\d{1,3})\b/.exec(typeof response === 'string' ? response : '') ?? []
  if (enhanced !== undefined) return ofRecipient.enhanced.includes(enhanced)
  return command === 'RCPT TO' && ofRecipient.plain.includes(responseCode)
}

/** RFC 5321 section 4.2.3: no such mailbox, not a local one, a name that is none. RFC 3463 section 3.2 and RFC 7505 for 5.1.x, without
 *  those of the sender (7, 8) and of the way (9); 5.2.1: the mailbox takes nothing. */
const ofRecipient: { readonly plain: readonly number[]; readonly enhanced: readonly string[] } = {
  plain: [550, 551, 553],
  enhanced: ['5.1.0', '5.1.1', '5.1.2', '5.1.3', '5.1.4', '5.1.5', '5.1.6', '5.1.10', '5.2.1'],
}

const loginOf = (usernameFile: string, passwordFile: string) =>
  inOneVersion([usernameFile, passwordFile], () => ({
    user: readSecretFile(usernameFile, 'mail.usernameFile').reveal(),
    pass: readSecretFile(passwordFile, 'mail.passwordFile').reveal(),
  }))
