import { allowedScope } from '../artefacts/resources.ts'
import type { Apis } from '../clients/apis.ts'
import { judgeRedemption } from '../clients/asked.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { currentContext, parameterOf, resourcesOf } from './shapes.ts'
import type { Artefact } from './shapes.ts'

/** Refuses a token request that names a wrong API or scope, before its code or refresh token is used up. The library finds out only
 *  after that, and the answer of a refused request brings no other token.
 *  @throws ProtocolError invalid_target, invalid_scope */
export function refuseEarly(artefact: Artefact, client: OidcClient, clients: Apis): void {
  const context = currentContext()
  const asked = { scope: parameterOf(context, 'scope'), resources: resourcesOf(context) }
  allowedScope(judgeRedemption(asked, [artefact.resource ?? []].flat(), client, clients))
}
