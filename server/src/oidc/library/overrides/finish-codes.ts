import { errors } from 'oidc-provider'
import type { ErrorCode } from '../../../errors.ts'
import { acrToTell } from '../../acr.ts'
import { codeFinish } from '../../artefacts/code-finish.ts'
import type { Authorization } from '../../artefacts/code-finish.ts'
import { knownBrowser } from '../../artefacts/known-browser.ts'
import type { OidcClient } from '../../clients/oidc-client.ts'
import type { CookieKeys } from '../../keys/key-set.ts'
import { sidOf } from '../../session-cookie.ts'
import { currentRequest, fromStore } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { clientOf, currentContext, grantOf, interactionOf, parameterOf, sessionOf, submissionOf } from '../shapes.ts'
import type { Artefact, Context, Internals } from '../shapes.ts'

/** AuthorizationCode.prototype.save: everything about an authorization is stored when its code is issued, and not
 *  earlier: the mark of the interaction, consent, grant, session and audit, in one statement. */
export function finishCodes(
  { AuthorizationCode }: Internals,
  { store, clients, keys, scope, now }: Pick<OverrideNeeds, 'store' | 'clients' | 'keys' | 'scope' | 'now'>,
): void {
  replace(
    AuthorizationCode.prototype,
    'save',
    (original) =>
      async function save(this: Artefact) {
        const context = currentContext()
        this.acr = acrToTell(JSON.parse(parameterOf(context, 'claims') ?? '{}'), this.acr)
        const client = clients.registered(clientOf(context))
        const authorization = authorizationOf(context, client, { grantId: this.grantId!, keys: keys.cookies })
        const request = currentRequest()
        const signedIn = store.outbox.sendsMail && authorization.submission?.login !== undefined
        const name = client.config.clientName || client.clientId
        const browser = signedIn ? knownBrowser(request, scope, { client: name, now: now() }) : undefined
        const finish = { ...codeFinish(authorization, request, now()), browser }
        const { done, ended } = await fromStore(() => store.signIns.finish(finish))
        if (ended)
          throw onPage('SIGN_IN_ENDED', 'all sessions of this account were ended during this sign-in; sign in again')
        if (!done) throw onPage('INTERACTION_SPENT', 'this sign-in is already complete; start again at the application')
        return original.call(this)
      },
  )
}

function authorizationOf(
  context: Context,
  client: OidcClient,
  made: { grantId: string; keys: CookieKeys },
): Authorization {
  const session = sessionOf(context)!
  const grant = grantOf(context)
  return {
    client,
    session: {
      uid: session.uid,
      accountId: session.accountId!,
      version: session.version ?? 1,
      loginTs: session.loginTs!,
      until: session.until ?? 0,
      sid: sidOf(made.keys, session, client.clientId),
    },
    submission: submissionOf(context),
    interaction: interactionOf(context),
    grant: {
      id: made.grantId,
      openid: grant.openid,
      resources: grant.resources,
      scopes: new Set(grant.getOIDCScope().split(' ')),
    },
  }
}

/** Shown to the person on a page, not sent to the client. */
function onPage(code: ErrorCode, description: string): Error {
  return Object.assign(new errors.InvalidRequest(description), { allow_redirect: false, code })
}
