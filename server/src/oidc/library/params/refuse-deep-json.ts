import { errors } from 'oidc-provider'
import { deepest, isDeep, isDeepJwt } from '../../deep-json.ts'
import type { ParamsWatcher } from './params-watcher.ts'

/** Refuses deeply nested JSON in parameters: the library's recursion would overflow the stack, and the answer would be 500. */
export const refuseDeepJson: ParamsWatcher = (_context, params) => {
  for (const name of ['client_assertion', 'request', 'id_token_hint']) {
    const value = params[name]
    if (typeof value === 'string' && isDeepJwt(value)) throw tooDeep(name)
  }
  if (typeof params['claims'] === 'string' && isDeep(params['claims'])) throw tooDeep('claims')
}

const tooDeep = (name: string) =>
  new errors.InvalidRequest(`${name} has JSON that is nested more than ${deepest} levels deep`)
