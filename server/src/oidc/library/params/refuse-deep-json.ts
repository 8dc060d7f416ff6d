import { errors } from 'oidc-provider'
import { readClaims } from '../../authentication/platform-token.ts'
import { deepest, isDeep, isDeepJwt } from '../../deep-json.ts'
import type { ParamsWatcher } from './params-watcher.ts'

/** Refuses deeply nested JSON in parameters: the library's recursion would overflow the stack, and the answer would be 500. */
export const refuseDeepJson: ParamsWatcher = (_context, params) => {
  for (const name of ['client_assertion', 'request', 'id_token_hint']) {
    const value = params[name]
    if (typeof value === 'string' && isDeepJwt(value)) throw tooDeep(name)
  }
  // the library reads claims of a request object later, and of a pushed one only at the sign-in
  const { request } = params
  const pushed = typeof request === 'string' ? readClaims(request)?.['claims'] : undefined
  for (const claims of [params['claims'], pushed])
    if (typeof claims === 'string' && isDeep(claims)) throw tooDeep('claims')
}

const tooDeep = (name: string) =>
  new errors.InvalidRequest(`${name} has JSON that is nested more than ${deepest} levels deep`)
