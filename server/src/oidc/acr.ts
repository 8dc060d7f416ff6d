import { acrLevels } from '@nauthera/rules/acr'

// How a person proved who they are, as one word (`acr`, OpenID Connect Core 2). It follows from the proofs of the sign-in (`amr`, RFC 8176).

const [byPassword, byTwoFactors] = acrLevels
const levels: readonly string[] = acrLevels

/** Seconds: how old a sign-in may be where something is changed that protects an account. */
export const freshFor = 5 * 60

/** The values that a sign-in here can reach. */
export const acrValues = (secondFactors: { readonly policy: 'off' | 'optional' | 'required' }): readonly string[] =>
  secondFactors.policy === 'off' ? [byPassword] : levels

/** What a sign-in that went on with a second factor has proved. @param method of that factor (RFC 8176) */
export const withSecondFactor = (amr: readonly string[], ...method: readonly string[]): readonly string[] => [
  ...new Set([...amr, ...method, 'mfa']),
]

/** What such a sign-in still proves when the person has no second factor any more: also a passkey that signed them in is gone. */
export const withoutSecondFactor = (amr: readonly string[]): readonly string[] =>
  amr.filter((method) => !ofSecondFactor.includes(method))

/** Methods that only a second factor proves, and what they make (RFC 8176). */
const ofSecondFactor: readonly string[] = ['otp', 'hwk', 'swk', 'user', 'mfa']

export const hasTwoFactors = (amr: readonly string[]): boolean => amr.includes('mfa')

/** @returns undefined when the proofs are unknown */
export function acrOf(amr: readonly string[] | undefined): string | undefined {
  if (amr?.includes('mfa')) return byTwoFactors
  return amr?.includes('pwd') ? byPassword : undefined
}

/** What an API may want to know of the sign-in behind an access token of a person (RFC 9470 section 6). */
export interface SignInProof {
  readonly acr?: string
  /** Epoch seconds. */
  readonly auth_time?: number
}

/** @param of what a code or a refresh token says of it */
export function signInProofOf(of: { readonly amr?: readonly string[]; readonly authTime?: number }): SignInProof {
  const { amr, authTime } = of
  const acr = acrOf(amr)
  return { ...(acr === undefined ? {} : { acr }), ...(authTime === undefined ? {} : { auth_time: authTime }) }
}

/** The `acr` of the sign-in behind a code or a token. A client may have been told a weaker one (`acrToTell`). */
export function acrOfArtefact({ amr, extra }: Readonly<Record<string, unknown>> = {}): string | undefined {
  if (Array.isArray(amr)) return acrOf(amr as string[])
  const acr = fieldsOf(extra)['acr']
  return typeof acr === 'string' ? acr : undefined
}

/** What `acr` has to be. */
export type NeededAcr =
  | { readonly kind: 'any' }
  | { readonly kind: 'one-of'; readonly values: readonly string[] }
  | { readonly kind: 'malformed' }

/** Who can want something of a sign-in. */
export interface AcrRequest {
  /** The `claims` parameter, decoded. Not what the library made of it: there `acr_values` replaces an essential claim. */
  readonly claims: unknown
  /** The parameter. A wish (OpenID Connect Core 3.1.2.1), as far as a sign-in here can fulfil it; values that nobody here knows mean
   *  nothing. Clients that are told `insufficient_user_authentication` come back with it (RFC 9470 section 4). */
  readonly acrValues: string | undefined
  /** `access.requiredAcr` of the client. */
  readonly ofClient: readonly string[]
  /** Whether the setting wants a second factor of this person. */
  readonly secondFactor: boolean
  /** The values that a sign-in here can reach. */
  readonly reachable: readonly string[]
}

/** What a request needs `acr` to be: what is enough for everybody who wants something of it. */
export function neededAcr({ claims, acrValues: wished, ofClient, secondFactor, reachable }: AcrRequest): NeededAcr {
  const known = (wished ?? '').split(' ').filter((value) => reachable.includes(value))
  const essential = essentialAcr(claims)
  const wanted = [
    essential.kind === 'one-of' ? essential.values : undefined,
    known.length > 0 ? known : undefined,
    ofClient.length > 0 ? ofClient : undefined,
    secondFactor ? [byTwoFactors] : undefined,
  ].filter((values) => values !== undefined)
  if (wanted.length === 0) return { kind: 'any' }
  return { kind: 'one-of', values: levels.filter((level) => wanted.every((values) => reaches(level, values))) }
}

/** What the `claims` parameter makes essential. A claim that is not essential needs nothing: OpenID Connect Core 5.5.1.1. */
export function essentialAcr(claims: unknown): NeededAcr {
  const { acr } = fieldsOf(fieldsOf(claims)['id_token']) as { acr?: unknown }
  const { essential, value, values } = fieldsOf(acr)
  if (essential !== true || (value === undefined && values === undefined)) return { kind: 'any' }
  if (values !== undefined && !Array.isArray(values)) return { kind: 'malformed' }
  const all: unknown[] = [...(value === undefined ? [] : [value]), ...((values ?? []) as unknown[])]
  return all.every((one) => typeof one === 'string') ? { kind: 'one-of', values: all } : { kind: 'malformed' }
}

/** Whether a sign-in with this acr is enough. */
export const isEnough = (needed: NeededAcr, acr: string | undefined): boolean =>
  needed.kind !== 'one-of' || (acr !== undefined && needed.values.includes(acr))

/** The `acr` to tell a client: what it made essential when the sign-in is stronger than that, since only a value of its list means
 *  yes (OpenID Connect Core 5.5.1.1); else that of the sign-in. */
export function acrToTell(claims: unknown, acr: string | undefined): string | undefined {
  const essential = essentialAcr(claims)
  if (acr === undefined || isEnough(essential, acr) || essential.kind !== 'one-of') return acr
  return levels.slice(0, levels.indexOf(acr)).findLast((level) => essential.values.includes(level)) ?? acr
}

/** Whether a level is one of these values, or stronger than one of them. */
const reaches = (level: string, values: readonly string[]): boolean =>
  levels.slice(0, levels.indexOf(level) + 1).some((weaker) => values.includes(weaker))

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
