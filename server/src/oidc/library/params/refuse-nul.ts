import { errors } from 'oidc-provider'
import { readClaims } from '../../authentication/platform-token.ts'
import type { ParamsWatcher } from './params-watcher.ts'

/** Where parameters are stored, or go on into what is stored. */
const routes: readonly string[] = ['authorization', 'pushed_authorization_request', 'device_authorization']

/** Refuses NUL and half characters in parameters and request objects: PostgreSQL takes neither, and the answer would be 500. */
export const refuseNul: ParamsWatcher = ({ oidc }, params) => {
  if (!routes.includes(oidc.route ?? '')) return
  for (const name in params) if (hasNul(params[name])) throw refused(name)
  const { request } = params
  if (typeof request === 'string' && hasNul(readClaims(request))) throw refused('request')
}

/** @param value JSON, no deeper than refuseDeepJson lets it be */
const hasNul = (value: unknown): boolean =>
  typeof value === 'string'
    ? value.includes('\u0000') || !value.isWellFormed()
    : typeof value === 'object' && value !== null && Object.entries(value).flat().some(hasNul)

const refused = (name: string) =>
  new errors.InvalidRequest(`${name} has the character NUL or half of a character, which no request may have`)
