import type { ParamsWatcher } from './params-watcher.ts'

/** Fills in the `redirect_uri` of a code that PKCE binds: OAuth 2.1 (section 4.1.3) has none in a token request, and the library asks for
 *  one. Of a code without PKCE it is the only thing that binds it to its request. */
export const knowRedirectUri: ParamsWatcher = ({ oidc }, params, { sealer }) => {
  const { code, grant_type: grant, redirect_uri: named } = params
  if (oidc.route !== 'token' || grant !== 'authorization_code' || named !== undefined || typeof code !== 'string')
    return
  const { redirectUri, codeChallenge } = sealer.unseal('AuthorizationCode', code) ?? {}
  if (typeof codeChallenge === 'string') params['redirect_uri'] = redirectUri
}
