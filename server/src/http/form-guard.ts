import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** The name of the hidden field that carries a form's token. */
export const formTokenField = 'form_token'

/** Mints and checks the token that binds a form to what it is about (an interaction, a session). Nothing is stored:
 *  every replica derives it from the same key. */
export interface FormTokens {
  mint(binding: string): string
  check(binding: string, token: string | null): boolean
}

/** @param keys subkeys of the ring for this purpose alone: the first mints, each checks */
export function createFormTokens(keys: () => readonly Uint8Array[]): FormTokens {
  const tokenOf = (key: Uint8Array, binding: string) => createHmac('sha256', key).update(`form\0${binding}`).digest()
  return {
    mint: (binding) => tokenOf(keys()[0]!, binding).toString('base64url'),
    check: (binding, token) => {
      const given = Buffer.from(token ?? '', 'base64url')
      let matches = false
      for (const key of keys()) {
        const wanted = tokenOf(key, binding)
        if (given.length === wanted.length && timingSafeEqual(given, wanted)) matches = true
      }
      return matches
    },
  }
}

/** Why a POST is refused: it came from elsewhere, or its form is not ours. */
export type FormFault = 'foreign-origin' | 'foreign-site' | 'token'

/** Decides whether a form may be taken. Three independent signs, each enough to refuse: Origin, Sec-Fetch-Site, token;
 *  a caller without the first two (not a browser of today) still needs the third.
 *  Source: OWASP cross-site request forgery prevention; Fetch Metadata (W3C). */
export function checkForm(
  request: { headers: IncomingHttpHeaders; form: URLSearchParams; binding: string },
  needs: { origin: string; tokens: FormTokens },
): FormFault | undefined {
  const { origin } = request.headers
  if (origin !== undefined && origin !== needs.origin) return 'foreign-origin'
  const site = request.headers['sec-fetch-site']
  // `none` is a person's own doing (a reload of the address bar), never another page's
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'foreign-site'
  const given = request.form.getAll(formTokenField)
  return given.length === 1 && needs.tokens.check(request.binding, given[0]!) ? undefined : 'token'
}
