// The source of people with passwords in our database. All that is known of them is in their record.
import { randomUUID } from 'node:crypto'
import { hasCode } from '@nauthera/runtime/coded-error'
import { askedFrom } from '../../describe-agent.ts'
import type { LoadedAccount } from '../../store/sessions/accounts.ts'
import type { Credentials } from '../../store/people/credentials.ts'
import { isStillStanding } from '../../store/people/standing.ts'
import { ownSource } from '../../store/people/user.ts'
import { passwordChangedMail } from '../notices.ts'
import type { Passwords } from '../passwords/passwords.ts'
import type { ChangePasswordOutcome, KnownPerson, PasswordAnswer, PasswordChange, UserSource } from './user-source.ts'

interface Needs {
  readonly store: { readonly credentials: Pick<Credentials, 'find' | 'rehash' | 'set'> }
  readonly passwords: Pick<Passwords, 'checkNew' | 'hash' | 'verify'>
}

export function createPostgresUsers(needs: Needs): UserSource {
  return {
    id: ownSource,
    maxAgeMs: 0,
    read: async (user) => user,
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
    // a new hash needs the password itself, which is here only now
    await store.credentials.rehash(known.user.id, known.passwordHash!, await passwords.hash(password))
  } catch (error) {
    // the password is right all the same; the next sign-in tries again
    if (!hasCode(error, 'PASSWORD_QUEUE_FULL', 'STORE_UNAVAILABLE')) throw error
  }
  return { kind: 'right' }
}

async function changePassword(
  { store, passwords }: Needs,
  account: LoadedAccount,
  { next, standing, proved, others, link, event, languages }: PasswordChange,
): Promise<ChangePasswordOutcome> {
  const { user } = account
  // first of all checks: "the same as the current one" would confirm a guess of somebody who may not change it
  if (standing !== undefined && !mayChange(account, standing)) return { kind: 'ended' }
  const faults = passwords.checkNew(next, user)
  if (faults.length > 0) return { kind: 'refused', faults }
  const { matches } = await passwords.verify(await store.credentials.find(user.id), next)
  if (matches) {
    const message = 'must differ from the current one'
    return { kind: 'refused', faults: [{ code: 'same', path: 'password', message }] }
  }
  const asked = askedFrom(event)
  const mail = passwordChangedMail(user, { key: randomUUID(), at: new Date(), asked, languages })
  const change = { others, changeRequired: false, standing, proved, link, mail, audit: [event] }
  const changed = await store.credentials.set(user.id, await passwords.hash(next), change)
  return changed === undefined ? { kind: 'ended' } : { kind: 'changed', ...changed }
}

/** Only a check in advance: the statement that sets the password decides. */
const mayChange = (account: LoadedAccount, proved: string): boolean =>
  account.user.passwordChangeRequired && isStillStanding(account, proved)
