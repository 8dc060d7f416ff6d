import { signedTokenName } from '../../artefacts/signed-tokens.ts'
import { currentRequest } from '../current-request.ts'
import type { ParamsWatcher } from './params-watcher.ts'

const routes: readonly string[] = ['introspection', 'revocation']

/** The library refuses every JWT at introspection and revocation. It gets a name in its place, and artefacts/signed-tokens.ts knows what the
 *  name stands for in this request. */
export const nameTokens: ParamsWatcher = (context, params) => {
  const { token } = params
  if (!routes.includes(context.oidc.route ?? '') || typeof token !== 'string' || !token.includes('.')) return
  currentRequest().signedToken = token
  params['token'] = signedTokenName
}
