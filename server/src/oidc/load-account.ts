import type { AccountQuery, GrantQuery, GrantedAccount, LoadedAccount } from '../store/sessions/accounts.ts'
import type { Redeemed, Redemption } from '../store/sessions/redemptions.ts'
import type { Renewal, Renewed } from '../store/sessions/renewals.ts'
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

/** What a statement found that also writes. `account` adds what the person's source says: whether something was written is known also where that does not
 *  answer. */
interface WithAccount {
  readonly account: () => Promise<GrantedAccount | undefined>
}

/** As `loadAccountOfArtefact`, of a code that is used up by it. */
export async function redeemCode(
  request: OfArtefact,
  users: Pick<UserSources, 'redeem'>,
  code: Pick<Redemption, 'jti' | 'expiresAt' | 'terms' | 'family'>,
): Promise<Pick<Redeemed, 'spent' | 'family'> & WithAccount> {
  const asked = askedAbout(request)
  if (asked === undefined) return { spent: false, family: undefined, account: nobody }
  const { described, ...outcome } = await users.redeem({ ...asked.query, ...code })
  return { ...outcome, account: keeping(request, asked.key, described) }
}

/** As `loadAccountOfArtefact`, of a refresh token, whose successor is made by the same statement where nothing is left to be asked. */
export async function renewAccountOfArtefact(
  request: OfArtefact,
  users: Pick<UserSources, 'renew'>,
  token: Pick<Renewal, 'seq' | 'idleTtlMs' | 'terms'>,
): Promise<Pick<Renewed, 'family'> & WithAccount> {
  const asked = askedAbout(request)
  if (asked === undefined) return { family: undefined, account: nobody }
  const { described, family } = await users.renew({ ...asked.query, ...token })
  return { family, account: keeping(request, asked.key, described) }
}

const nobody = () => Promise.resolve(undefined)

/** The request keeps the account, for all who ask for it afterwards. */
const keeping =
  (request: OfArtefact, key: string, described: () => Promise<GrantedAccount | undefined>): WithAccount['account'] =>
  async () => {
    const account = await described()
    request.granted = { key, account: Promise.resolve(account) }
    return standing(account)
  }

function askedAbout({ artefact = {} }: OfArtefact): { readonly key: string; readonly query: GrantQuery } | undefined {
  const { accountId, grantId, sessionUid, authTime } = artefact
  if (typeof accountId !== 'string' || typeof grantId !== 'string') return undefined
  const session =
    typeof sessionUid === 'string' && typeof authTime === 'number'
      ? { uid: sessionUid, version: anyVersion, authTime: new Date(authTime * 1000) }
      : undefined
  return { key: `${accountId} ${grantId} ${session?.uid}`, query: { userId: accountId, grantId, session } }
}

const standing = (loaded: GrantedAccount | undefined): GrantedAccount | undefined =>
  loaded && countsForPerson(loaded) ? loaded : undefined
