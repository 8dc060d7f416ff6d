import type { ClientOnPage, EndingOnPage, PersonOnPage } from './on-page.ts'

/** The pages of no area: signing out, errors, notices, the address of the service itself. */
export interface GeneralPages {
  logout: {
    readonly client?: ClientOnPage | undefined
    readonly action: string
    /** Hidden fields of the form, such as the library's own token. */
    readonly fields: Readonly<Record<string, string>>
    readonly person?: PersonOnPage | undefined
    /** Another provider at which the person may stay signed in, and its page to sign out. */
    readonly elsewhere?: { readonly name: string; readonly url: string | undefined } | undefined
    /** Undefined when it is not known. */
    readonly endings?: readonly EndingOnPage[] | undefined
  }
  /** The end of a sign-out, also of one that the person did not want. */
  'signed-out': {
    readonly client?: ClientOnPage | undefined
    readonly stillSignedIn: boolean
    /** The client would have led the person to an address that it has not registered; `shown` is what may be shown of it. */
    readonly unlisted?: { readonly shown: string | undefined } | undefined
    /** Undefined when it is not known. */
    readonly endings?: readonly EndingOnPage[] | undefined
  }
  error: {
    /** A key under `error.` in the locales; an unknown one shows the general text. */
    readonly key: string
    /** The code that a person can quote: UPPER_SNAKE, or the protocol's own. */
    readonly code: string
    readonly client?: ClientOnPage | undefined
    readonly values?: Readonly<Record<string, string | number>> | undefined
    /** What the protocol says is wrong, in English, for the people who run the application. */
    readonly description?: string | undefined
    /** Shown in development only (setting `development`), such as the redirect URIs that are registered. */
    readonly detail?: string | undefined
    /** Path to try again, when that can help. */
    readonly retryUrl?: string | undefined
    /** Where the person wanted to be instead. */
    readonly goTo?: string | undefined
  }
  /** Something was done, or cannot be done: a title and a text (`notice.<key>.…` in the locales), and where to go on. */
  notice: {
    readonly key: string
    readonly values?: Readonly<Record<string, string | number>> | undefined
    readonly client?: ClientOnPage | undefined
    readonly link?: { readonly href: string; readonly key: string } | undefined
  }
  /** What somebody sees who opens the address of this service itself. */
  home: {
    readonly issuer: string
    readonly discovery: string
    readonly account: string
  }
}
