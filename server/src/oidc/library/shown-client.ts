// What a request shows of its client, before the library has found the client. Anybody can show it.
import { readClaims } from '../authentication/platform-token.ts'
import { parameterOf } from './shapes.ts'
import type { Context } from './shapes.ts'

/** Routes where clients authenticate. */
const routes: readonly string[] = [
  'token',
  'introspection',
  'revocation',
  'pushed_authorization_request',
  'device_authorization',
]

export const provesClients = ({ oidc }: Context): boolean => routes.includes(oidc.route ?? '')

interface ShownInHeader {
  readonly id: string
  /** Empty where there is none. */
  readonly secret: string
}

/** @returns id and secret of a Basic header (RFC 6749 section 2.3.1), also with characters that the library refuses */
export function shownInHeader({ headers }: Pick<Context, 'headers'>): ShownInHeader | undefined {
  const [, encoded = ''] = /^Basic ([\w+/]+=*)$/i.exec(headers.authorization ?? '') ?? []
  const [, id, secret] = /^([^:]+):([^]*)$/.exec(Buffer.from(encoded, 'base64').toString()) ?? []
  if (id === undefined || secret === undefined) return undefined
  try {
    return { id: decoded(id), secret: decoded(secret) }
  } catch {
    return undefined
  }
}

const decoded = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '))

/** @returns the client_id of a request: its parameter, or what its proof says */
export function shownClientId(context: Context): string | undefined {
  const inAssertion = readClaims(parameterOf(context, 'client_assertion') ?? '')?.['sub']
  return (
    parameterOf(context, 'client_id') ??
    shownInHeader(context)?.id ??
    (typeof inAssertion === 'string' ? inAssertion : undefined)
  )
}
