import type {
  AreaOnPage,
  ClientOnPage,
  DetailOnPage,
  EndingOnPage,
  Mistake,
  PersonOnPage,
  ScopeOnPage,
  TextOnPage,
} from './on-page.ts'

/** One part of the page about security, such as the password. */
export interface SecuritySection {
  /** Its heading is the text `security.<id>.title`. */
  readonly id: string
  readonly text: DatedText
  /** What there is, such as the passkeys of the person. */
  readonly items: readonly {
    /** As the person named it; it may be empty. */
    readonly name: string
    readonly note: DatedText
    readonly actions: readonly SecurityLink[]
  }[]
  readonly actions: readonly (SecurityLink & { readonly isMain?: boolean })[]
}

/** `at` is its value `date`, in the language and time zone of the person. */
interface DatedText extends TextOnPage {
  readonly at?: Date
}

export interface SecurityLink {
  /** Of the element. */
  readonly id: string
  readonly href: string
  /** Key of its text. */
  readonly key: string
  readonly values?: TextOnPage['values']
}

/** One claim of a person, such as `nickname`; its heading is the text `claim.<claim>`. */
export interface ProfileFact {
  readonly claim: string
  readonly value: string
}

/** An application that a person may open. */
export interface TileOnPage {
  readonly client: ClientOnPage
  /** Empty when it has none. */
  readonly description: string
  /** Absolute URL. */
  readonly href: string
}

/** Where a person is signed in. Browser and system are undefined when they are not recognised. */
export interface SessionOnPage {
  readonly browser: string | undefined
  readonly system: string | undefined
  readonly address: string | undefined
  readonly lastSeen: Date
  readonly signedInAt: Date
  /** The session of this browser. */
  readonly isThis: boolean
  /** Names of those that it was used for. */
  readonly applications: readonly string[]
  /** Where it is ended. */
  readonly href: string
}

/** What a person has allowed an application. */
export interface ApplicationOnPage {
  readonly client: ClientOnPage
  readonly since: Date
  /** It keeps its access when the session ends. */
  readonly offline: boolean
  readonly scopes: readonly ScopeOnPage[]
  readonly details?: readonly DetailOnPage[]
  readonly href: string
}

/** The pages about a person's own account. */
export interface AccountPages {
  /** Links a sign-in at another provider: before the way there, or, with `found`, after it. */
  'account-link': {
    readonly area: AreaOnPage
    readonly action: string
    readonly backHref: string
    readonly provider: string
    /** Who came back. */
    readonly found?: {
      readonly label: string
      /** For the form, encrypted. */
      readonly sealed: string
    }
    readonly mistakes: readonly Mistake[]
  }
  'account-overview': {
    readonly area: AreaOnPage
    readonly tiles: readonly TileOnPage[]
    /** How many there are, with those that are not shown. */
    readonly found: number
    /** The field to search them, when there are many. */
    readonly search?: { readonly action: string; readonly text: string } | undefined
  }
  'account-password': {
    readonly area: AreaOnPage
    readonly action: string
    readonly backHref: string
    readonly person: PersonOnPage
    /** Says where the password is changed instead. */
    readonly elsewhere?: TextOnPage | undefined
    readonly minLength: number
    readonly maxLength: number
    readonly mistakes: readonly Mistake[]
  }
  'account-profile': {
    readonly area: AreaOnPage
    readonly facts: readonly ProfileFact[]
    readonly email?: { readonly address: string; readonly verified: boolean } | undefined
    readonly groups: readonly string[]
    /** Where the facts come from, when they are not our own. */
    readonly source?: string | undefined
    /** What the person may change, as it was typed. */
    readonly form?:
      | { readonly action: string; readonly name: string; readonly nickname: string; readonly zoneinfo: string }
      | undefined
    readonly mistakes: readonly Mistake[]
  }
  'account-sessions': {
    readonly area: AreaOnPage
    readonly sessions: readonly SessionOnPage[]
    readonly everywhereHref: string
  }
  /** Asks before one session is ended. */
  'account-session': {
    readonly area: AreaOnPage
    readonly session: SessionOnPage
    readonly endings: readonly EndingOnPage[]
    readonly action: string
    readonly backHref: string
  }
  'account-everywhere': {
    readonly area: AreaOnPage
    readonly endings: readonly EndingOnPage[]
    readonly action: string
    readonly backHref: string
  }
  'signed-out-everywhere': {
    readonly endings: readonly EndingOnPage[]
    readonly accountHref: string
  }
  'account-applications': {
    readonly area: AreaOnPage
    readonly applications: readonly ApplicationOnPage[]
    /** Undefined on the first page, and on the last one. */
    readonly firstHref: string | undefined
    readonly nextHref: string | undefined
  }
  /** Asks before the access of one application is removed. */
  'account-application': {
    readonly area: AreaOnPage
    readonly application: ApplicationOnPage
    readonly ending: EndingOnPage
    readonly action: string
    readonly backHref: string
  }
  'account-preferences': {
    readonly area: AreaOnPage
    readonly action: string
    /** Each in its own words. */
    readonly languages: readonly { readonly tag: string; readonly name: string }[]
    /** Undefined: that of the browser. */
    readonly language: string | undefined
    readonly colourScheme: PersonOnPage['colourScheme']
    readonly mistakes: readonly Mistake[]
  }
  'account-security': {
    readonly area: AreaOnPage
    readonly sections: readonly SecuritySection[]
  }
}
