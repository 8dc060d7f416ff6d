/** The deepest nesting of JSON in a request. */
export const deepest = 32

/** Whether a JSON text is nested deeper. */
export function isDeep(text: string): boolean {
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

/** Whether the header or claims of a JWT are. */
export const isDeepJwt = (token: string): boolean =>
  token
    .split('.')
    .slice(0, 2)
    .some((text) => isDeep(Buffer.from(text, 'base64url').toString()))
