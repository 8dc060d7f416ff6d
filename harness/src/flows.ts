// Whole flows as one call each, for tests of what comes after them.
import { Browser, authorizationUrl, basic, pkce, send } from './browser.ts'
import type { Answer, Pkce } from './browser.ts'
import { clientSecret, redirectUri } from './server.ts'
import type { ServerReplicas } from './server.ts'

export interface Code {
  readonly value: string
  readonly proof: Pkce
  /** The whole redirect back. */
  readonly back: URL
  readonly browser: Browser
}

/** What a good request to /authorize of `app.web` says. */
export const request = (proof: Pkce, more: Record<string, string> = {}): Record<string, string> => ({
  client_id: 'app.web',
  response_type: 'code',
  redirect_uri: redirectUri,
  scope: 'openid email',
  state: 'a-state',
  code_challenge: proof.challenge,
  code_challenge_method: 'S256',
  ...more,
})

/** Signs a person in (or goes on with their session) and comes back with a code. */
export async function fetchCode(
  replicas: ServerReplicas,
  options: { username?: string; browser?: Browser; parameters?: Record<string, string> } = {},
): Promise<Code> {
  const { username = 'ada', browser = new Browser(replicas), parameters = {} } = options
  const proof = pkce()
  const back = await browser.authorize(authorizationUrl(replicas.issuer, request(proof, parameters)), username)
  const value = back.searchParams.get('code')
  if (value === null) throw new Error(`no code: ${back.href}`)
  return { value, proof, back, browser }
}

export function redeem(
  replicas: ServerReplicas,
  code: Pick<Code, 'value' | 'proof'>,
  options: { replica?: number; form?: Record<string, string>; clientId?: string; secret?: string } = {},
): Promise<Answer> {
  const { replica = 0, clientId = 'app.web', secret = clientSecret, form = {} } = options
  return send(replicas, {
    replica,
    path: '/token',
    headers: basic(clientId, secret),
    form: {
      grant_type: 'authorization_code',
      code: code.value,
      redirect_uri: redirectUri,
      code_verifier: code.proof.verifier,
      ...form,
    },
  })
}

export function refresh(
  replicas: ServerReplicas,
  token: string,
  options: { replica?: number; form?: Record<string, string>; clientId?: string; secret?: string } = {},
): Promise<Answer> {
  const { replica = 0, clientId = 'app.web', secret = clientSecret, form = {} } = options
  return send(replicas, {
    replica,
    path: '/token',
    headers: basic(clientId, secret),
    form: { grant_type: 'refresh_token', refresh_token: token, ...form },
  })
}

export function introspect(
  replicas: ServerReplicas,
  token: string,
  options: { clientId?: string; replica?: number } = {},
): Promise<Answer> {
  const { clientId = 'app.web', replica = 0 } = options
  return send(replicas, {
    replica,
    path: '/introspect',
    headers: basic(clientId, clientSecret),
    form: { token },
  })
}

export function revoke(replicas: ServerReplicas, token: string, options: { clientId?: string } = {}): Promise<Answer> {
  return send(replicas, {
    path: '/revoke',
    headers: basic(options.clientId ?? 'app.web', clientSecret),
    form: { token },
  })
}

export interface Tokens {
  readonly access: string
  readonly refresh: string
  readonly id: string
}

export function tokensOf(answer: Answer): Tokens {
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`)
  const { access_token, refresh_token, id_token } = answer.json() as Record<string, string>
  return { access: access_token!, refresh: refresh_token!, id: id_token! }
}

export const claimsOfJwt = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>

export const headerOfJwt = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as Record<string, unknown>

/** @param options.clientId other than `app.web`; the parameters name it too */
export async function fetchTokens(
  replicas: ServerReplicas,
  options: Parameters<typeof fetchCode>[1] & { clientId?: string } = {},
): Promise<Tokens> {
  const { clientId, ...others } = options
  return tokensOf(await redeem(replicas, await fetchCode(replicas, others), clientId === undefined ? {} : { clientId }))
}
