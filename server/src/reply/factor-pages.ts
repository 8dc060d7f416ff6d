import type { FactorWord } from '../factor-kind.ts'
import type { AreaOnPage, ClientOnPage, Mistake, PasskeyOnPage, PersonOnPage } from './on-page.ts'

/** The pages about second factors: asked for at a sign-in, set up there, and kept in the account. */
export interface FactorPages {
  'second-factor': {
    readonly client?: ClientOnPage | undefined
    readonly person: PersonOnPage
    readonly action: string
    readonly recoveryAction: string
    readonly cancelAction?: string | undefined
    /** A new password follows, and no sign-in. */
    readonly isForPassword?: boolean
    /** Whether the person has an authenticator app, and a passkey. */
    readonly hasApp: boolean
    readonly passkey?: PasskeyOnPage | undefined
    readonly mistakes: readonly Mistake[]
  }
  /** The person must have a second factor, and has none. */
  'set-up-factor': {
    readonly client?: ClientOnPage | undefined
    readonly person: PersonOnPage
    /** The sign-in is too old for it, or nobody knows how old it is. */
    readonly signInFirst: boolean
    /** It was no sign-in with a link, which the setting wants. */
    readonly linkFirst?: boolean
    readonly action: string
    readonly cancelAction: string
    /** Where passkeys are possible. */
    readonly passkey: PasskeyOnPage | undefined
    readonly mistakes: readonly Mistake[]
  }
  'set-up-app': {
    readonly client?: ClientOnPage | undefined
    readonly action: string
    readonly cancelAction: string
    /** A picture, as a data: URL. */
    readonly qrCode: string
    /** What the picture holds, to type by hand; in groups. */
    readonly secret: string
    /** As typed. */
    readonly name: string
    readonly mistakes: readonly Mistake[]
  }
  /** Shown once. */
  'recovery-codes': {
    readonly client?: ClientOnPage | undefined
    readonly action: string
    readonly codes: readonly string[]
  }
  'account-app': {
    readonly area: AreaOnPage
    readonly action: string
    readonly backHref: string
    readonly qrCode: string
    readonly secret: string
    /** The secret for the form, encrypted. */
    readonly sealed: string
    /** As typed. */
    readonly name: string
    /** Providers whose links go with the first factor, unless they are kept. */
    readonly weakLinks: readonly string[]
    readonly mistakes: readonly Mistake[]
  }
  /** Shown once. */
  'account-codes': {
    readonly area: AreaOnPage
    readonly codes: readonly string[]
    readonly done: `${FactorWord}-added` | 'new-codes'
    readonly backHref: string
  }
  'account-passkey': {
    readonly area: AreaOnPage
    readonly backHref: string
    readonly passkey: PasskeyOnPage
    readonly weakLinks: readonly string[]
    readonly mistakes: readonly Mistake[]
  }
  /** Gives an authenticator app or a passkey another name. */
  'account-rename': {
    readonly area: AreaOnPage
    readonly action: string
    readonly backHref: string
    /** Hidden field. */
    readonly id: string
    /** Its kind: a key under `security.rename.` in the locales. */
    readonly what: string
    readonly name: string
    readonly mistakes: readonly Mistake[]
  }
  'account-confirm': {
    readonly area: AreaOnPage
    readonly action: string
    readonly backHref: string
    readonly what: `remove-${FactorWord}` | 'new-codes' | 'unlink'
    /** Hidden field. */
    readonly id?: string | undefined
    readonly name?: string | undefined
  }
}
