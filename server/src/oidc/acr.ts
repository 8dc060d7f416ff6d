// Derives `acr` (OpenID Connect Core 2) from the `amr` of a sign-in (RFC 8176), and decides which `acr` a request needs.
import { acrLevels } from '@nauthera/rules/acr'
import { fieldsOf } from '@nauthera/runtime/json'

const [byPassword, byTwoFactors] = acrLevels
const levels: readonly string[] = acrLevels

/** Seconds: the greatest age of a sign-in for a change of an account's security. */
export const freshFor = 5 * 60

/** The values that a sign-in here can reach. */
export const acrValues = (secondFactors: { readonly policy: 'off' | 'optional' | 'required' }): readonly string[] =>
  secondFactors.policy === 'off' ? [byPassword] : levels

/** The `amr` of a sign-in after a second factor. @param method of that factor (RFC 8176) */
export const withSecondFactor = (amr: readonly string[], ...method: readonly string[]): readonly string[] => [
  ...new Set([...amr, ...method, 'mfa']),
]

/** The `amr` of a sign-in after the person's last second factor was removed, passkeys included. */
export const withoutSecondFactor = (amr: readonly string[]): readonly string[] =>
  amr.filter((method) => !ofSecondFactor.includes(method))

/** Values of `amr` that come from a second factor (RFC 8176). */
const ofSecondFactor: readonly string[] = ['otp', 'hwk', 'swk', 'user', 'mfa']

export const hasTwoFactors = (amr: readonly string[]): boolean => amr.includes('mfa')

/** @returns undefined when the proofs are unknown */
export function acrOf(amr: readonly string[] | undefined): string | undefined {
  if (amr?.includes('mfa')) return byTwoFactors
  return amr?.includes('pwd') ? byPassword : undefined
}

/** The claims about a sign-in in an access token (RFC 9470 section 6). */
export interface SignInProof {
  readonly acr?: string
  /** Epoch seconds. */
  readonly auth_time?: number
}

/** @param of the payload of a code or refresh token */
export function signInProofOf(of: { readonly amr?: readonly string[]; readonly authTime?: number }): SignInProof {
  const { amr, authTime } = of
  const acr = acrOf(amr)
  return { ...(acr === undefined ? {} : { acr }), ...(authTime === undefined ? {} : { auth_time: authTime }) }
}

/** The `acr` of the sign-in of a code or token. The client may have got a weaker one (`acrToTell`). */
export function acrOfArtefact({ amr, extra }: Readonly<Record<string, unknown>> = {}): string | undefined {
  if (Array.isArray(amr)) return acrOf(amr)
  const acr = fieldsOf(extra)['acr']
  return typeof acr === 'string' ? acr : undefined
}

/** The required `acr`. */
export type NeededAcr =
  | { readonly kind: 'any' }
  | { readonly kind: 'one-of'; readonly values: readonly string[] }
  | { readonly kind: 'malformed' }

/** All parties that can require an `acr`. */
export interface AcrRequest {
  /** The decoded `claims` parameter, before the library changes it: there `acr_values` replaces an essential claim. */
  readonly claims: unknown
  /** The parameter, a voluntary request (OpenID Connect Core 3.1.2.1); unknown values are ignored. Clients send it after
   *  `insufficient_user_authentication` (RFC 9470 section 4). */
  readonly acrValues: string | undefined
  /** `access.requiredAcr` of the client. */
  readonly ofClient: readonly string[]
  /** Whether the settings require a second factor of this person. */
  readonly secondFactor: boolean
  /** The values that a sign-in here can reach. */
  readonly reachable: readonly string[]
}

/** The `acr` that a request needs: enough for all parties. */
export function neededAcr({ claims, acrValues: wished, ofClient, secondFactor, reachable }: AcrRequest): NeededAcr {
  const known = (wished ?? '').split(' ').filter((value) => reachable.includes(value))
  const essential = essentialAcr(claims)
  return enoughForAll([
    ...(essential.kind === 'one-of' ? [essential.values] : []),
    ...(known.length > 0 ? [known] : []),
    ...wantedAlways({ ofClient, secondFactor }),
  ])
}

/** The part of it that no request asks for. */
export const acrAlways = (of: Pick<AcrRequest, 'ofClient' | 'secondFactor'>): NeededAcr =>
  enoughForAll(wantedAlways(of))

const wantedAlways = ({ ofClient, secondFactor }: Pick<AcrRequest, 'ofClient' | 'secondFactor'>) => [
  ...(ofClient.length > 0 ? [ofClient] : []),
  ...(secondFactor ? [[byTwoFactors]] : []),
]

const enoughForAll = (wanted: readonly (readonly string[])[]): NeededAcr =>
  wanted.length === 0
    ? { kind: 'any' }
    : { kind: 'one-of', values: levels.filter((level) => wanted.every((values) => reaches(level, values))) }

/** The essential `acr` of the `claims` parameter (OpenID Connect Core 5.5.1.1). */
export function essentialAcr(claims: unknown): NeededAcr {
  const { acr } = fieldsOf(fieldsOf(claims)['id_token'])
  const { essential, value, values } = fieldsOf(acr)
  if (essential !== true || (value === undefined && values === undefined)) return { kind: 'any' }
  if (values !== undefined && !Array.isArray(values)) return { kind: 'malformed' }
  const all: unknown[] = [...(value === undefined ? [] : [value]), ...(values ?? [])]
  return all.every((one) => typeof one === 'string') ? { kind: 'one-of', values: all } : { kind: 'malformed' }
}

/** Whether a sign-in with this acr is enough. */
export const isEnough = (needed: NeededAcr, acr: string | undefined): boolean =>
  needed.kind !== 'one-of' || (acr !== undefined && needed.values.includes(acr))

/** The `acr` for a client: its essential value when the sign-in is stronger, since only a listed value counts (OpenID Connect Core
 *  5.5.1.1); otherwise that of the sign-in. */
export function acrToTell(claims: unknown, acr: string | undefined): string | undefined {
  const essential = essentialAcr(claims)
  if (acr === undefined || isEnough(essential, acr) || essential.kind !== 'one-of') return acr
  return levels.slice(0, levels.indexOf(acr)).findLast((level) => essential.values.includes(level)) ?? acr
}

/** Whether a level is at least one of these values. */
const reaches = (level: string, values: readonly string[]): boolean =>
  levels.slice(0, levels.indexOf(level) + 1).some((weaker) => values.includes(weaker))
