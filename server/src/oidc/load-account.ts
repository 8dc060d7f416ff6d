import type { AccountQuery, GrantQuery, GrantedAccount, LoadedAccount } from '../store/sessions/accounts.ts'
import { countsForPerson, personCounts } from '../store/tokens/what-counts.ts'
import type { UserSources } from '../users/sources/user-sources.ts'
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
    request.loaded = { key, account: account && personCounts.holds(account) ? account : undefined }
  }
  return request.loaded.account
}

/** What an account is remembered by in a request: all that is asked about it. */
export const keyOf = ({ userId, session, clientUid }: AccountQuery): string =>
  JSON.stringify([userId, session?.uid, clientUid])

/** Matches every version of a session: its tokens stay valid when the version rises later. */
const anyVersion = 2_147_483_647

/** What is asked about the session beside which a sign-in was proved: whether it is alive. */
export const sessionBeside = (uid: string | undefined): AccountQuery['session'] =>
  uid === undefined ? undefined : { uid, version: anyVersion, authTime: new Date(0) }

type OfArtefact = Pick<RequestContext, 'artefact' | 'granted'>

/** Loads the person of the request's code or token, with its grant, once a request. For an access token the data may be up to 10 s old.
 *  @returns undefined when the person is deleted or disabled, and when the token's session has ended */
export async function loadAccountOfArtefact(
  request: OfArtefact,
  users: Pick<UserSources, 'loadGranted' | 'loadForToken'>,
): Promise<GrantedAccount | undefined> {
  const asked = askedAbout(request)
  if (asked === undefined) return undefined
  const { key, query } = asked
  if (request.granted?.key !== key) {
    const isOfAccess = request.artefact?.['kind'] === 'AccessToken'
    request.granted = { key, account: isOfAccess ? users.loadForToken(query) : users.loadGranted(query) }
  }
  return standing(await request.granted.account)
}

/** Adds what the person's source says to what a statement found that also writes, for all who ask for it later in the request. What was written is known
 *  also where the source does not answer. */
export async function describeGranted(
  request: OfArtefact,
  users: Pick<UserSources, 'describe'>,
  found: GrantedAccount | undefined,
): Promise<GrantedAccount | undefined> {
  const account = await users.describe(found)
  const asked = askedAbout(request)
  if (asked !== undefined) request.granted = { key: asked.key, account: Promise.resolve(account) }
  return standing(account)
}

/** What the payload of a code or token asks about its person. */
export function grantQueryOf(artefact: {
  readonly accountId: string
  readonly grantId: string
  readonly sessionUid?: unknown
  readonly authTime?: unknown
}): GrantQuery {
  const { accountId: userId, grantId, sessionUid, authTime } = artefact
  const session =
    typeof sessionUid === 'string' && typeof authTime === 'number'
      ? { uid: sessionUid, version: anyVersion, authTime: new Date(authTime * 1000) }
      : undefined
  return { userId, grantId, session }
}

function askedAbout({ artefact = {} }: OfArtefact): { readonly key: string; readonly query: GrantQuery } | undefined {
  const { accountId, grantId, sessionUid, authTime } = artefact
  if (typeof accountId !== 'string' || typeof grantId !== 'string') return undefined
  const query = grantQueryOf({ accountId, grantId, sessionUid, authTime })
  return { key: `${accountId} ${grantId} ${query.session?.uid}`, query }
}

const standing = (loaded: GrantedAccount | undefined): GrantedAccount | undefined =>
  loaded && countsForPerson(loaded) ? loaded : undefined
