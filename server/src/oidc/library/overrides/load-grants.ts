import { grantFromRow } from '../../artefacts/grants.ts'
import { allowedScope } from '../../artefacts/resources.ts'
import { payloadNow, standingGrant } from '../../artefacts/standing-grant.ts'
import { judgeRefresh } from '../../apis/asked.ts'
import { loadAccountOfArtefact } from '../../load-account.ts'
import { currentRequest, fromStore } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { clientOf, currentContext, parameterOf, setParameter } from '../shapes.ts'
import type { Internals } from '../shapes.ts'

/** Grant.find: loads grant, account and session in one query, which `findAccount` reuses. The library gets the grant limited to what the
 *  client may have now. */
export function loadGrants(
  { Grant }: Internals,
  { users, clients, settings }: Pick<OverrideNeeds, 'users' | 'clients' | 'settings'>,
): void {
  replace(Grant, 'find', () => async (grantId) => {
    const request = currentRequest()
    const { artefact } = request
    if (artefact?.['grantId'] !== grantId) return undefined
    const loaded = await fromStore(() => loadAccountOfArtefact(request, users))
    const grant = await standingGrant(loaded, clients, { artefact, ...settings })
    if (grant === undefined) return undefined
    // a refresh token that was replaced is not active; at the token endpoint the rotation itself decides
    const context = currentContext()
    const { route } = context.oidc
    const asked = parameterOf(context, 'scope')
    if (asked !== undefined && parameterOf(context, 'grant_type') === 'refresh_token') {
      const { scope: had } = artefact
      const verdict = judgeRefresh(asked, typeof had === 'string' ? had : '', clients.registered(clientOf(context)))
      setParameter(context, 'scope', allowedScope(verdict))
    }
    if (artefact['kind'] === 'RefreshToken' && route === 'introspection' && loaded?.refreshSeq !== artefact['seq'])
      return undefined
    return new Grant({ ...grantFromRow(grant.row), ...payloadNow(grant, clients) })
  })
}
