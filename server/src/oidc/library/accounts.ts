// The library's hooks that find the person, and the grant of an authorization.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Account, Configuration, Grant } from 'oidc-provider'
import type { LoadedAccount } from '../../store/sessions/accounts.ts'
import type { User } from '../../store/people/user.ts'
import { grantPayload, newGrantId } from '../artefacts/grants.ts'
import { claimsFromGroups, claimsOf } from '../claims.ts'
import { acrOfArtefact } from '../acr.ts'
import { accessOf } from '../clients/access.ts'
import type { Access } from '../clients/access.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { loadAccount, loadAccountOfArtefact, sessionBeside } from '../load-account.ts'
import { consentTo } from './authorization.ts'
import { currentRequest, fromStore } from './current-request.ts'
import type { LibraryNeeds } from './needs.ts'
import { groupClaims } from './overrides/add-group-claims.ts'
import { clientOf, sessionOf, submissionOf } from './shapes.ts'
import type { Context } from './shapes.ts'

type Needs = Pick<LibraryNeeds, 'users' | 'clients' | 'settings'>

/** The library's hooks that find the person, and the grant of an authorization. */
export function accountHooks(needs: Needs): Pick<Configuration, 'findAccount' | 'loadExistingGrant'> {
  return {
    findAccount: (context, sub, token) => fromStore(() => findAccount(needs, context, { sub, isOfToken: !!token })),
    loadExistingGrant: async (context) => freshGrant(needs, context),
  }
}

/** @param asked.isOfToken the person of the request's code or token; else that of the browser's session
 *  @returns undefined also for a person who may not use the client that asks, when it is of a token */
export async function findAccount(
  needs: Needs,
  context: Context,
  asked: { sub: string; isOfToken: boolean },
): Promise<Account | undefined> {
  const client = needs.clients.registered(clientOf(context))
  const loaded = asked.isOfToken
    ? await loadAccountOfArtefact(currentRequest(), needs.users)
    : await accountOfSession(needs, context, asked.sub)
  if (loaded === undefined || loaded.user.id !== asked.sub) return undefined
  // at the authorization endpoint the questions tell the person; a token is simply refused
  if (asked.isOfToken && accessOfArtefact(client, loaded.user, needs.settings).kind !== 'allowed') return undefined
  const claims = claimsAt(client.config, loaded.user)
  return { accountId: loaded.user.id, claims: async () => claims }
}

/** Whether the person of the request's code or token may use a client, by the sign-in behind it. */
export const accessOfArtefact = (client: OidcClient, { groups }: User, { secondFactor }: Needs['settings']): Access =>
  accessOf(client, { groups, acr: acrOfArtefact(currentRequest().artefact) }, secondFactor)

/** All claims about a person for a client. */
export const claimsAt = (config: ClientConfig, user: User) => ({
  ...claimsOf(user),
  sub: user.id,
  [groupClaims]: claimsFromGroups(config.claims, user.groups),
})

/** The person of the browser's session; the session is checked too. A session that just begins is not in the database
 *  yet: it is valid while the account's standing is the same as when the password was checked, and the session beside which that was is alive. */
async function accountOfSession(
  { users, clients }: Needs,
  context: Context,
  sub: string,
): Promise<LoadedAccount | undefined> {
  const request = currentRequest()
  const ask = { userId: sub, clientUid: clients.registered(clientOf(context)).uid }
  const login = submissionOf(context)?.login
  if (login !== undefined) {
    const loaded = await loadAccount(request, users, { ...ask, session: sessionBeside(login.beside) })
    return loaded?.standing === login.standing && loaded?.sessionLive ? loaded : undefined
  }
  const { uid, version = 1, loginTs = 0 } = sessionOf(context)!
  const session = { uid, version, authTime: new Date(loginTs * 1000) }
  const loaded = await loadAccount(request, users, { ...ask, session })
  return loaded?.sessionLive ? loaded : undefined
}

/** A new grant for this authorization only. Its row is written when the code is issued. */
function freshGrant({ clients }: Needs, context: Context): Grant {
  const { oidc } = context
  const { allowed } = consentTo(context, clients)
  const payload = {
    ...grantPayload(allowed, oidc.requestParamClaims),
    jti: newGrantId(),
    accountId: oidc.account!.accountId,
    clientId: oidc.client!.clientId,
  }
  return new oidc.provider.Grant(payload)
}
