import { errors } from 'oidc-provider'
import type { ErrorCode } from '../../errors.ts'
import { acrToTell } from '../acr.ts'
import { codeFinish } from '../artefacts/code-finish.ts'
import type { CodeAuthorization } from '../artefacts/code-finish.ts'
import { clientOnPage } from '../clients/on-page.ts'
import { knownBrowser } from '../artefacts/known-browser.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { pairwiseSector } from '../clients/subjects.ts'
import { detailsAsked } from './authorization.ts'
import { currentRequest, fromStore } from './current-request.ts'
import type { OverrideNeeds } from './override.ts'
import { clientOf, grantOf, interactionOf, parameterOf, sessionOf, submissionOf } from './shapes.ts'
import type { Artefact, Context } from './shapes.ts'

/** Stores an authorization in one statement, when its code is issued or its device allowed: mark of the interaction, consent, grant,
 *  session and audit.
 *  @param deviceCode the one that is allowed with it
 *  @throws errors.InvalidRequest, for a page, when this sign-in is not valid any more: nothing was stored */
export async function finishAuthorization(
  context: Context,
  artefact: Artefact,
  needs: Pick<OverrideNeeds, 'store' | 'clients' | 'scope' | 'now'>,
  deviceCode?: { id: string; payload: () => Promise<object> },
): Promise<void> {
  const { store, clients, scope, now } = needs
  artefact.acr = acrToTell(JSON.parse(parameterOf(context, 'claims') ?? '{}'), artefact.acr)
  const client = clients.registered(clientOf(context))
  const toRemember = detailsAsked(context, client, clients).filter(({ canRemember }) => canRemember)
  const authorization = {
    ...authorizationOf(context, client, artefact.grantId!),
    toRemember,
    isForDevice: deviceCode !== undefined,
  }
  const request = currentRequest()
  const signedIn = store.outbox.sendsMail && authorization.submission?.login !== undefined
  const browser = signedIn ? knownBrowser(request, scope, { client: nameInMail(client), now: now() }) : undefined
  const allowed = deviceCode && { id: deviceCode.id, payload: { ...(await deviceCode.payload()) } }
  const finish = { ...codeFinish(authorization, request, now()), browser, deviceCode: allowed }
  const { done, ended } = await fromStore(() => store.signIns.finish(finish))
  if (ended)
    throw onPage(
      'SIGN_IN_ENDED',
      'the session, or all sessions of this account, ended during this sign-in; sign in again',
    )
  if (done) return
  if (authorization.submission?.unanswered)
    throw onPage('SIGN_IN_LOST', 'the code of this sign-in was lost; start again')
  throw onPage('INTERACTION_SPENT', 'this sign-in is already complete; start again at the application')
}

/** The name of a client that nobody registered is what its document says; its host was let in by policy. */
function nameInMail(client: OidcClient): string {
  const { name, host } = clientOnPage(client)
  return host ?? name
}

function authorizationOf(context: Context, client: OidcClient, grantId: string): CodeAuthorization {
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
      sid: session.sidFor(client.clientId),
    },
    submission: submissionOf(context),
    interaction: interactionOf(context),
    grant: {
      id: grantId,
      openid: grant.openid,
      resources: grant.resources,
      authorizationDetails: grant.authorizationDetails,
      sector: pairwiseSector(client.config),
      scopes: new Set(grant.getOIDCScope().split(' ')),
    },
  }
}

/** Shown to the person on a page, not sent to the client. */
function onPage(code: ErrorCode, description: string): Error {
  return Object.assign(new errors.InvalidRequest(description), { allow_redirect: false, code })
}
