import { detailsOfToken } from '../artefacts/granted-details.ts'
import type { GrantPayload } from '../artefacts/grants.ts'
import { allowedScope, refuseSuspended } from '../artefacts/resources.ts'
import type { Apis } from '../apis/apis.ts'
import { judgeRedemption } from '../apis/asked.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { currentContext, parameterOf, resourcesOf } from './shapes.ts'
import type { Artefact } from './shapes.ts'
import { apiOfSignIn } from './sign-in-api.ts'

/** Refuses a wrong or suspended API, scope or authorization detail before the code or refresh token is consumed. The library checks later, when the
 *  token would be lost.
 *  @param about.grant of the code or refresh token
 *  @throws ProtocolError invalid_target, invalid_scope, invalid_authorization_details */
export function refuseEarly(
  artefact: Artefact,
  { client, grant, apis }: { client: OidcClient; grant: GrantPayload | undefined; apis: Apis },
): void {
  const context = currentContext()
  const asked = { scope: parameterOf(context, 'scope'), resources: resourcesOf(context) }
  allowedScope(judgeRedemption(asked, [artefact.resource ?? []].flat(), client))
  const text = parameterOf(context, 'authorization_details')
  const api = asked.resources[0] ?? apiOfSignIn(context, { source: artefact, grant, client })
  if (api !== undefined) refuseSuspended(api, apis)
  if (text !== undefined) detailsOfToken(text, grant, asked.resources[0])
}
