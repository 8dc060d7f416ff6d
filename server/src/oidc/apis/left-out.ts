import { oidcScopes } from '@nauthera/rules/scopes'
import { personScopes } from './apis.ts'
import type { ApisOf } from './apis.ts'

// The scopes that a sign-in goes on without, where its client does not list them (RFC 6749 section 3.3). They go with the request to the code and are
// told when its client redeems it: anybody can send a request in the name of a client.

/** A parameter of our own, beside those of the request. What a browser writes there is replaced. */
export const leftOutParameter = 'left_out'

/** Whether a sign-in goes on without this scope where its client does not list it. */
export const isLeftOut = (scope: string): boolean => scope !== 'openid' && oidcScopes.includes(scope)

/** @returns those of a request's scopes, as one text; undefined for none */
export function leftOutIn(scope: string, { config }: Pick<ApisOf, 'config'>): string | undefined {
  const listed = personScopes(config)
  const left = new Set(scope.split(' ').filter((one) => isLeftOut(one) && !listed.includes(one)))
  return left.size > 0 ? [...left].join(' ') : undefined
}

/** @param code a code that its client has redeemed, or the device code */
export function leftOutOf(code: Readonly<Record<string, unknown>>): readonly string[] {
  const { leftOut, params } = code as { leftOut?: unknown; params?: Readonly<Record<string, unknown>> }
  const text = leftOut ?? params?.[leftOutParameter]
  // a request that its client signed can say anything
  return typeof text === 'string'
    ? oidcScopes.filter((scope) => isLeftOut(scope) && text.split(' ').includes(scope))
    : []
}
