import { paths } from '@nauthera/rules/endpoints'
import type { Interaction, SignedIn } from '../oidc/interaction/interaction.ts'
import type { Page, PageRequest, PersonOnPage } from '../reply.ts'

/** One request of one person on the way through a sign-in. Steps read it and pass on what they found. */
export interface Attempt {
  readonly request: PageRequest
  readonly interaction: Interaction
  /** Addresses of this interaction's forms. */
  readonly paths: InteractionPaths
  readonly account?: KnownAccount | undefined
  /** What this very request agrees to, by the consent form. */
  readonly agreed?: { readonly remember: boolean } | undefined
  /** What the step `consent` found agreed, for `finish`. */
  readonly consent?: Consented | undefined
}

export interface KnownAccount extends SignedIn {
  readonly person: PersonOnPage
}

export interface Consented {
  readonly scopes: readonly { readonly scope: string; readonly api?: string | undefined }[]
  readonly remember: boolean
}

/** What a step says. Steps never call one another: dispatch alone goes on. */
export type StepOutcome =
  | { readonly kind: 'passed'; readonly attempt: Attempt }
  | { readonly kind: 'ask'; readonly page: Page }
  | { readonly kind: 'ended'; readonly location: string }
  | { readonly kind: 'spent' }

export type Step = (attempt: Attempt) => Promise<StepOutcome> | StepOutcome

export interface InteractionPaths {
  readonly page: string
  readonly signIn: string
  readonly account: string
  readonly password: string
  readonly consent: string
  readonly switch: string
  readonly cancel: string
}

/** The languages of a page, in order of wish: those of the request, then the person's own. */
export function languagesOf(interaction: Interaction, person?: PersonOnPage): readonly string[] {
  return person?.locale === undefined ? interaction.uiLocales : [...interaction.uiLocales, person.locale]
}

/** @param basePath the issuer's path, '' when it has none */
export function interactionPaths(basePath: string, uid: string): InteractionPaths {
  const page = `${basePath}${paths.interaction}/${encodeURIComponent(uid)}`
  return {
    page,
    signIn: `${page}/sign-in`,
    account: `${page}/account`,
    password: `${page}/password`,
    consent: `${page}/consent`,
    switch: `${page}/switch`,
    cancel: `${page}/cancel`,
  }
}
