import type { UpstreamDescription } from './presets.ts'

/** Another provider at which people sign in. */
export interface Upstream extends UpstreamDescription {
  /** @returns where the browser goes
   *  @throws CodedError UPSTREAM_UNAVAILABLE */
  start(ask: BeginAsk): Promise<URL>
  /** Checks what the browser brought back, and asks the provider who it is.
   *  @throws CodedError UPSTREAM_UNAVAILABLE, UPSTREAM_ANSWER_INVALID */
  complete(answer: BroughtBack): Promise<UpstreamAnswer>
  /** Where a person signs out there; undefined when it has no such page, or does not answer. */
  signOutUrl(): Promise<URL | undefined>
}

/** What the provider says of a person. */
export type UpstreamClaims = Readonly<Record<string, unknown>>

/** What binds an answer of the provider to the browser that was sent there. */
export interface Binding {
  readonly state: string
  readonly nonce: string
  /** PKCE. */
  readonly verifier: string
}

export interface BeginAsk extends Binding {
  readonly loginHint?: string | undefined
  readonly prompt?: 'login' | 'select_account' | undefined
  /** Seconds. */
  readonly maxAge?: number | undefined
  readonly uiLocales: readonly string[]
  readonly acrValues: readonly string[]
}

export interface BroughtBack extends Binding {
  /** Parameters of the address that the browser came back to. */
  readonly parameters: URLSearchParams
}

export type UpstreamAnswer =
  | {
      readonly kind: 'identified'
      readonly issuer: string
      readonly subject: string
      readonly claims: UpstreamClaims
      /** Epoch seconds; undefined when the provider does not say. */
      readonly authTime: number | undefined
      /** Its words for how the person proved who they are: `amr` and `acr`. */
      readonly proofs: readonly string[]
    }
  /** The person cancelled, or the provider refused. */
  | { readonly kind: 'cancelled' }
