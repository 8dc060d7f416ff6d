import type { LoadedAccount } from '../../store/accounts.ts'
import type { UserSources } from '../../users/user-sources.ts'

/** People that one request looks up, with what they have allowed its client: one query each, however often they are asked
 *  for. */
export interface People {
  /** @param ask.session to be looked at with the person
   *  @returns undefined for one who is gone or disabled */
  find(ask: {
    userId: string
    clientUid: string
    session?: { uid: string; version: number; authTime: Date }
  }): Promise<LoadedAccount | undefined>
}

export function createPeople(users: Pick<UserSources, 'load'>): People {
  const asked = new Map<string, Promise<LoadedAccount | undefined>>()
  return {
    find(ask) {
      const known = asked.get(ask.userId)
      if (known) return known
      const person = users.load(ask).then((found) => (found?.user.disabled ? undefined : found))
      asked.set(ask.userId, person)
      return person
    },
  }
}
