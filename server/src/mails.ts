// The mails that the server sends, with what each says. Texts are in the locales (`mail.<template>.…`).
import type { AskedFrom } from './describe-agent.ts'
import type { FactorKind } from './factor-kind.ts'

/** Every template with its values. Text from people is text: `mail/compose.ts` escapes it. Paths are below the issuer. */
export interface Mails {
  /** Somebody may join: `path` is the page where they choose a password. */
  readonly invitation: { readonly path: string; readonly days: number }
  /** Somebody asked for an account with this address. */
  readonly registration: { readonly path: string; readonly minutes: number; readonly asked: AskedFrom }
  /** Somebody asked for an account, and there is one with this address. */
  readonly 'already-registered': { readonly path: string; readonly asked: AskedFrom }
  /** Somebody asked for an account, and the address is that of a person of a directory. */
  readonly 'account-elsewhere': { readonly path: string; readonly asked: AskedFrom }
  readonly reset: {
    readonly person: string
    readonly path: string
    readonly minutes: number
    /** Absent when the help desk sends it. */
    readonly asked?: AskedFrom | undefined
  }
  readonly verify: { readonly person: string; readonly path: string; readonly minutes: number }
  readonly 'password-changed': { readonly person: string; readonly at: string; readonly asked?: AskedFrom | undefined }
  readonly 'factor-changed': {
    readonly person: string
    readonly change: ChangedFactor
    readonly at: string
    readonly asked?: AskedFrom | undefined
  }
  readonly 'new-device': {
    readonly person: string
    readonly at: string
    readonly asked: AskedFrom
    readonly client?: string
  }
  /** To the team of the help desk: a member did something severe, or asks another one to confirm it. */
  readonly 'desk-act': {
    readonly person: string
    readonly by: string
    /** A key under `act.` in the locales. */
    readonly act: string
    readonly outcome: 'done' | 'asked'
    readonly at: string
    readonly path: string
  }
  readonly locked: {
    readonly person: string
    /** Where a new password is asked for, which lifts the lock; absent where the password is not ours. */
    readonly path?: string | undefined
    readonly at: string
    readonly minutes: number
    readonly asked?: AskedFrom | undefined
  }
}

/** What has changed of how a person proves who they are, or where mails to them go: a key under `mail.factor-changed.change.` in the locales. */
export type ChangedFactor =
  | `${FactorKind}-added`
  | `${FactorKind}-removed`
  | 'recovery-codes-new'
  | 'recovery-code-used'
  | 'factors-reset'
  | 'upstream-linked'
  | 'upstream-unlinked'
  | 'upstream-removed'
  | 'address-moved'

export type MailTemplate = keyof Mails

export type Mail = {
  readonly [Template in MailTemplate]: {
    /** Two mails with the same key are one: it names the change that the mail is about. */
    readonly onceKey: string
    readonly to: string
    readonly template: Template
    /** The most wanted first: the person's own, then those of the request. */
    readonly languages: readonly string[]
    readonly data: Mails[Template]
    /** It is given up at this age: with the life of its link, or after a day. */
    readonly giveUpAfterMs?: number | undefined
  }
}[MailTemplate]
