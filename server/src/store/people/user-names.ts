// The names of a person: what they may be, and what PostgreSQL says against them.
import { createHash } from 'node:crypto'
import { CodedError, hasCode } from '@nauthera/runtime/coded-error'
import type { Fault } from '@nauthera/runtime/coded-error'
import { hasHiddenCharacters } from '@nauthera/runtime/hidden-characters'
import type { ErrorCode } from '../../errors.ts'
import { canonicalName, longestName } from './canonical-name.ts'
import { emailAddressOf, isEmailAddress } from './email-address.ts'
import { looksLikeAnother } from './look-alikes.ts'
import { violates } from '../driver/postgres-errors.ts'
import type { Profile } from './user.ts'

/** What a record says about who somebody is. */
export interface UserNames {
  readonly username: string
  readonly email?: string | undefined
  readonly emailVerified?: boolean | undefined
  readonly name?: string | undefined
  readonly locale?: string | undefined
  readonly profile?: Profile | undefined
}

/** Columns of users that say who somebody is. */
export const described = 'username, canonical_username, email, canonical_email, email_verified, name, locale, profile'

/** In the order of `described`. */
export const namesOf = ({ username, email, emailVerified, name, locale, profile }: UserNames): unknown[] => [
  username,
  canonicalName(username),
  email === undefined ? null : (emailAddressOf(email) ?? email),
  email === undefined ? null : canonicalName(email),
  emailVerified ?? false,
  name ?? null,
  locale ?? null,
  JSON.stringify(profile ?? {}),
]

/** Turns what PostgreSQL says about a name into a CodedError. @param faultsOf what a user name may not be; default: what no source may call anybody */
export async function asRefused<T>(user: UserNames, write: () => Promise<T>, faultsOf = faultsOfName): Promise<T> {
  const ofName = faultsOf(user.username)
  const ofAddress = faultsOfAddress(user.email)
  const faults = [...ofName, ...ofAddress]
  if (faults.length > 0) throw new CodedError(ofName.length > 0 ? 'USERNAME_INVALID' : 'EMAIL_INVALID', { faults })
  try {
    return await write()
  } catch (error) {
    throw refusalOf(error, user) ?? error
  }
}

/** Whether nobody can be called so here: it is what `asRefused` throws. */
export const isNameRefused = (error: unknown): boolean =>
  hasCode(error, 'USERNAME_TAKEN', 'EMAIL_TAKEN', 'USERNAME_INVALID', 'EMAIL_INVALID')

/** @returns what is wrong with a new user name */
export function faultsOfName(username: string): Fault[] {
  const fault = (message: string) => [{ path: 'username', message }]
  const canonical = canonicalName(username)
  if (canonical === '') return fault('must not be empty')
  if (Math.max(username.length, canonical.length) > longestName)
    return fault(`must have at most ${longestName} characters`)
  if (hasHiddenCharacters(username)) return fault('must not contain invisible characters')
  return []
}

/** @returns what is wrong with the address of a person */
export const faultsOfAddress = (email: string | undefined): Fault[] =>
  email === undefined || isEmailAddress(email)
    ? []
    : [{ path: 'email', message: 'must be an e-mail address, in the letters in which it is compared' }]

/** @returns what is wrong with a new user name of our own source. How others call their people is theirs to say: pages mark what looks like another name. */
export function faultsOfOwnName(username: string): Fault[] {
  const faults = faultsOfName(username)
  if (faults.length > 0 || !looksLikeAnother(username)) return faults
  return [
    {
      path: 'username',
      message: 'must not mix alphabets, or have characters that look like others; write it in one alphabet',
    },
  ]
}

const shortOf = (subject: string): string => createHash('sha256').update(subject).digest('hex').slice(0, 8)

/** For somebody at another provider. @param id of the provider */
export const nameBySubject = (subject: string, id: string): string => `${id}-${shortOf(subject)}`

/** The part before the first @, whichever of its forms (U+FF20, U+FE6B) it has. */
export const beforeAt = (name: string): string => name.normalize('NFKC').split('@')[0]!.trim()

/** User names for somebody whose own one cannot be had here, the nicest first; the last is had by nobody else.
 *  @param identity.upstream id of the provider */
export function otherNames(username: string, { subject, upstream }: { subject: string; upstream: string }): string[] {
  const plain = beforeAt(username)
  const sure = nameBySubject(subject, upstream)
  // what is added has 42 characters at most
  const isShort = Math.max(plain.length, canonicalName(plain).length) <= longestName - 50
  return isShort ? [`${plain}-${upstream}`, `${plain}-${sure}`] : [sure]
}

function refusalOf(error: unknown, user: UserNames): CodedError | undefined {
  const refuse = (code: ErrorCode, path: string, message: string) =>
    new CodedError(code, { cause: error, faults: [{ path, message }] })
  if (violates(error, 'users_canonical_username_key')) {
    return refuse('USERNAME_TAKEN', 'username', `${user.username} is taken; choose another`)
  }
  if (violates(error, 'users_canonical_email_key')) {
    return refuse('EMAIL_TAKEN', 'email', `${user.email} belongs to another person`)
  }
  if (violates(error, 'users_name_is_own_email')) {
    return refuse('USERNAME_INVALID', 'username', 'may contain an @ only when it is the same as the e-mail address')
  }
  if (violates(error, 'users_email_has_at')) return refuse('EMAIL_INVALID', 'email', 'must be an e-mail address')
  return undefined
}
