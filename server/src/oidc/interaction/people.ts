import type { LoadedAccount } from '../../store/sessions/accounts.ts'
import { personCounts } from '../../store/tokens/what-counts.ts'
import type { UserSources } from '../../users/sources/user-sources.ts'

/** Looks up people with their consent for a client. In one request each person costs one query, however often they are
 *  looked up. */
export interface PeopleLookup {
  /** @param ask.session a session to check in the same query
   *  @returns undefined when the person is deleted or disabled */
  find(ask: {
    userId: string
    clientUid: string
    session?: { uid: string; version: number; authTime: Date }
  }): Promise<LoadedAccount | undefined>
  /** What else has just found out about a person. */
  record(person: LoadedAccount): void
  /** @returns who was looked up before in this request */
  known(userId: string): Promise<LoadedAccount | undefined> | undefined
}

export function createPeople(users: Pick<UserSources, 'load'>): PeopleLookup {
  const asked = new Map<string, Promise<LoadedAccount | undefined>>()
  return {
    find(ask) {
      const known = asked.get(ask.userId)
      if (known) return known
      const person = users.load(ask).then((found) => (found && personCounts.holds(found) ? found : undefined))
      asked.set(ask.userId, person)
      return person
    },
    record(person) {
      if (!asked.has(person.user.id)) asked.set(person.user.id, Promise.resolve(person))
    },
    known: (userId) => asked.get(userId),
  }
}
