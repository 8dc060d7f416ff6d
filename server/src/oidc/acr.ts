// How a person proved who they are, as one word (`acr`, OpenID Connect Core 2). It follows from the proofs of the sign-in (`amr`).

const byPassword = 'urn:nauthera:password'

/** Every value that a sign-in here can have. */
export const acrValues: readonly string[] = [byPassword]

/** @returns undefined when the proofs are unknown */
export const acrOf = (amr: readonly string[] | undefined): string | undefined =>
  amr?.includes('pwd') ? byPassword : undefined

/** What a request needs `acr` to be. A wish (`acr_values`, a claim that is not essential) needs nothing: OpenID Connect Core
 *  5.5.1.1. */
export type NeededAcr =
  | { readonly kind: 'any' }
  | { readonly kind: 'one-of'; readonly values: readonly string[] }
  | { readonly kind: 'malformed' }

/** @param claims the `claims` parameter, decoded. Not what the library made of it: there `acr_values` replaces an essential claim */
export function neededAcr(claims: unknown): NeededAcr {
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

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
