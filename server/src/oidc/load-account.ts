import type { AccountQuery, LoadedAccount } from '../store/accounts.ts'
import type { UserSources } from '../users/user-sources.ts'
import type { RequestContext } from './request-context.ts'

type Memory = Pick<RequestContext, 'loaded' | 'loading'>

/** Loads a person with everything that is checked about them, in one query for the whole request.
 *  @returns undefined when the person is deleted or disabled */
export function loadAccount(
  request: Memory,
  users: Pick<UserSources, 'load'>,
  ask: AccountQuery,
): Promise<LoadedAccount | undefined> {
  return onceARequest(request, ask, () => users.load(ask))
}

async function onceARequest(
  request: Memory,
  ask: AccountQuery,
  load: () => Promise<LoadedAccount | undefined>,
): Promise<LoadedAccount | undefined> {
  const key = keyOf(ask)
  if (request.loaded?.key !== key) {
    if (request.loading?.key !== key) request.loading = { key, account: load() }
    const account = await request.loading.account
    request.loaded = { key, account: account?.user.disabled ? undefined : account }
  }
  return request.loaded.account
}

/** What an account is remembered by in a request: all that is asked about it. */
export const keyOf = ({ userId, session, grantId, clientUid }: AccountQuery): string =>
  JSON.stringify([userId, session?.uid, grantId, clientUid])

/** Matches every version of a session: its tokens stay valid when the version rises later. */
const anyVersion = 2_147_483_647

/** Loads the person of the request's code or token, with its grant. For an access token the data may be up to 10 s old.
 *  @returns undefined also when the token's session has ended */
export async function loadAccountOfArtefact(
  request: Pick<RequestContext, 'artefact' | 'loaded' | 'loading'>,
  users: Pick<UserSources, 'load' | 'loadForToken'>,
): Promise<LoadedAccount | undefined> {
  const { accountId, grantId, sessionUid, authTime, kind } = request.artefact ?? {}
  if (typeof accountId !== 'string' || typeof grantId !== 'string') return undefined
  const session =
    typeof sessionUid === 'string' && typeof authTime === 'number'
      ? { uid: sessionUid, version: anyVersion, authTime: new Date(authTime * 1000) }
      : undefined
  const ask = { userId: accountId, grantId, session }
  const loaded = await onceARequest(request, ask, () =>
    kind === 'AccessToken' ? users.loadForToken(ask) : users.load(ask),
  )
  if (loaded?.grant && !loaded.grant.offline && !loaded.sessionLive) return undefined
  return loaded
}
