// People and their passwords in our own database.
import { CodedError, hasCode } from '@nauthera/runtime/coded-error'
import type { AttemptLimits, Attempts } from '../store/attempts.ts'
import type { Credentials } from '../store/credentials.ts'
import type { LoadedAccount, User, Users } from '../store/users.ts'
import { decideLockout, defaultLimits } from './lockout.ts'
import type { Passwords } from './passwords.ts'
import type { Account, SignInOutcome, UserSource } from './user-source.ts'

const busySeconds = 2

export function createPostgresUsers(needs: {
  store: { attempts: Attempts; credentials: Credentials; users: Users }
  passwords: Passwords
  limits?: AttemptLimits
}): UserSource {
  const { store, passwords, limits = defaultLimits } = needs

  /** A password whose hash costs too little is known in plain only now. */
  async function upgrade(userId: string, oldHash: string, password: string): Promise<void> {
    try {
      await store.credentials.rehash(userId, oldHash, await passwords.hash(password))
    } catch (error) {
      // the sign-in succeeded; the next one upgrades
      if (!hasCode(error, 'PASSWORD_QUEUE_FULL', 'STORE_UNAVAILABLE')) throw error
    }
  }

  async function tryPassword(login: string, password: string, context: { address: string }): Promise<SignInOutcome> {
    const attempt = await store.attempts.begin({ login, address: context.address, limits })
    const decision = decideLockout(attempt)
    if (decision.kind === 'address-locked') return { kind: 'busy', retryAfterSeconds: decision.retryAfterSeconds }
    const { user, passwordHash, keys, standing = '' } = attempt
    const usable = decision.kind === 'allowed' && user !== undefined ? passwordHash : undefined
    const { matches, outdated } = await passwords.verify(usable, password)
    const reason = refusalOf({ locked: decision.kind === 'locked', user, matches })
    if (user === undefined || reason !== undefined) {
      // the same statement for every reason: the time must not tell them apart
      await store.attempts.fail(keys, limits)
      return { kind: 'refused', reason: reason ?? 'unknown-user', userId: user?.id }
    }
    if (outdated) await upgrade(user.id, passwordHash!, password)
    return { kind: 'passed', account: accountOf(user), groups: user.groups, amr: ['pwd'], attempt: keys, standing }
  }

  return {
    id: 'postgres',
    async tryPassword(login, password, context) {
      try {
        return await tryPassword(login, password, context)
      } catch (error) {
        if (hasCode(error, 'PASSWORD_QUEUE_FULL')) return { kind: 'busy', retryAfterSeconds: busySeconds }
        throw error
      }
    },
    async changePassword({ userId, next, standing, keepSession, event }) {
      const account = await store.users.loadAccount({ userId })
      if (account === undefined) throw new CodedError('USER_UNKNOWN', { message: 'no account has this id' })
      // before anything is said about the new one: "the same as now" would tell a guess
      if (standing !== undefined && !mayChange(account, standing)) return { kind: 'ended' }
      const faults = passwords.checkNew(next, account.user)
      if (faults.length > 0) return { kind: 'refused', faults }
      const { matches } = await passwords.verify(await store.credentials.find(userId), next)
      if (matches) {
        return {
          kind: 'refused',
          faults: [{ code: 'same', path: 'password', message: 'must differ from the present one' }],
        }
      }
      const hash = await passwords.hash(next)
      const change = { keepSession, changeRequired: false, standing, audit: [event] }
      const changed = await store.credentials.set(userId, hash, change)
      return changed === undefined ? { kind: 'ended' } : { kind: 'changed', ...changed }
    },
  }
}

/** The statement that sets it decides; this is for whoever cannot get there any more. */
function mayChange({ user, standing }: LoadedAccount, proved: string): boolean {
  return user.passwordChangeRequired && !user.disabled && standing === proved
}

function refusalOf(about: { locked: boolean; user: User | undefined; matches: boolean }) {
  if (about.locked) return 'locked'
  if (about.user === undefined) return 'unknown-user'
  if (!about.matches) return 'wrong-password'
  return about.user.disabled ? 'disabled' : undefined
}

const accountOf = (user: User): Account => ({
  id: user.id,
  username: user.username,
  email: user.email,
  emailVerified: user.emailVerified,
  name: user.name,
  locale: user.locale,
  profile: user.profile,
  passwordChangeRequired: user.passwordChangeRequired,
})
