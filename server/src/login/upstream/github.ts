// GitHub, and GitHub Enterprise Server, speak OAuth 2 without OpenID: who somebody is stands in their API. Nothing there says when or how
// the person signed in, so nothing of that is claimed.
import { CodedError } from '@nauthera/runtime/coded-error'
import { fieldsOf } from '@nauthera/runtime/json'
import type { Fetch } from '../../oidc/outbound/outbound-fetch.ts'
import { isSameProvider, presetIssuers } from '../../settings/upstream.ts'
import type { UpstreamSettings } from '../../settings/upstream.ts'
import { parametersOf, partyOf } from './openid.ts'
import type { UpstreamDescription } from './presets.ts'
import { authorizationUrl, exchange, readResource } from './relying-party.ts'
import type { Party } from './relying-party.ts'
import type { ProviderStatement } from './provider-metadata.ts'
import type { BroughtBack, Upstream, UpstreamAnswer } from './upstream.ts'

interface Needs {
  readonly description: UpstreamDescription
  readonly settings: UpstreamSettings
  readonly fetch: Fetch
  readonly redirectUri: string
}

export function createGitHubUpstream(needs: Needs): Upstream {
  const { description, redirectUri } = needs
  const party = () => partyOf(needs, serverOf(description.issuer), needs.fetch)
  return {
    ...description,
    async start(ask) {
      const { loginHint: login, prompt, ...binding } = ask
      const asked = await parametersOf({ ...binding, maxAge: undefined, uiLocales: [], acrValues: [] }, description)
      return authorizationUrl(party(), {
        ...asked,
        redirect_uri: redirectUri,
        ...(login === undefined || login.includes('@') ? {} : { login }),
        ...(prompt === undefined ? {} : { prompt: 'select_account' }),
      })
    },
    complete: (answer) => complete(party(), needs, answer),
    signOutUrl: async () => undefined,
  }
}

function serverOf(issuer: string): ProviderStatement {
  const base = issuer.replace(/\/$/, '')
  return {
    issuer,
    authorization_endpoint: `${base}/login/oauth/authorize`,
    token_endpoint: `${base}/login/oauth/access_token`,
    token_endpoint_auth_methods_supported: ['client_secret_post'],
  }
}

const apiOf = (issuer: string): string =>
  isSameProvider(issuer, presetIssuers['github']) ? 'https://api.github.com' : `${issuer.replace(/\/$/, '')}/api/v3`

async function complete(
  party: Party,
  { description, redirectUri }: Needs,
  { parameters, ...binding }: BroughtBack,
): Promise<UpstreamAnswer> {
  const tokens = await exchange(party, new URL(`${redirectUri}?${parameters.toString()}`), binding, {})
  if (tokens === undefined) return { kind: 'cancelled' }
  const api = apiOf(description.issuer)
  const [user, emails] = await Promise.all([
    readResource(party, tokens.accessToken, `${api}/user`),
    readResource(party, tokens.accessToken, `${api}/user/emails`),
  ])
  const { id, login, name, avatar_url: picture } = fieldsOf(user)
  // the numeric id: the name of an account can be changed, and then taken by somebody else
  if (!Number.isSafeInteger(id))
    throw new CodedError('UPSTREAM_ANSWER_INVALID', { message: 'its API names no user id' })
  return {
    kind: 'identified',
    issuer: description.issuer,
    subject: String(id),
    claims: { login, name, picture, ...emailOf(emails) },
    authTime: undefined,
    proofs: [],
  }
}

/** The primary address, when it is verified. */
function emailOf(emails: unknown): { email?: unknown; email_verified?: boolean } {
  const all = Array.isArray(emails) ? emails.map(fieldsOf) : []
  const primary = all.find((one) => one['primary'] === true && one['verified'] === true)
  return primary === undefined ? {} : { email: primary['email'], email_verified: true }
}
