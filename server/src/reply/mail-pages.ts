import type { ClientOnPage, Mistake, PersonOnPage } from './on-page.ts'

/** The pages that ask for mails, or that mails lead to. */
export interface MailPages {
  /** Asks whose password is to be set anew. */
  forgot: {
    readonly client?: ClientOnPage | undefined
    readonly action: string
    /** The sign-in that it began in. */
    readonly backHref?: string | undefined
    /** Hidden fields: the sign-in that it began in. */
    readonly fields: Readonly<Record<string, string>>
    readonly login: string
    readonly mistakes: readonly Mistake[]
  }
  /** Sets a new password with a link that came by mail. */
  'new-password': {
    readonly action: string
    readonly person: PersonOnPage
    /** Of a second factor that was proved before. */
    readonly proof?: string | undefined
    readonly minLength: number
    readonly maxLength: number
    readonly mistakes: readonly Mistake[]
  }
  'confirm-email': {
    readonly action: string
    readonly email: string
  }
  /** Accepts an invitation, or completes a registration. */
  join: {
    readonly action: string
    readonly email: string
    readonly name: string
    readonly minLength: number
    readonly maxLength: number
    readonly mistakes: readonly Mistake[]
  }
  register: {
    readonly action: string
    readonly email: string
    /** Of the addresses that may register; empty: all. */
    readonly domains: readonly string[]
    readonly mistakes: readonly Mistake[]
  }
}
