// Scopes about the person that a sign-in leaves out, since its client does not list them (RFC 6749 section 3.3). They are reported only
// when the client redeems the code: anybody can send a request with its id.
import { oidcScopes } from '@nauthera/rules/scopes'
import { fieldsOf } from '@nauthera/runtime/json'
import { personScopes } from './apis.ts'
import type { ApisOf } from './apis.ts'

/** Our own parameter of the request. A value from the browser is replaced. */
export const leftOutParameter = 'left_out'

/** Whether this scope is left out when the client does not list it. */
export const isLeftOut = (scope: string): boolean => scope !== 'openid' && oidcScopes.includes(scope)

/** @returns the left-out scopes of a request, as one text; undefined for none */
export function leftOutIn(scope: string, { config }: Pick<ApisOf, 'config'>): string | undefined {
  const listed = personScopes(config)
  const left = new Set(scope.split(' ').filter((one) => isLeftOut(one) && !listed.includes(one)))
  return [...left].join(' ') || undefined
}

/** @param code a redeemed code or device code */
export function leftOutOf(code: Readonly<Record<string, unknown>>): readonly string[] {
  const text = code['leftOut'] ?? fieldsOf(code['params'])[leftOutParameter]
  // a signed request may have any value here
  return typeof text === 'string'
    ? oidcScopes.filter((scope) => isLeftOut(scope) && text.split(' ').includes(scope))
    : []
}
