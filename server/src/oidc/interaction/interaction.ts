// Types of an interaction: the pages between an authorization request and its response. login/ works with them.
import type { PageRequest } from '../../reply.ts'
import type { ClientOnPage, DetailOnPage, Mistake, PersonOnPage, ScopeOnPage } from '../../reply/on-page.ts'
import type { LoadedAccount } from '../../store/sessions/accounts.ts'
import type { AttemptKeys } from '../../store/people/attempts.ts'
import type { FactorStanding } from '../../users/factors/policy.ts'

export interface Interactions {
  /** Loads the interaction that the address names, from this browser's cookie. Never throws for a bad cookie. */
  load(request: PageRequest, uid: string): Promise<LoadedInteraction>
  /** Begins the sign-in for a device whose code the person has typed.
   *  @returns its uid; undefined when the client of the device is gone */
  startDevice(request: PageRequest, code: CodeOfDevice): Promise<string | undefined>
  /** Stores how far the person has come, in the interaction's cookie. */
  save(request: PageRequest, interaction: Interaction, progress: Progress): Promise<void>
  /** Remembers for this request what is known of a person already: they are not looked up again. */
  record(interaction: Interaction, person: LoadedAccount): void
  /** What the person must still agree to; `scopes` is empty when nothing. Reads the stored consent for the client's
   *  UID. */
  missingConsent(interaction: Interaction, account: SignedIn): Promise<MissingConsent>
  /** Whether the account may use the client (allowedGroups). */
  isAllowed(interaction: Interaction, account: SignedIn): Promise<boolean>
  /** The person may not use the client: its status says that this happens. */
  countRefusal(interaction: Interaction): void
  /** Which second factors the person has, and whether this request, its client or the setting wants one. */
  factorsFor(interaction: Interaction, account: SignedIn): Promise<FactorQuestion>
  /** Puts the result into the interaction's cookie for the library. Rows are written later, when the code is issued.
   *  @returns where to redirect (303); `spent` when the interaction is already over */
  finish(request: PageRequest, interaction: Interaction, result: InteractionResult): Promise<FinishOutcome>
}

export interface CodeOfDevice {
  readonly id: string
  readonly clientUid: string
  readonly payload: Readonly<Record<string, unknown>>
  readonly expiresAt: Date
}

export interface FactorQuestion {
  readonly kinds: FactorStanding['kinds']
  /** Whether what the person has proved so far is not enough. */
  readonly needed: boolean
}

export type LoadedInteraction =
  | { readonly kind: 'live'; readonly interaction: Interaction }
  /** Expired, finished, or ended together with the person's sessions. The cookie still names the client, so that the
   *  page can say where to start again. */
  | {
      readonly kind: 'over'
      readonly reason: 'expired' | 'finished' | 'ended'
      readonly client?: ClientOnPage | undefined
    }
  /** This browser has no cookie for it. */
  | { readonly kind: 'absent' }

export type FinishOutcome = { readonly kind: 'finished'; readonly location: string } | { readonly kind: 'spent' }

export interface Interaction {
  readonly uid: string
  readonly client: ClientOnPage
  readonly clientUid?: string | undefined
  /** Why the library asks: its prompt's name (`login`, `select_account`, `consent`, …) and reasons. */
  readonly prompt: { readonly name: string; readonly reasons: readonly string[] }
  /** The account of the browser's session, when there is a valid one. */
  readonly session?: SessionAccount | undefined
  /** The session is valid, but the request needs a second factor that it did not prove, and the person has one: it is asked for
   *  alone. */
  readonly stepUp?: boolean | undefined
  readonly loginHint?: string | undefined
  /** `ui_locales`, in order. */
  readonly uiLocales: readonly string[]
  /** `acr_values`, in order. */
  readonly acrValues?: readonly string[]
  /** `max_age` in seconds. */
  readonly maxAge?: number | undefined
  /** The redirect URI that the response goes to; empty for a device. */
  readonly redirectUri: string
  /** The device that the person signs in for. Nothing goes back to the browser then, and there is no redirect URI. */
  readonly device?: DeviceAsking | undefined
  readonly progress: Progress
}

export interface DeviceAsking {
  /** As the device shows it. */
  readonly userCode: string
  readonly scopes: readonly ScopeOnPage[]
  readonly details?: readonly DetailOnPage[]
  readonly isConfirmed: boolean
}

export interface SessionAccount extends SignedIn {
  /** Of the session. */
  readonly uid: string
  readonly person: PersonOnPage
  readonly standing?: string | undefined
  /** "Remember me" of the sign-in that began it. */
  readonly remember?: boolean | undefined
}

/** An account whose person has signed in. */
export interface SignedIn {
  readonly accountId: string
  /** Epoch seconds. */
  readonly authTime: number
  readonly amr: readonly string[]
  /** What was known of their second factors when the account was loaded; looked up when it is absent. */
  readonly factors?: FactorStanding | undefined
}

/** A sign-in in this interaction. */
export interface Login extends SignedIn {
  /** "Remember me". */
  readonly remember: boolean
  /** Counters of failed attempts; cleared when the sign-in is finished. */
  readonly attempt?: AttemptKeys | undefined
  /** The account's standing when the password was checked: when it has changed since, the sign-in is not valid any
   *  more. */
  readonly standing?: string | undefined
  /** Uid of the session of this account in which, or beside which, it was proved: when that session ends, so does this sign-in. */
  readonly beside: string | undefined
}

/** How far a person has come. Encrypted in the cookie: the browser cannot read or forge it. */
export interface Progress {
  /** The sign-in of this interaction; absent when the person has not signed in here. */
  readonly signedIn?:
    | (Login & {
        readonly person: PersonOnPage
        readonly passwordChangeRequired?: boolean
        /** Who they are at the provider by which they came in, where that counts as a password alone. */
        readonly cameBy?: Pick<Linking, 'issuer' | 'subject'>
      })
    | undefined
  /** The person chose to continue with the session's account (`prompt=select_account`). */
  readonly sessionChosen?: boolean | undefined
  /** The person chose "not you?": the session's account is ignored. */
  readonly switching?: boolean | undefined
  /** Whom of those that this browser remembers the person wants to sign in as; '' for somebody else. */
  readonly wanted?: string | undefined
  /** The person said that the device is theirs. */
  readonly deviceConfirmed?: boolean | undefined
  /** A second factor is going to be set up: the person signs in once more for it, and another provider must say when that was. */
  readonly anew?: boolean | undefined
  /** Wrong codes of this sign-in. */
  readonly wrongCodes?: number | undefined
  /** The seed of an authenticator app that is being set up, base32. It is nowhere else until the person has proved it. */
  readonly pendingSeed?: string | undefined
  /** What the person calls it. */
  readonly pendingName?: string | undefined
  /** To show once. */
  readonly recoveryCodes?: readonly string[] | undefined
  /** The person was sent to another provider, and has not come back yet. */
  readonly upstream?: SentUpstream | undefined
  /** Another provider knows the person, and no account here is theirs yet: they prove one, and then link the two. */
  readonly linking?: Linking | undefined
  /** Messages that the next page shows once, after the 303 of a POST. */
  readonly said?: { readonly mistakes: readonly Mistake[]; readonly username?: string } | undefined
}

/** What binds the answer of another provider to this browser. */
export interface SentUpstream {
  readonly id: string
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  /** Epoch seconds. */
  readonly at: number
  /** "Remember me". */
  readonly remember: boolean
  /** The person must sign in there anew; then an old sign-in is no answer. */
  readonly anew?: boolean | undefined
  /** The person wants a new account although the user name is taken. */
  readonly newName?: boolean | undefined
}

export interface Linking {
  readonly upstream: string
  readonly issuer: string
  readonly subject: string
  /** How the person is called there. */
  readonly label: string
  /** What another account here has, or that the provider brings nobody new. */
  readonly reason: 'email' | 'username' | 'unknown'
}

export interface MissingConsent {
  readonly scopes: readonly ScopeOnPage[]
  readonly details?: readonly DetailToAllow[]
  /** The client keeps its access until the person signs out (artefacts/refresh-families). */
  readonly inSession?: boolean
  readonly canRemember: boolean
}

/** One of the authorization details that the person is asked about, and its name in the request (detailId). */
export interface DetailToAllow extends DetailOnPage {
  readonly id: string
}

export type InteractionResult =
  | {
      readonly kind: 'signed-in'
      /** Set when the person signed in during this interaction; otherwise the session's account is used. */
      readonly login?: Login | undefined
      readonly consent?:
        | {
            readonly scopes: readonly ScopeOnPage[]
            readonly details?: readonly DetailToAllow[]
            readonly remember: boolean
          }
        | undefined
    }
  | { readonly kind: 'refused'; readonly error: 'access_denied'; readonly description: string }
