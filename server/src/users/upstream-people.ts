// The people whom another provider brought. It is asked when they sign in, and never again until the next time: what it said counts for
// its maximum age, and then the person signs in again.
import type { Passwords } from './passwords.ts'
import type { UserSource } from './user-source.ts'

/** @param needs.id of the provider in the settings
 *  @param needs.now epoch milliseconds */
export function createUpstreamPeople(needs: {
  id: string
  maxAgeMs: number
  passwords: Pick<Passwords, 'verify'>
  now: () => number
}): UserSource {
  const { id, maxAgeMs, passwords, now } = needs
  return {
    id,
    maxAgeMs,
    look: async (user) => ((user.describedUntil?.getTime() ?? 0) > now() ? user : undefined),
    async checkPassword({ password, known }) {
      if (known === undefined) return { kind: 'unknown' }
      // there is none to compare with: it takes as long as a wrong one
      await passwords.verify(undefined, password)
      return { kind: 'wrong' }
    },
    async pretendToCheck(password) {
      await passwords.verify(undefined, password)
    },
  }
}
