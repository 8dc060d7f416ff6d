import { paths } from '@nauthera/rules/endpoints'
import type { Interaction, Progress, SignedIn } from '../../oidc/interaction/interaction.ts'
import type { Page, PageRequest } from '../../reply.ts'
import type { Mistake, PersonOnPage } from '../../reply/on-page.ts'

/** One request of a sign-in. Each step reads it, and adds what it found out. */
export interface Attempt {
  readonly request: PageRequest
  readonly interaction: Interaction
  readonly paths: InteractionPaths
  readonly offers: Offers
  readonly account?: KnownAccount | undefined
  /** What the consent form of this request agrees to. */
  readonly agreed?: Agreed | undefined
  /** What the step `consent` passes on to `finish`. */
  readonly consent?: Consented | undefined
}

/** What a person without a password can do, apart from asking an administrator. */
export interface Offers {
  /** A link to set a new password, by mail. */
  readonly reset: boolean
  readonly registration: boolean
}

export interface KnownAccount extends SignedIn {
  readonly person: PersonOnPage
}

export interface Agreed {
  /** What the page of the form showed, as its field `seen` says. */
  readonly seen?: string | undefined
  readonly remember: boolean
}

export interface Consented {
  readonly remember: boolean
  readonly scopes: readonly { readonly scope: string; readonly api?: string | undefined }[]
}

/** A part of a sign-in. Steps never call one another: dispatch goes from one to the next. */
export interface Step {
  /** Whether the person has passed this step; else the page that asks for what is missing. */
  run(attempt: Attempt): Promise<StepOutcome> | StepOutcome
  /** Addresses below its page that lead back from elsewhere: `upstream/corp/back` is GET /interaction/:uid/upstream/corp/back. */
  readonly returns?: Readonly<Record<string, Form>>
  /** The forms of its page, by the last part of their address: `sign-in` is POST /interaction/:uid/sign-in. Each is carried out only for
   *  whoever has passed the steps before this one. */
  readonly forms?: Readonly<Record<string, Form>>
}

export type StepOutcome =
  | { readonly kind: 'passed'; readonly attempt: Attempt }
  | { readonly kind: 'ask'; readonly page: Page }
  /** The page leads out of here, and the person comes back with an answer. */
  | Leave
  | { readonly kind: 'ended'; readonly location: string }
  | { readonly kind: 'spent' }

export interface Leave {
  readonly kind: 'leave'
  readonly progress: Progress
  readonly page: Page
}

export type Form = (attempt: Attempt) => Promise<FormOutcome> | FormOutcome

/** What follows from a form; `carryOut` does it. */
export type FormOutcome =
  /** To the next step that asks, or to the client. */
  | { readonly kind: 'go-on'; readonly progress: Progress; readonly agreed?: Agreed }
  /** The same page again, with what is wrong. */
  | {
      readonly kind: 'mistaken'
      readonly mistakes: readonly Mistake[]
      readonly username?: string
      /** The progress after it; default: unchanged. */
      readonly progress?: Progress
    }
  /** The same page again; nothing was changed. */
  | { readonly kind: 'unchanged' }
  | Leave
  /** This page, without a redirect. */
  | { readonly kind: 'page'; readonly page: Page }
  /** The person refused; the client is told. */
  | {
      readonly kind: 'refused'
      /** Default: the event that the protocol records itself. */
      readonly event?: 'consent.denied' | 'authorization.refused'
      readonly reason?: string
      /** Said to the client. */
      readonly description: string
    }
  /** This sign-in is not valid any more: it has to be started again. */
  | { readonly kind: 'over' }

/** Addresses of an interaction, below the origin. */
export interface InteractionPaths {
  readonly page: string
  /** The pages that ask for a mail. @param clientId leads back to the client */
  forgot(clientId: string): string
  readonly register: string
  /** @param name of a form of one of the steps */
  form(name: string): string
}

/** @param basePath the issuer's path, '' when it has none */
export function interactionPaths(basePath: string, uid: string): InteractionPaths {
  const page = `${basePath}${paths.interaction}/${encodeURIComponent(uid)}`
  return {
    page,
    forgot: (client) => `${basePath}${paths.forgot}?${new URLSearchParams({ client, 'sign-in': uid }).toString()}`,
    register: `${basePath}${paths.register}`,
    form: (name) => `${page}/${name}`,
  }
}

/** What every page of a sign-in has. */
export const pageOf = ({ uiLocales, redirectUri }: Interaction, reader?: PersonOnPage) =>
  ({ kind: 'page', languages: uiLocales, reader, formTargets: [redirectUri] }) as const

/** Begins a `login_hint` that is a login link; a user name cannot be told from it, so it counts for our own pages alone. */
export const linkHintPrefix = 'login-link:'

/** The name that an application suggests; never a link, which would sign in whoever reads it. */
export const suggestedName = ({ loginHint }: Pick<Interaction, 'loginHint'>): string | undefined =>
  loginHint?.startsWith(linkHintPrefix) ? undefined : loginHint
