// Merges a person's record with the present answer of their source.
import type { Person, User } from '../../store/people/user.ts'

export const hasNamesOf = (user: User, person: Person): boolean =>
  user.username === person.username && user.email === person.email && user.emailVerified === person.emailVerified

/** The record with what the source says. User name and e-mail address stay those of the record: there they are unique. A person whom
 *  an administrator disabled here stays disabled. */
export const mergeUser = (user: User, person: Person): User => ({
  ...user,
  ...person,
  username: user.username,
  email: user.email,
  emailVerified: user.emailVerified,
  groupOrigins: { [user.source]: person.groups },
  disabled: user.disabled || person.disabled,
})
