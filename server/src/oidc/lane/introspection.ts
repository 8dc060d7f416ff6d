import { isAudience, standingFor } from '../artefacts/resources.ts'
import { personScopesNow } from '../artefacts/standing-grant.ts'
import { claimsOnIntrospection } from '../claims.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { createSubjectOf } from '../clients/subjects.ts'
import type { KeySet } from '../keys/key-set.ts'
import type { RequestContext } from '../request-context.ts'
import { findGrant, findToken } from './access-token.ts'
import type { TokenNeeds } from './access-token.ts'
import { answered, passedOn } from './lane-answer.ts'
import type { LaneAnswer } from './lane-answer.ts'
import { onlyHas, wantsJson } from './plain-request.ts'
import type { PlainForm } from './plain-request.ts'

export interface IntrospectionNeeds extends TokenNeeds {
  readonly issuer: string
  readonly keys: KeySet
}

type Answer = (context: RequestContext, form: PlainForm, caller: OidcClient) => Promise<LaneAnswer>

/** The lane's introspection: of an active, unbound access token that the caller may introspect. The library answers for every inactive
 *  token. */
export function createIntrospection(needs: IntrospectionNeeds): Answer {
  const { issuer, clients } = needs
  const subjectOf = createSubjectOf(needs.keys.pairwise)
  return async (context, form, caller) => {
    if (!isPlain(context, form)) return passedOn
    const found = await findToken(context, form.get('token')!, ['AccessToken', 'ClientCredentials'], needs)
    if (found === undefined) return passedOn
    const { token, owner } = found
    const { clientId, accountId, aud, exp, iat, jti, sid } = token
    const granted = token.grantId === undefined ? undefined : await findGrant(context, token, needs)
    if (token.grantId !== undefined && granted === undefined) return passedOn
    const standing = standingFor(caller, token, clients)
    if (standing.kind === 'untold') return passedOn
    const told =
      granted && isAudience(caller, token)
        ? claimsOnIntrospection(caller.config, granted.account.user, personScopesNow(granted.grant).join(' '))
        : undefined
    // in the order of the library's answer, and no claim changes what is said of the token
    const claims = {
      active: true,
      ...(accountId !== undefined && { sub: subjectOf(owner, accountId) }),
      ...token.extra,
      ...told,
    }
    return answered({
      ...claims,
      active: true,
      client_id: clientId,
      exp,
      iat,
      sid,
      iss: issuer,
      jti,
      aud,
      scope: standing.scope,
      token_type: 'Bearer',
    })
  }
}

function isPlain({ request }: RequestContext, form: PlainForm): boolean {
  const hint = form.get('token_type_hint')
  if (!form.has('token') || (hint !== undefined && hint !== 'access_token')) return false
  return wantsJson(request.headers.accept) && onlyHas(form, ['token', 'token_type_hint'])
}
