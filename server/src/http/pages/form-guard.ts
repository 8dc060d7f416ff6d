// Checks that a form came from our own page: Origin, Sec-Fetch-Site, token.
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** The name of the hidden field that carries a form's token. */
export const formTokenField = 'form_token'

/** Mints and checks the token that binds a form to its interaction. Every replica derives it from the same key. */
export interface FormTokens {
  mint(binding: string): string
  check(binding: string, token: string | null): boolean
}

/** @param keys for this purpose only: the first mints, all check */
export function createFormTokens(keys: () => readonly KeyObject[]): FormTokens {
  const tokenOf = (key: KeyObject, binding: string) => createHmac('sha256', key).update(`form\0${binding}`).digest()
  return {
    mint: (binding) => tokenOf(keys()[0]!, binding).toString('base64url'),
    check: (binding, token) => {
      const given = Buffer.from(token ?? '', 'base64url')
      return keys().some((key) => {
        const wanted = tokenOf(key, binding)
        return given.length === wanted.length && timingSafeEqual(given, wanted)
      })
    },
  }
}

/** Why a form is refused: another origin, another site, or no valid token. */
export type FormFault = 'foreign-origin' | 'foreign-site' | 'token'

/** Checks a form by Origin, Sec-Fetch-Site and token. Old browsers and programs do not send the first two; the token is always required.
 *  Source: OWASP cross-site request forgery prevention; Fetch Metadata (W3C). */
export function checkForm(
  request: { headers: IncomingHttpHeaders; form: URLSearchParams; binding: string },
  needs: { origin: string; tokens: FormTokens },
): FormFault | undefined {
  const foreign = foreignFault(request.headers, needs.origin)
  if (foreign !== undefined) return foreign
  const given = request.form.getAll(formTokenField)
  return given.length === 1 && needs.tokens.check(request.binding, given[0]!) ? undefined : 'token'
}

/** Whether another site sent a form. @param origin of the issuer */
export function foreignFault(headers: IncomingHttpHeaders, origin: string): Exclude<FormFault, 'token'> | undefined {
  if (headers.origin !== undefined && headers.origin !== origin) return 'foreign-origin'
  const site = headers['sec-fetch-site']
  // `none`: the person did it (address bar, bookmark, reload); no other page can
  return site === undefined || site === 'same-origin' || site === 'none' ? undefined : 'foreign-site'
}
