// How mail is sent, and who may ask for an account by mail.
import { z } from '@nauthera/runtime/settings'
import { isLoopback } from '@nauthera/rules/issuer'
import { file, listOf } from './kinds.ts'

/** One line without control characters: it becomes a header. */
const mailbox = z
  .string()
  .max(320)
  .regex(
    /^([^<>"@,;:\\\p{Cc}]+ <[^<>@\s,;:"\p{Cc}]+@[^<>@\s,;:"\p{Cc}]+>|[^<>@\s,;:"\p{Cc}]+@[^<>@\s,;:"\p{Cc}]+)$/u,
    'must be an address such as sign-in@example.com, or Example <sign-in@example.com>',
  )

export const mailSettings = z
  .strictObject({
    host: z.string().min(1).max(253).describe('Host of the SMTP server.'),
    port: z.int().min(1).max(65535).default(587).describe('Port of the SMTP server.'),
    from: mailbox.describe('The sender of every mail: an address, or a name with an address in angle brackets.'),
    tls: z
      .enum(['starttls', 'implicit', 'off'])
      .default('starttls')
      .describe(
        'starttls: the connection must become TLS before anything is sent; implicit: TLS from the first byte (port 465); off: for a loopback host only.',
      ),
    usernameFile: file.optional().describe('File with the user name for SMTP; without it nobody signs in there.'),
    passwordFile: file.optional().describe('File with the password for SMTP.'),
    caFile: file.optional().describe('Certificates (PEM) that sign the certificate of the SMTP server.'),
  })
  .superRefine((mail, context) => {
    if (mail.tls === 'off' && !isLoopback(mail.host)) {
      const message = 'is off, which is for a loopback host only; use starttls or implicit'
      context.addIssue({ code: 'custom', path: ['tls'], message })
    }
    if ((mail.usernameFile === undefined) !== (mail.passwordFile === undefined)) {
      const path = mail.usernameFile === undefined ? 'usernameFile' : 'passwordFile'
      context.addIssue({ code: 'custom', path: [path], message: 'is missing; give both usernameFile and passwordFile' })
    }
  })
  .optional()
  .describe('How mail is sent. Without it no mail is sent, and what needs mail is not offered.')
export type MailSettings = NonNullable<z.output<typeof mailSettings>>

export const registrationSettings = z
  .strictObject({
    enabled: z.boolean().default(false).describe('Whether people can make an account for themselves. Needs mail.'),
    allowedDomains: listOf(
      z
        .string()
        .regex(
          /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}$/,
          'must be a domain in lower case, such as example.com',
        ),
    ).describe('Only addresses of these domains can register. Empty: every address can.'),
  })
  .prefault({})
export type RegistrationSettings = z.output<typeof registrationSettings>
