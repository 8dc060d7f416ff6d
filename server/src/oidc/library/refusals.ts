// Classifies an error of the library or of our overrides as a refusal of a client.
import type { SeenRefusal } from '../../clients/refusals.ts'
import type { RefusalCode } from '@nauthera/rules/refusals'
import { tlsMethods } from '@nauthera/rules/client-authentication'
import { currentRequest } from './current-request.ts'
import { rightSecretWrongWay } from './overrides/compare-secrets.ts'
import { secretWithLineEnd } from './params/refuse-line-ends.ts'
import { isPublic } from '../clients/oidc-client.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { parameterOf, resourcesOf } from './shapes.ts'
import type { Context } from './shapes.ts'

export type OAuthFault = Error & { error?: string; error_detail?: string; error_description?: string }

/** @returns why, in words of the library or of ours. A parser of JSON quotes what it was given, and that may be of a person or a secret. */
export const wordsOf = ({ cause, error_detail: detail, error_description: description, message }: OAuthFault): string =>
  (cause instanceof SyntaxError ? description : (detail ?? description)) ?? message

/** Answers of a flow that goes on, or faults of ours: nobody has to look at the client. */
const noRefusals: readonly string[] = [
  'authorization_pending',
  'slow_down',
  'expired_token',
  'use_dpop_nonce',
  'access_denied',
  'login_required',
  'consent_required',
  'interaction_required',
  'account_selection_required',
  'temporarily_unavailable',
  'server_error',
]

interface Rule {
  readonly code: RefusalCode | ((client: OidcClient, context: Context) => RefusalCode)
  /** OAuth error codes. */
  readonly errors: readonly string[]
  /** What the library or an override says; default: anything. */
  readonly says?: RegExp
  readonly detail?: (context: Context, words: string) => string | undefined
}

const parameter = (name: string) => (context: Context) => parameterOf(context, name)
const ownWords = (_context: Context, words: string) => words
const wordOf =
  (pattern: RegExp) =>
  (_context: Context, words: string): string | undefined =>
    pattern.exec(words)?.[1]

/** The first one that fits. */
const rules: readonly Rule[] = [
  { code: 'REDIRECT_URI_NOT_LISTED', errors: ['invalid_redirect_uri'], detail: parameter('redirect_uri') },
  {
    code: 'ORIGIN_NOT_LISTED',
    errors: ['invalid_request'],
    says: /^origin .* not allowed for client/,
    detail: (context) => context.get('Origin'),
  },
  { code: 'PKCE_MISSING', errors: ['invalid_request'], says: /PKCE|code_challenge/ },
  {
    code: 'GRANT_NOT_ALLOWED',
    errors: ['unauthorized_client', 'unsupported_grant_type', 'unsupported_response_type', 'invalid_request'],
    says: /may not use the grant|(is|not) (not )?allowed for this client|unsupported (grant|response)_type|only a client that is an API/,
    detail: (context) => parameterOf(context, 'grant_type') ?? parameterOf(context, 'response_type'),
  },
  { code: 'SCOPE_NOT_GRANTED', errors: ['invalid_scope'], detail: parameter('scope') },
  {
    code: 'AUDIENCE_NOT_GRANTED',
    errors: ['invalid_target'],
    detail: (context) => resourcesOf(context)[0] ?? parameterOf(context, 'audience'),
  },
  {
    code: 'AUTH_METHOD_NOT_REGISTERED',
    errors: ['invalid_client'],
    says: new RegExp(`^${rightSecretWrongWay}$|authentication mechanism does not match`),
    detail: shownMethod,
  },
  {
    code: 'SECRET_ENDED',
    errors: ['invalid_client'],
    says: /^the secret \w+ has ended$/,
    detail: wordOf(/^the secret (\w+)/),
  },
  { code: 'SECRET_WRONG', errors: ['invalid_client'], says: /^invalid secret provided$/ },
  { code: 'SECRET_WRONG', errors: ['invalid_client'], says: new RegExp(`^${secretWithLineEnd}$`), detail: ownWords },
  {
    code: ({ config }) =>
      tlsMethods.includes(config.tokenEndpointAuthMethod) ? 'CERTIFICATE_REFUSED' : 'ASSERTION_REFUSED',
    errors: ['invalid_client'],
    detail: ownWords,
  },
  { code: 'TOKEN_OF_OTHER_CLIENT', errors: ['invalid_grant'], says: /client mismatch|issued to another client/ },
  {
    code: 'REDIRECT_URI_DIFFERS',
    errors: ['invalid_grant'],
    says: /redirect_uri mismatch/,
    detail: parameter('redirect_uri'),
  },
  { code: 'CODE_VERIFIER_WRONG', errors: ['invalid_grant'], says: /verif|PKCE/i },
  {
    code: (_client, context) =>
      parameterOf(context, 'grant_type') === 'refresh_token' ? 'REFRESH_TOKEN_REFUSED' : 'CODE_REFUSED',
    errors: ['invalid_grant'],
    detail: ownWords,
  },
  { code: 'ACR_NOT_REACHED', errors: ['unmet_authentication_requirements'], detail: parameter('acr_values') },
  { code: 'PUSHED_REQUEST_REFUSED', errors: ['invalid_request_uri'], detail: ownWords },
  { code: 'PUSHED_REQUEST_REFUSED', errors: ['invalid_request'], says: /Pushed Authorization Request must be used/ },
  { code: 'REQUEST_OBJECT_REFUSED', errors: ['invalid_request_object'], detail: ownWords },
  { code: 'DPOP_PROOF_REFUSED', errors: ['invalid_dpop_proof'], detail: ownWords },
  { code: 'AUTHORIZATION_DETAILS_REFUSED', errors: ['invalid_authorization_details'], detail: ownWords },
  { code: 'REQUEST_MALFORMED', errors: ['invalid_request', 'invalid_client_metadata'], detail: ownWords },
]

/** @param at.provesClients at an endpoint at which programs prove themselves: else anybody can have sent the request
 *  @returns undefined for what is no refusal of the client */
export function refusalOf(
  error: OAuthFault,
  at: { readonly context: Context; readonly client: OidcClient; readonly provesClients: boolean },
): Omit<SeenRefusal, 'from'> | undefined {
  const { context, client } = at
  const name = error.error ?? 'server_error'
  if (noRefusals.includes(name)) return undefined
  const words = wordsOf(error)
  const rule = rules.find(({ errors, says }) => errors.includes(name) && says?.test(words) !== false)
  if (rule === undefined) return undefined
  const isProven = at.provesClients && provesItself({ name, words, client })
  const code = typeof rule.code === 'string' ? rule.code : rule.code(client, context)
  return { code, by: isProven ? 'Client' : 'Anyone', detail: rule.detail?.(context, words) }
}

/** What the library refuses before a program has proved itself is of two errors alone. */
function provesItself({ name, words, client }: { name: string; words: string; client: OidcClient }): boolean {
  const { secret, identity } = currentRequest()
  if (secret !== undefined || identity !== undefined || [rightSecretWrongWay, secretWithLineEnd].includes(words))
    return true
  return !isPublic(client.config) && !['invalid_client', 'invalid_request'].includes(name)
}

/** How a program has proved itself, as the specifications call it. */
function shownMethod(context: Context): string {
  const assertion = parameterOf(context, 'client_assertion')
  if (assertion !== undefined) return 'a JWT (client_assertion)'
  if (context.get('authorization') !== '') return 'client_secret_basic'
  return parameterOf(context, 'client_secret') === undefined ? 'none' : 'client_secret_post'
}
