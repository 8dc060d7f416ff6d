// Combines all sources of people. A person's record in this database says which source is theirs.
import { CodedError, hasCode } from '@nauthera/runtime/coded-error'
import type {
  AccountQuery,
  Accounts,
  GrantQuery,
  GrantedAccount,
  LoadedAccount,
} from '../../store/sessions/accounts.ts'
import { canonicalName } from '../../store/people/canonical-name.ts'
import type { TokenAccounts } from '../../store/sessions/token-accounts.ts'
import type { User } from '../../store/people/user.ts'
import type { Users } from '../../store/people/users.ts'
import { hasNamesOf, mergeUser } from './merge-user.ts'
import { tryPassword } from './try-password.ts'
import type { SignInOutcome, TryNeeds } from './try-password.ts'
import type { ChangePasswordOutcome, PasswordChange } from './user-source.ts'

export interface UserSources {
  /** Reads the record with one query, and adds what the person's source says.
   *  @returns undefined when nobody has this id, or the source no longer has the person
   *  @throws CodedError STORE_UNAVAILABLE: an outage never looks like "nobody" */
  load(query: AccountQuery): Promise<LoadedAccount | undefined>
  /** As `load`, for a code or token, with its grant. */
  loadGranted(query: GrantQuery): Promise<GrantedAccount | undefined>
  /** As `loadGranted`, for introspection and userinfo: the record may be 10 s old. */
  loadForToken(query: GrantQuery): Promise<GrantedAccount | undefined>
  /** Adds what the person's source says to an account that was read with another statement. */
  describe<Account extends { readonly user: User }>(account: Account | undefined): Promise<Account | undefined>
  /** @param login user name or e-mail address in any spelling
   *  @param context.clientUid the client that the sign-in is for
   *  @throws CodedError STORE_UNAVAILABLE: an outage is no outcome, and counts as no attempt */
  tryPassword(
    login: string,
    password: string,
    context: { address: string; clientUid?: string | undefined },
  ): Promise<SignInOutcome>
  /** Whether somebody of a source who was never here has one of these names: they get it at their first sign-in, so nobody else may take it.
   *  @throws CodedError STORE_UNAVAILABLE */
  isReserved(names: { username: string; email: string | undefined }): Promise<boolean>
  /** Whether this person's password can be changed here; else it is changed where the person comes from. */
  canChangePassword(user: User): boolean
  /** Sets a new password that keeps the rules. Other sessions and their grants end.
   *  @throws CodedError STORE_UNAVAILABLE, PASSWORD_QUEUE_FULL, USER_UNKNOWN */
  changePassword(change: PasswordChange & { userId: string }): Promise<ChangePasswordOutcome>
}

interface Needs extends TryNeeds {
  readonly store: TryNeeds['store'] & {
    readonly accounts: Accounts
    readonly tokenAccounts: TokenAccounts
    readonly users: Pick<Users, 'follow'>
  }
}

const busySeconds = 2

export function createUserSources(needs: Needs): UserSources {
  const { sources, store } = needs
  const sourceOf = (user: User) => sources.find(({ id }) => id === user.source)

  async function describe<Account extends { readonly user: User }>(
    account: Account | undefined,
  ): Promise<Account | undefined> {
    const person = account && (await sourceOf(account.user)?.read(account.user))
    if (account === undefined || person === undefined) return undefined
    if (person === account.user) return account
    const user = hasNamesOf(account.user, person) ? account.user : await store.users.follow(account.user.id, person)
    return { ...account, user: mergeUser(user ?? account.user, person) }
  }

  return {
    describe,
    load: async (query) => describe(await store.accounts.load(query)),
    loadGranted: async (query) => describe(await store.accounts.loadGranted(query)),
    loadForToken: async (query) => describe(await store.tokenAccounts.load(query)),
    async tryPassword(login, password, context) {
      try {
        return await tryPassword(needs, { login, password, ...context })
      } catch (error) {
        if (hasCode(error, 'PASSWORD_QUEUE_FULL')) return { kind: 'busy', retryAfterSeconds: busySeconds }
        throw error
      }
    },
    isReserved: async ({ username, email }) => {
      const names = [...new Set([username, ...(email === undefined ? [] : [email])].map(canonicalName))]
      for (const source of sources) if (await source.knows?.(names)) return true
      return false
    },
    canChangePassword: (user) => sourceOf(user)?.changePassword !== undefined,
    async changePassword({ userId, ...change }) {
      const account = await store.accounts.load({ userId })
      if (account === undefined) throw new CodedError('USER_UNKNOWN', { message: 'no account has this id' })
      const source = sourceOf(account.user)
      if (!source?.changePassword)
        throw new TypeError(`passwords of the source ${account.user.source} cannot be changed here`)
      return source.changePassword(account, change)
    },
  }
}
