import type { AccountQuery, GrantedAccount, LoadedAccount } from '../store/accounts.ts'
import type { UserSources } from '../users/user-sources.ts'
import type { RequestContext } from './request-context.ts'

/** Loads a person with everything that is checked about them, in one query for the whole request.
 *  @returns undefined when the person is deleted or disabled */
export async function loadAccount(
  request: Pick<RequestContext, 'loaded' | 'loading'>,
  users: Pick<UserSources, 'load'>,
  ask: AccountQuery,
): Promise<LoadedAccount | undefined> {
  const key = keyOf(ask)
  if (request.loaded?.key !== key) {
    if (request.loading?.key !== key) request.loading = { key, account: users.load(ask) }
    const account = await request.loading.account
    request.loaded = { key, account: account?.user.disabled ? undefined : account }
  }
  return request.loaded.account
}

/** What an account is remembered by in a request: all that is asked about it. */
export const keyOf = ({ userId, session, clientUid }: AccountQuery): string =>
  JSON.stringify([userId, session?.uid, clientUid])

/** Matches every version of a session: its tokens stay valid when the version rises later. */
const anyVersion = 2_147_483_647

/** Loads the person of the request's code or token, with its grant, once a request. For an access token the data may be up to 10 s old.
 *  @returns undefined when the person is deleted or disabled, and when the token's session has ended */
export async function loadAccountOfArtefact(
  request: Pick<RequestContext, 'artefact' | 'granted'>,
  users: Pick<UserSources, 'loadGranted' | 'loadForToken'>,
): Promise<GrantedAccount | undefined> {
  const { accountId, grantId, sessionUid, authTime, kind } = request.artefact ?? {}
  if (typeof accountId !== 'string' || typeof grantId !== 'string') return undefined
  const session =
    typeof sessionUid === 'string' && typeof authTime === 'number'
      ? { uid: sessionUid, version: anyVersion, authTime: new Date(authTime * 1000) }
      : undefined
  const ask = { userId: accountId, grantId, session }
  const key = `${accountId} ${grantId} ${session?.uid}`
  if (request.granted?.key !== key)
    request.granted = { key, account: kind === 'AccessToken' ? users.loadForToken(ask) : users.loadGranted(ask) }
  const loaded = await request.granted.account
  if (loaded?.user.disabled || (loaded?.grant && !loaded.grant.offline && !loaded.sessionLive)) return undefined
  return loaded
}
