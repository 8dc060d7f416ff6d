// People and their passwords in our own database: the record is all there is to know.
import { hasCode } from '@nauthera/runtime/coded-error'
import type { LoadedAccount } from '../store/accounts.ts'
import type { Credentials } from '../store/credentials.ts'
import { ownSource } from '../store/users.ts'
import type { Passwords } from './passwords.ts'
import type { ChangePasswordOutcome, KnownPerson, PasswordAnswer, PasswordChange, UserSource } from './user-source.ts'

interface Needs {
  readonly store: { readonly credentials: Credentials }
  readonly passwords: Passwords
}

export function createPostgresUsers(needs: Needs): UserSource {
  return {
    id: ownSource,
    maxAgeMs: 0,
    look: async (user) => user,
    checkPassword: ({ password, known }) => checkPassword(needs, password, known),
    async pretendToCheck(password) {
      await needs.passwords.verify(undefined, password)
    },
    changePassword: (account, change) => changePassword(needs, account, change),
  }
}

async function checkPassword(
  { store, passwords }: Needs,
  password: string,
  known: KnownPerson | undefined,
): Promise<PasswordAnswer> {
  const { matches, outdated } = await passwords.verify(known?.passwordHash, password)
  if (known === undefined) return { kind: 'unknown' }
  if (!matches) return { kind: 'wrong' }
  if (!outdated || known.user.disabled) return { kind: 'right' }
  try {
    // the password is known in plain only now
    await store.credentials.rehash(known.user.id, known.passwordHash!, await passwords.hash(password))
  } catch (error) {
    // it is right all the same; the next sign-in stores the better hash
    if (!hasCode(error, 'PASSWORD_QUEUE_FULL', 'STORE_UNAVAILABLE')) throw error
  }
  return { kind: 'right' }
}

async function changePassword(
  { store, passwords }: Needs,
  account: LoadedAccount,
  { next, standing, keepSession, event }: PasswordChange,
): Promise<ChangePasswordOutcome> {
  const { user } = account
  // before anything is said about the new one: "the same as now" would tell a guess
  if (standing !== undefined && !mayChange(account, standing)) return { kind: 'ended' }
  const faults = passwords.checkNew(next, user)
  if (faults.length > 0) return { kind: 'refused', faults }
  const { matches } = await passwords.verify(await store.credentials.find(user.id), next)
  if (matches) {
    const message = 'must differ from the current one'
    return { kind: 'refused', faults: [{ code: 'same', path: 'password', message }] }
  }
  const change = { keepSession, changeRequired: false, standing, audit: [event] }
  const changed = await store.credentials.set(user.id, await passwords.hash(next), change)
  return changed === undefined ? { kind: 'ended' } : { kind: 'changed', ...changed }
}

/** The statement that sets it decides; this is for whoever cannot get there any more. */
function mayChange({ user, standing }: LoadedAccount, proved: string): boolean {
  return user.passwordChangeRequired && !user.disabled && standing === proved
}
