// What several pages show. This folder imports nothing of ours.

/** A client as a page shows it, with the texts as registered: the views escape them. */
export interface ClientOnPage {
  readonly clientId: string
  readonly name: string
  /** Our own pages; they have words of their own. */
  readonly own?: true | undefined
  /** Nobody registered it here: it is what its metadata document says, at this host. */
  readonly host?: string | undefined
  /** Path below the issuer: pages request nothing from others, so the server fetches the picture and serves it there. */
  readonly logo?: string | undefined
  /** Where a person can start again: the client's own page. Absolute https (or loopback http) URL. */
  readonly startUrl?: string | undefined
  readonly policyUrl?: string | undefined
  readonly termsUrl?: string | undefined
}

/** The person as a page shows them. */
export interface PersonOnPage {
  /** What they sign in with. */
  readonly username: string
  readonly name?: string | undefined
  /** The language that they prefer (BCP 47). */
  readonly locale?: string | undefined
  /** Undefined: that of their system. */
  readonly colourScheme?: 'light' | 'dark' | undefined
}

/** What surrounds the pages of an area, such as that of the account. */
export interface AreaOnPage {
  readonly person: PersonOnPage
  /** The text that names its links to who hears the page. */
  readonly label: string
  /** In their order; `id` has a text `nav.<id>`. */
  readonly links: readonly { readonly id: string; readonly href: string; readonly current: boolean }[]
  readonly signOutHref: string
  /** IANA name, such as Europe/Berlin; times are shown in it, else in UTC. */
  readonly timeZone?: string | undefined
  /** What was done just now: a key under `said.` in the locales. */
  readonly said?: string | undefined
}

/** A text of the locales, with its values. */
export interface TextOnPage {
  readonly key: string
  readonly values?: Readonly<Record<string, string | number>> | undefined
}

/** What ends for an application, and what not at once. */
export interface EndingOnPage {
  readonly name: string
  /** For so long an API may take its last signed token; 0: all ends at once. */
  readonly minutes: number
  /** It is told that the session has ended (back-channel logout), as soon as it can be reached. */
  readonly told: boolean
  /** It was allowed to act while the person is away, so it does not end with the session. */
  readonly stays?: boolean | undefined
}

/** One entry of the consent page: a scope with a text of its own (`scope.<scope>`), or a scope of an API. */
export interface ScopeOnPage {
  readonly scope: string
  /** The API that the scope belongs to: its identifier or its client's name. */
  readonly api?: string | undefined
  /** What the API says of it. */
  readonly title?: OwnText
  readonly description?: OwnText
}

/** A text that the owner of an API wrote. */
export interface OwnText {
  readonly text: string
  /** By language, where there is one. */
  readonly by?: Readonly<Record<string, string>>
}

/** One of the authorization details (RFC 9396): what an application may do at an API, beyond scopes. */
export interface DetailOnPage {
  /** The identifier of the API, or its client's name. */
  readonly api: string
  readonly title: OwnText
  readonly rows: readonly DetailRow[]
  /** The person is asked about it each time. */
  readonly eachTime: boolean
}

export interface DetailRow {
  /** A text of ours (`details.<name>`), or one of the API. */
  readonly label: 'actions' | 'datatypes' | 'privileges' | 'locations' | 'identifier' | OwnText
  readonly values: readonly (OwnText | boolean)[]
}

/** What is wrong in a form: a key under `mistake.` in the locales, and the control that it is about. */
export interface Mistake {
  readonly key: string
  /** id of the control, such as `username` */
  readonly control?: string | undefined
  readonly values?: Readonly<Record<string, string | number>> | undefined
}

/** The form of a passkey; its script asks the browser. */
export interface PasskeyOnPage {
  readonly action: string
  /** `suggest`: also among the suggestions for the user name. */
  readonly mode: 'suggest' | 'get' | 'create'
  /** JSON for the browser. */
  readonly options: string
  /** The challenge, encrypted. */
  readonly sealed: string
}
