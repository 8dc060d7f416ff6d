// The mail server of the end-to-end run, in a pod of its own: SMTP with STARTTLS on port 2525, for whoever has name and password
// (SMTP_USERNAME, SMTP_PASSWORD). On port 8080: GET /mails, what it got. Mount: /tls (tls.crt, tls.key).
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { startMailbox } from '@nauthera/local/programs/mailbox'
import type { ReceivedMail } from '@nauthera/local/programs/mailbox'

/** One line of the answer of /mails. */
export type MailSeen = Pick<ReceivedMail, 'to' | 'subject' | 'text' | 'secure' | 'user'>

const { env } = process
const { mails } = await startMailbox({
  host: '0.0.0.0',
  port: 2525,
  tls: { cert: readFileSync('/tls/tls.crt', 'utf8'), key: readFileSync('/tls/tls.key', 'utf8') },
  login: { username: env['SMTP_USERNAME']!, password: env['SMTP_PASSWORD']! },
})
const seen = () => mails.map(({ to, subject, text, secure, user }): MailSeen => ({ to, subject, text, secure, user }))
createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(seen()))
}).listen(8080)
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0))
