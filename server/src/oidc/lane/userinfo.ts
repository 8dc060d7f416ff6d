import type { User } from '../../store/people/user.ts'
import { personScopesNow } from '../artefacts/standing-grant.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { RequestContext } from '../request-context.ts'
import { findGrant, findToken } from './access-token.ts'
import type { TokenNeeds } from './access-token.ts'
import { answered, passedOn } from './lane-answer.ts'
import type { LaneAnswer } from './lane-answer.ts'
import { plainBearer } from './plain-request.ts'

export interface UserinfoNeeds extends TokenNeeds {
  readonly tell: TellClaims
}

/** What a client may know of a person by these scopes; undefined where it wants it in another form than plain JSON, by its metadata or by what the settings
 *  say for all. */
export type TellClaims = (client: OidcClient, user: User, scope: string) => Promise<object | undefined>

/** The lane's userinfo, for an active, unbound token for no API. */
export function createUserinfo(needs: UserinfoNeeds): (context: RequestContext) => Promise<LaneAnswer> {
  return async (context) => {
    const text = plainBearer(context.request.headers)
    // a signed one is for an API
    if (text === undefined || text.includes('.')) return passedOn
    const found = await findToken(context, text, ['AccessToken'], needs)
    if (found === undefined) return passedOn
    const { token, owner } = found
    const asked = token.scope?.split(' ') ?? []
    if (!asked.includes('openid') || token.aud !== undefined || token.claims !== undefined) return passedOn
    const granted = await findGrant(context, token, needs)
    if (granted === undefined) return passedOn
    const { user } = granted.account
    if (user.id !== token.accountId) return passedOn
    const scopes = personScopesNow(granted.grant).filter((scope) => asked.includes(scope))
    const told = await needs.tell(owner, user, scopes.join(' '))
    return told === undefined ? passedOn : answered(told)
  }
}
