import type { LoadedAccount } from '../store/users.ts'
import type { Store } from '../store/store.ts'
import { fromStore } from './artefacts/adapter.ts'
import { currentRequest } from './request-context.ts'

type Accounts = Pick<Store, 'users' | 'tokenAccounts'>
type Ask = Parameters<Store['users']['loadAccount']>[0]

/** Loads a person with all that is checked about them, in one query that serves the whole request.
 *  @returns undefined for one who is gone or disabled */
export function loadAccount(store: Pick<Store, 'users'>, ask: Ask): Promise<LoadedAccount | undefined> {
  return onceARequest(ask, () => store.users.loadAccount(ask))
}

async function onceARequest(
  ask: Ask,
  load: () => Promise<LoadedAccount | undefined>,
): Promise<LoadedAccount | undefined> {
  const request = currentRequest()
  const key = JSON.stringify([ask.userId, ask.session?.uid, ask.grantId, ask.clientUid])
  if (request.loaded?.key !== key) {
    const account = await fromStore(load)
    request.loaded = { key, account: account?.user.disabled ? undefined : account }
  }
  return request.loaded.account
}

/** Any version: what a session gave out outlives the privilege steps that come later. */
const anyVersion = 2_147_483_647

/** Loads the person that a code or token stands for, with its grant. For an access token it may be 10 s old.
 *  @param artefact the payload of the code or token
 *  @returns undefined also when the session that it is bound to has ended */
export async function loadAccountOf(
  store: Accounts,
  artefact: Readonly<Record<string, unknown>>,
): Promise<LoadedAccount | undefined> {
  const { accountId, grantId, sessionUid, authTime } = artefact
  if (typeof accountId !== 'string' || typeof grantId !== 'string') return undefined
  const session =
    typeof sessionUid === 'string' && typeof authTime === 'number'
      ? { uid: sessionUid, version: anyVersion, authTime: new Date(authTime * 1000) }
      : undefined
  const ask = { userId: accountId, grantId, session }
  const isAccessToken = artefact['kind'] === 'AccessToken'
  const loaded = await onceARequest(ask, () =>
    isAccessToken ? store.tokenAccounts.load(ask) : store.users.loadAccount(ask),
  )
  if (loaded?.grant && !loaded.grant.offline && !loaded.sessionLive) return undefined
  return loaded
}
