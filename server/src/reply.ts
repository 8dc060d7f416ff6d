import type { IncomingMessage, ServerResponse } from 'node:http'

/** What a page answers. `login/` and `oidc/` return these values; `http/` turns them into bytes. This file imports nothing of ours. */

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

/** Failures that still count; when they lock something, `until` is the end of the lock. */
interface FailuresOnPage {
  readonly count: number
  readonly isLocked: boolean
  readonly until: Date
}

/** A client as the help desk sees it. */
export interface ClientRow {
  readonly clientId: string
  readonly namespace: string
  readonly name: string
  /** `older`: an earlier version is served; `blocked`: another client has this id. */
  readonly state: 'served' | 'older' | 'refused' | 'blocked'
  /** Why the newest version is refused. */
  readonly says: string | undefined
  /** Of what is served. */
  readonly served: ServedClient | undefined
}

interface ServedClient {
  /** Web, SPA, Native, M2M or Device. */
  readonly type: string
  /** Nobody can use it, because its owner wants it so. */
  readonly isSuspended: boolean
  /** Of the OIDCClient. */
  readonly generation: number
  readonly scopes: readonly string[]
  /** Identifier of the API that it is. */
  readonly api: string | undefined
  /** Mail addresses of those who look after it. */
  readonly contacts: readonly string[]
  /** How many secrets work now; what they are is not known here. */
  readonly secrets: number
  /** The end of the last one that was replaced. */
  readonly oldSecretUntil: Date | undefined
}

/** A group of a person, and who says so. */
export interface GroupOnPage {
  readonly name: string
  /** It was given here. */
  readonly isOwn: boolean
  /** Ids of directories and providers. */
  readonly sources: readonly string[]
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

/** One entry of the consent page: a scope with a text of its own (`scope.<scope>`), or a scope of an API. */
export interface ScopeOnPage {
  readonly scope: string
  /** The API that the scope belongs to: its identifier or its client's name. */
  readonly api?: string | undefined
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

/** Every view (`views/<name>.eta`) with what it needs. Addresses (`…Action`) are paths below the origin. */
export interface Views {
  'sign-in': {
    readonly client?: ClientOnPage | undefined
    readonly action: string
    readonly cancelAction?: string | undefined
    readonly username: string
    /** Why a person who is signed in is asked again. */
    readonly reason?: 'again' | 'ended' | 'other' | undefined
    /** Where a new password, or an account, can be asked for by mail. */
    readonly forgotUrl?: string | undefined
    readonly registerUrl?: string | undefined
    readonly mistakes: readonly Mistake[]
    readonly passkey?: PasskeyOnPage | undefined
    /** Other providers at which people sign in. */
    readonly upstreams?: readonly { readonly id: string; readonly name: string; readonly action: string }[]
    /** An e-mail address alone can be enough: it leads to one of them. */
    readonly leadsByAddress?: boolean
    /** The person comes from a provider, and proves an account here to link it. */
    readonly linking?:
      | {
          readonly reason: 'email' | 'username' | 'unknown'
          /** How they are called there. */
          readonly label: string
          readonly name: string
          readonly id: string
        }
      | undefined
  }
  /** The person has proved an account here, and who they are at another provider. */
  'link-account': {
    readonly client?: ClientOnPage | undefined
    readonly action: string
    readonly cancelAction?: string | undefined
    readonly person: PersonOnPage
    readonly upstream: string
    readonly label: string
    readonly mistakes: readonly Mistake[]
  }
  /** A link of an administrator, before it is used. */
  'login-link': {
    readonly action: string
    readonly switchAction: string
    readonly person: PersonOnPage
  }
  /** Leads on by itself. */
  'moving-on': {
    readonly location: string
    /** Another provider; without it the way goes on here. */
    readonly name?: string | undefined
  }
  'choose-account': {
    readonly client?: ClientOnPage | undefined
    readonly action: string
    readonly cancelAction?: string | undefined
    /** Who is signed in. */
    readonly person: PersonOnPage | undefined
    /** Whom this browser remembers. */
    readonly others: readonly Pick<PersonOnPage, 'username' | 'name'>[]
  }
  'change-password': {
    readonly client?: ClientOnPage | undefined
    readonly action: string
    readonly cancelAction?: string | undefined
    readonly person: PersonOnPage
    readonly minLength: number
    readonly maxLength: number
    readonly mistakes: readonly Mistake[]
  }
  'second-factor': {
    readonly client?: ClientOnPage | undefined
    readonly person: PersonOnPage
    readonly action: string
    readonly recoveryAction: string
    readonly switchAction: string
    readonly cancelAction: string
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
    readonly mistakes: readonly Mistake[]
  }
  /** Shown once. */
  'account-codes': {
    readonly area: AreaOnPage
    readonly codes: readonly string[]
    readonly done: 'app-added' | 'passkey-added' | 'new-codes'
    readonly backHref: string
  }
  'account-passkey': {
    readonly area: AreaOnPage
    readonly backHref: string
    readonly passkey: PasskeyOnPage
    readonly mistakes: readonly Mistake[]
  }
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
    readonly what: 'remove-app' | 'remove-passkey' | 'new-codes' | 'unlink'
    /** Hidden field. */
    readonly id?: string | undefined
    readonly name?: string | undefined
  }
  consent: {
    readonly client: ClientOnPage
    readonly action: string
    readonly switchAction: string
    readonly person: PersonOnPage
    readonly scopes: readonly ScopeOnPage[]
    readonly details?: readonly DetailOnPage[]
    /** Whether "Remember this" is offered; else the person is asked each time. */
    readonly canRemember: boolean
    /** Stands for scopes and details in the answer. */
    readonly seen: string
    /** Host (or application scheme) that the person goes to; empty for a device. */
    readonly destination: string
    /** The answer goes to a program on the person's own device. */
    readonly loopback?: boolean
  }
  /** A person types the code that a device shows. */
  'device-code': {
    readonly action: string
    readonly userCode: string
    readonly mistakes: readonly Mistake[]
  }
  /** Whether the device is the person's own. */
  'confirm-device': {
    readonly client: ClientOnPage
    readonly action: string
    readonly userCode: string
    readonly scopes: readonly ScopeOnPage[]
    readonly details?: readonly DetailOnPage[]
    /** Who is signed in in this browser. */
    readonly person?: PersonOnPage | undefined
  }
  /** The account may not use this client. */
  refused: {
    readonly client: ClientOnPage
    readonly person: PersonOnPage
    readonly switchAction: string
    readonly cancelAction: string
  }
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
  /** Asks whose password is to be set anew. */
  forgot: {
    readonly client?: ClientOnPage | undefined
    readonly action: string
    /** Hidden fields: the sign-in that it began in. */
    readonly fields: Readonly<Record<string, string>>
    readonly login: string
    readonly mistakes: readonly Mistake[]
  }
  /** Sets a new password with a link that came by mail. */
  'new-password': {
    readonly action: string
    readonly person: PersonOnPage
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
  'admin-people': {
    readonly area: AreaOnPage
    readonly action: string
    /** Undefined where no mail is sent. */
    readonly inviteHref: string | undefined
    /** What was searched for; '' for everybody. */
    readonly text: string
    readonly people: readonly {
      readonly href: string
      readonly username: string
      readonly name: string | undefined
      readonly email: string | undefined
      /** Undefined for our own people. */
      readonly source: string | undefined
      readonly disabled: boolean
    }[]
    /** Undefined on the first page. */
    readonly firstHref: string | undefined
    readonly nextHref: string | undefined
  }
  'admin-person': {
    readonly area: AreaOnPage
    readonly person: PersonOnPage
    readonly id: string
    readonly email: string | undefined
    readonly emailVerified: boolean
    readonly source: string | undefined
    readonly sourceSays: 'known' | 'gone' | 'away'
    readonly groups: readonly GroupOnPage[]
    readonly disabled: boolean
    readonly mustChangePassword: boolean
    readonly created: Date
    readonly failures: FailuresOnPage | undefined
    readonly wrongCodes: FailuresOnPage | undefined
    readonly factors: readonly {
      /** Has a text `admin.factor.<kind>`. */
      readonly kind: string
      /** As the person named it. */
      readonly name: string
      readonly created: Date
      readonly lastUsed: Date | undefined
    }[]
    /** Who can sign in to the account at other providers. */
    readonly links: readonly {
      /** Id of the provider in the settings. */
      readonly upstream: string
      readonly subject: string
      /** The account began with it. */
      readonly isOrigin: boolean
      readonly linked: Date
      readonly lastUsed: Date
    }[]
    readonly sessions: readonly {
      readonly browser: string | undefined
      readonly system: string | undefined
      readonly address: string | undefined
      readonly lastSeen: Date
      readonly clients: number
    }[]
    readonly consents: readonly {
      readonly clientId: string
      readonly scopes: readonly string[]
      readonly granted: Date
    }[]
    readonly signIns: readonly {
      readonly at: Date
      readonly outcome: 'success' | 'failure'
      readonly reason: string | undefined
      readonly address: string | undefined
      readonly clientId: string | undefined
    }[]
    /** The administrator's own account: nothing can be done with it here. */
    readonly isOwn: boolean
    readonly acts: readonly { readonly id: string; readonly isSevere: boolean; readonly href: string }[]
  }
  'admin-invite': {
    readonly area: AreaOnPage
    readonly action: string
    readonly backHref: string
    readonly email: string
    readonly name: string
    readonly locale: string
    readonly languages: readonly { readonly tag: string; readonly name: string }[]
    readonly mistakes: readonly Mistake[]
  }
  /** Asks before an act of the help desk. */
  'admin-act': {
    readonly area: AreaOnPage
    /** Its texts are below `act.`. */
    readonly act: string
    readonly values?: TextOnPage['values']
    readonly isSevere: boolean
    readonly person: PersonOnPage
    readonly action: string
    readonly backHref: string
  }
  'admin-clients': {
    readonly area: AreaOnPage
    readonly action: string
    readonly text: string
    readonly clients: readonly ClientRow[]
    readonly firstHref: string | undefined
    readonly nextHref: string | undefined
  }
  'admin-keys': {
    readonly area: AreaOnPage
    readonly keys: readonly {
      readonly id: string
      readonly use: string
      readonly alg: string
      readonly state: 'next' | 'active' | 'retiring' | 'removed'
      readonly created: Date
      readonly active: Date
    }[]
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

export type ViewName = keyof Views

/** A page to render. `formTargets` are URLs to which a form of this page leads by redirects (the client's redirect URI): Chromium applies
 *  `form-action` to those too. */
export type Page = {
  [Name in ViewName]: {
    readonly kind: 'page'
    readonly view: Name
    readonly model: Views[Name]
    readonly status?: number | undefined
    readonly formTargets?: readonly string[] | undefined
    /** `ui_locales` of the request: they come first. */
    readonly languages?: readonly string[] | undefined
    /** Who reads it, when that is known: their language comes next, then Accept-Language. Of a page with an area it is the person there. */
    readonly reader?: PersonOnPage | undefined
    /** Seconds. */
    readonly retryAfter?: number | undefined
  }
}[ViewName]

/** A redirect to another address by GET (303). */
export interface Redirect {
  readonly kind: 'redirect'
  readonly location: string
}

export type Reply = Page | Redirect

/** A request as the handler of a page gets it: parsed once, by the page router. */
export interface PageRequest {
  readonly method: 'GET' | 'POST'
  readonly params: Readonly<Record<string, string>>
  /** What follows the `?` of the address. */
  readonly query: URLSearchParams
  /** Fields of a POST that has passed the form guard; empty for GET. */
  readonly form: URLSearchParams
  readonly peer: Peer
  /** Tags of the browser, the most wanted first. */
  readonly languages: readonly string[]
  readonly correlationId: string
  readonly raw: { readonly request: IncomingMessage; readonly response: ServerResponse }
}

/** Who asks, for lockout, devices and audit. */
export interface Peer {
  /** The address of the connection, or the one that a trusted proxy gives. */
  readonly address: string
  readonly userAgent: string
}

/** One row of a route table. */
export interface Route {
  readonly method: 'GET' | 'POST'
  /** Below the issuer, Express syntax: `/interaction/:uid/sign-in`. */
  readonly path: string
  /** `session`: its forms are bound to the session of the browser; else to the interaction in the address. Each path with a POST
   *  then has a GET too: a form whose session is over leads there. */
  readonly boundTo?: 'session'
  /** For a form of a page that is not for everybody: what somebody gets whom the page does not let in. It is asked before the form's own
   *  faults are told, so that a form tells no more than its page. */
  turnAway?(request: PageRequest): Promise<Reply | undefined>
  handle(request: PageRequest): Promise<Reply>
}

/** A page as bytes. */
export interface RenderedPage {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Renders a page for one request, for hooks of oidc-provider, which write their answer themselves. The Content-Security-Policy with
 *  the page's form targets is among the headers. */
export type RenderPage = (page: Page, request: IncomingMessage) => RenderedPage

/** Adds targets to a policy, for responses that others write (`response_mode=form_post`).
 *  @param policy a Content-Security-Policy; @param targets URLs
 *  @returns the policy with each target's origin (or application scheme) in `form-action` */
export function allowFormTargets(policy: string, targets: readonly string[]): string {
  const sources = targets.flatMap((target) => formSourceOf(target) ?? [])
  if (sources.length === 0) return policy
  return policy.replace(/form-action([^;]*)/, (_, present: string) => {
    const all = new Set([...present.split(' ').filter((source) => source !== '' && source !== "'none'"), ...sources])
    return `form-action ${[...all].join(' ')}`
  })
}

/** An application scheme: letters, digits, `+ - .`; anything else could end the directive. */
const applicationScheme = /^[a-z][a-z0-9+.-]*:$/

function formSourceOf(target: string): string | undefined {
  if (!URL.canParse(target)) return undefined
  const url = new URL(target)
  if (url.protocol === 'https:' || url.protocol === 'http:') return url.origin
  return applicationScheme.test(url.protocol) && url.protocol !== 'javascript:' ? url.protocol : undefined
}
