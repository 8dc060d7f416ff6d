import type { ClientOnPage, Mistake, PageRequest, PersonOnPage, ScopeOnPage } from '../../reply.ts'
import type { AttemptKeys } from '../../store/attempts.ts'

// An interaction: what lies between an authorization request and its answer. login/ works on these values.

export interface Interactions {
  /** Loads the interaction that the address names, from this browser's cookie. Never throws for a bad cookie. */
  load(request: PageRequest, uid: string): Promise<LoadedInteraction>
  /** Keeps how far the person has come, in the interaction's cookie. */
  save(request: PageRequest, interaction: Interaction, progress: Progress): Promise<void>
  /** What is still to be agreed to; empty `scopes` = nothing. Reads the stored consent of (account, client UID). */
  missingConsent(interaction: Interaction, account: SignedIn): Promise<MissingConsent>
  /** Whether the account may use the client (allowedGroups). */
  isAllowed(interaction: Interaction, account: SignedIn): Promise<boolean>
  /** Ends it, in one statement with its mark: the consent, grant, device and audit rows.
   *  @returns where to go (303); `spent` when another request has ended it already */
  finish(request: PageRequest, interaction: Interaction, result: InteractionResult): Promise<FinishOutcome>
}

export type LoadedInteraction =
  | { readonly kind: 'live'; readonly interaction: Interaction }
  /** Over time, answered, or ended with the person's sessions: the client is known from the cookie, so that a person can start again there. */
  | {
      readonly kind: 'over'
      readonly reason: 'expired' | 'finished' | 'ended'
      readonly client?: ClientOnPage | undefined
    }
  /** No cookie of this browser has it. */
  | { readonly kind: 'absent' }

export type FinishOutcome = { readonly kind: 'finished'; readonly location: string } | { readonly kind: 'spent' }

export interface Interaction {
  readonly uid: string
  readonly client: ClientOnPage
  /** Why the library asks: its prompt's name (`login`, `select_account`, `consent`, …) and reasons. */
  readonly prompt: { readonly name: string; readonly reasons: readonly string[] }
  /** The account of the browser's session, if there is one that still holds. */
  readonly session?: SessionAccount | undefined
  readonly loginHint?: string | undefined
  /** `ui_locales`, in order. */
  readonly uiLocales: readonly string[]
  /** Where the answer goes: the redirect URI. */
  readonly redirectUri: string
  readonly progress: Progress
}

export interface SessionAccount extends SignedIn {
  readonly person: PersonOnPage
}

/** An account that has proved who it is. */
export interface SignedIn {
  readonly accountId: string
  /** Epoch seconds. */
  readonly authTime: number
  readonly amr: readonly string[]
  readonly acr?: string | undefined
}

/** A sign-in in this interaction. */
export interface Login extends SignedIn {
  /** "Remember me". */
  readonly remember: boolean
  /** Counters that the end of the sign-in clears, in its one statement. */
  readonly attempt?: AttemptKeys | undefined
  /** Of the account when it was proved: once it has moved, the sign-in counts no more. */
  readonly standing?: string | undefined
}

/** How far a person has come. Encrypted in the cookie: the browser cannot read or forge it. */
export interface Progress {
  /** Proved in this interaction; absent: only the session, if any. */
  readonly signedIn?: (Login & { readonly person: PersonOnPage; readonly passwordChangeRequired?: boolean }) | undefined
  /** The person chose to go on with the session's account (`prompt=select_account`). */
  readonly sessionChosen?: boolean | undefined
  /** The person said "not you?": the session's account does not count. */
  readonly switching?: boolean | undefined
  /** What the next page says once, after the 303 of a POST. */
  readonly said?: { readonly mistakes: readonly Mistake[]; readonly username?: string } | undefined
}

export interface MissingConsent {
  readonly scopes: readonly ScopeOnPage[]
  readonly canRemember: boolean
}

export type InteractionResult =
  | {
      readonly kind: 'signed-in'
      /** Set when proved in this interaction; else the session's account goes on. */
      readonly login?: Login | undefined
      readonly consent?: { readonly scopes: readonly ScopeOnPage[]; readonly remember: boolean } | undefined
    }
  | { readonly kind: 'refused'; readonly error: 'access_denied'; readonly description: string }
