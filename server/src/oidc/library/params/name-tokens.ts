import { signedTokenName } from '../../artefacts/signed-tokens.ts'
import { currentRequest } from '../current-request.ts'
import type { ParamsWatcher } from './params-watcher.ts'

const routes: readonly string[] = ['introspection', 'revocation']

/** Replaces a JWT by a name at introspection and revocation, where the library refuses every JWT. artefacts/signed-tokens.ts resolves the
 *  name. */
export const nameTokens: ParamsWatcher = (context, params) => {
  const { token } = params
  if (!routes.includes(context.oidc.route ?? '') || typeof token !== 'string' || !token.includes('.')) return
  currentRequest().signedToken = token
  params['token'] = signedTokenName
}
