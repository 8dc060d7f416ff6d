import { paths } from '@nauthera/rules/endpoints'
import type { Interaction, Progress, SignedIn } from '../oidc/interaction/interaction.ts'
import type { Mistake, Page, PageRequest, PersonOnPage } from '../reply.ts'

/** One request of one person on the way through a sign-in. Steps read it and pass on what they found. */
export interface Attempt {
  readonly request: PageRequest
  readonly interaction: Interaction
  readonly paths: InteractionPaths
  readonly account?: KnownAccount | undefined
  /** What this very request agrees to, by the consent form. */
  readonly agreed?: Agreed | undefined
  /** What the step `consent` found agreed, for `finish`. */
  readonly consent?: Consented | undefined
}

export interface KnownAccount extends SignedIn {
  readonly person: PersonOnPage
}

export interface Agreed {
  readonly remember: boolean
}

export interface Consented extends Agreed {
  readonly scopes: readonly { readonly scope: string; readonly api?: string | undefined }[]
}

/** A part of a sign-in that a person may have to pass. Steps never call one another: dispatch alone goes on. */
export interface Step {
  /** Looks how far the person has come. */
  take(attempt: Attempt): Promise<StepOutcome> | StepOutcome
  /** What its page sends, by the last word of the address: `sign-in` is POST /interaction/:uid/sign-in. */
  readonly forms?: Readonly<Record<string, Form>>
}

export type StepOutcome =
  | { readonly kind: 'passed'; readonly attempt: Attempt }
  | { readonly kind: 'ask'; readonly page: Page }
  | { readonly kind: 'ended'; readonly location: string }
  | { readonly kind: 'spent' }

export type Form = (attempt: Attempt) => Promise<FormOutcome> | FormOutcome

/** What a form leads to; `carryOut` does it. */
export type FormOutcome =
  /** As far as this allows: to the client, or to the page with the next question. */
  | { readonly kind: 'go-on'; readonly progress: Progress; readonly agreed?: Agreed }
  /** The same page again, which says what is wrong. */
  | { readonly kind: 'mistaken'; readonly mistakes: readonly Mistake[]; readonly username?: string }
  /** Nothing was changed: the page again. */
  | { readonly kind: 'unchanged' }
  /** A page at once, not by way of a redirect. */
  | { readonly kind: 'page'; readonly page: Page }
  /** The person said no: the client is told. */
  | {
      readonly kind: 'refused'
      readonly event: 'consent.denied' | 'authorization.refused'
      readonly reason?: string
      /** Said to the client. */
      readonly description: string
    }
  /** The sign-in counts no more; what was proved is forgotten. */
  | { readonly kind: 'over' }

/** Addresses of an interaction, below the origin. */
export interface InteractionPaths {
  readonly page: string
  /** @param name of a form of one of the steps */
  form(name: string): string
}

/** @param basePath the issuer's path, '' when it has none */
export function interactionPaths(basePath: string, uid: string): InteractionPaths {
  const page = `${basePath}${paths.interaction}/${encodeURIComponent(uid)}`
  return { page, form: (name) => `${page}/${name}` }
}

/** The languages of a page, in order of wish: those of the request, then the person's own. */
export function languagesOf(interaction: Interaction, person?: PersonOnPage): readonly string[] {
  return person?.locale === undefined ? interaction.uiLocales : [...interaction.uiLocales, person.locale]
}
