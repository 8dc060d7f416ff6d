import { signedTokenName } from '../../artefacts/signed-tokens.ts'
import { currentRequest } from '../current-request.ts'
import { replace } from '../override.ts'
import { currentContext, entitiesOf, parameterOf } from '../shapes.ts'
import type { AccessToken, Context, Internals } from '../shapes.ts'

/** AccessToken.prototype.save: a token for the default API also gets the scopes about the person. AccessToken.find: with `openid` such a
 *  token works at userinfo, though it has an audience or is a JWT: the client has no other token. */
export function meantApi({ AccessToken }: Pick<Internals, 'AccessToken'>): void {
  replace(
    AccessToken.prototype,
    'save',
    (original) =>
      async function save(this: AccessToken, ttl) {
        const { meantApi: meant } = currentRequest()
        if (meant !== undefined && this.resourceServer?.identifier() === meant)
          this.scope = [...new Set([...wordsOf(this.scope), ...personScopesOf(currentContext())])].join(' ')
        return original.call(this, ttl)
      },
  )
  replace(
    AccessToken,
    'find',
    (original) =>
      async function find(this: typeof AccessToken, value, options) {
        if (currentContext().oidc.route !== 'userinfo') return original.call(this, value, options)
        const isSigned = value.includes('.')
        if (isSigned) currentRequest().signedToken = value
        const token = await original.call(this, isSigned ? signedTokenName : value, options)
        const isOfPerson = wordsOf(token?.scope).includes('openid')
        if (isOfPerson) Object.assign(token!, { aud: undefined })
        return isSigned && !isOfPerson ? undefined : token
      },
  )
}

/** Those of the grant, as far as the code or refresh token has them, and this request asks for them. `offline_access` says nothing to who reads an access token. */
function personScopesOf(context: Context): readonly string[] {
  const { AuthorizationCode, DeviceCode, RefreshToken, Grant } = entitiesOf(context)
  const asked = wordsOf(parameterOf(context, 'scope') ?? (AuthorizationCode ?? DeviceCode ?? RefreshToken)?.scope)
  return wordsOf(Grant?.getOIDCScope()).filter((scope) => scope !== 'offline_access' && asked.includes(scope))
}

const wordsOf = (text: string | undefined): readonly string[] => (text ?? '').split(' ').filter(Boolean)
