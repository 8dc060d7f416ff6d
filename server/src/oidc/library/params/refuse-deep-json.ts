import { errors } from 'oidc-provider'
import type { ParamsWatcher } from './params-watcher.ts'

/** Levels of JSON that a request may have; what anybody needs is far less. */
const deepest = 32

/** The library copies and writes what it reads by functions that call themselves at each level: JSON that is nested thousands of levels
 *  deep ends them, and the answer would be 500. */
export const refuseDeepJson: ParamsWatcher = (_context, params) => {
  for (const name of ['client_assertion', 'request', 'id_token_hint']) {
    const value = params[name]
    if (typeof value !== 'string') continue
    const texts = value.split('.').slice(0, 2)
    if (texts.some((text) => isDeep(Buffer.from(text, 'base64url').toString()))) throw tooDeep(name)
  }
  if (typeof params['claims'] === 'string' && isDeep(params['claims'])) throw tooDeep('claims')
}

const tooDeep = (name: string) =>
  new errors.InvalidRequest(`${name} has JSON that is nested more than ${deepest} levels deep`)

/** Whether a text would have more levels than that as JSON. */
function isDeep(text: string): boolean {
  let depth = 0
  let isInString = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (isInString) {
      if (character === '\\') at++
      else if (character === '"') isInString = false
    } else if (character === '"') isInString = true
    else if (character === '[' || character === '{') {
      if (++depth > deepest) return true
    } else if (character === ']' || character === '}') depth--
  }
  return false
}
