// The source of people who came through another provider. It is asked when they sign in, and never again until the next time: what it said
// counts for
// its maximum age, and then the person signs in again; so they do when it may no longer vouch for their address.
import type { Passwords } from '../passwords/passwords.ts'
import type { User } from '../../store/people/user.ts'
import type { UserSource } from './user-source.ts'
import { stillVouchesFor } from './vouching.ts'
import type { Vouching } from './vouching.ts'

/** @param needs.id of the provider in the settings
 *  @param needs.now epoch milliseconds */
export function createUpstreamPeople(needs: {
  id: string
  maxAgeMs: number
  vouching: Vouching
  passwords: Pick<Passwords, 'verify'>
  now: () => number
}): UserSource {
  const { id, maxAgeMs, vouching, passwords, now } = needs
  const counts = ({ describedUntil, email }: User): boolean =>
    (describedUntil?.getTime() ?? 0) > now() && (email === undefined || stillVouchesFor(vouching, email))
  return {
    id,
    maxAgeMs,
    read: async (user) => (counts(user) ? user : undefined),
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
