import type { AreaOnPage, Mistake, PersonOnPage, TextOnPage } from './on-page.ts'

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
  /** Where it is taken away; undefined where the member may not. */
  readonly removeHref: string | undefined
}

/** What waits for a second member. */
interface RequestOnPage {
  /** Its text is `act.<act>.link`. */
  readonly act: string
  /** The group, where it is about one. */
  readonly about: string | undefined
  /** User name of the member. */
  readonly askedBy: string
  readonly until: Date
}

/** The pages of the help desk. */
export interface AdminPages {
  'admin-people': {
    readonly area: AreaOnPage
    readonly action: string
    /** What waits for a second member, whoever it is about. */
    readonly requests: readonly (RequestOnPage & { readonly person: string; readonly href: string })[]
    /** Undefined where no mail is sent, and for members who may not. */
    readonly inviteHref: string | undefined
    /** What was searched for; '' for everybody. */
    readonly text: string
    readonly people: readonly {
      readonly href: string
      readonly username: string
      readonly name: string | undefined
      readonly email: string | undefined
      /** User name or address can be taken for that of somebody else. */
      readonly isLookAlike: boolean
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
    readonly isLookAlike: boolean
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
      /** Where it is ended; undefined where the member may not. */
      readonly endHref: string | undefined
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
      /** A sign-in for the pages of the account, which no client has. */
      readonly isAtAccount: boolean
    }[]
    /** The administrator's own account: nothing can be done with it here. */
    readonly isOwn: boolean
    /** A second member has to confirm each act. */
    readonly isProtected: boolean
    /** `href`: where it is confirmed; undefined for the member who asked. */
    readonly requests: readonly (RequestOnPage & { readonly href: string | undefined })[]
    /** Groups that the member may give; undefined where there is none. */
    readonly addGroup: { readonly action: string; readonly groups: readonly string[] } | undefined
    readonly auditHref: string
    readonly acts: readonly { readonly id: string; readonly isSevere: boolean; readonly href: string }[]
  }
  /** The audit log of one person. */
  'admin-audit': {
    readonly area: AreaOnPage
    readonly person: PersonOnPage
    readonly backHref: string
    /** The newest first. */
    readonly rows: readonly {
      readonly at: Date
      readonly event: string
      readonly outcome: 'success' | 'failure'
      readonly reason: string | undefined
      readonly actor: string | undefined
      readonly target: string | undefined
      readonly address: string | undefined
      readonly clientId: string | undefined
      /** A sign-in for the pages of the account, which no client has. */
      readonly isAtAccount: boolean
    }[]
    readonly firstHref: string | undefined
    readonly nextHref: string | undefined
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
    /** Which one of the person's, such as a session or a group; '' where there is only one. */
    readonly about: string
    readonly values: NonNullable<TextOnPage['values']>
    readonly isSevere: boolean
    readonly isLookAlike: boolean
    readonly person: PersonOnPage
    /** It is only asked for: another member has to confirm it within this time. */
    readonly second?: { readonly minutes: number } | undefined
    /** The member whose request is confirmed. */
    readonly askedBy?: string | undefined
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
}
