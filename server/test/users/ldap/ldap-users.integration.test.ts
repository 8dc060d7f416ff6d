import { quietLog as quiet } from '@nauthera/harness/kept-log'
import { createMemoryCache } from '../../../src/store/cache/memory-cache.ts'
import { createLdapUsers } from '../../../src/users/ldap/ldap-users.ts'
import type { LdapUsers } from '../../../src/users/ldap/ldap-users.ts'
import { createUserSources } from '../../../src/users/sources/user-sources.ts'
import { userSourceConformance } from '../../conformance/user-source.ts'
import { freshStore } from '../../store/fresh-store.ts'
import { patient, startTestDirectory, vouching } from './test-directory.ts'

const limits = { perAccount: 5, perAddress: 1000, windowMs: 600_000, lockMs: 600_000 }
/** Nobody waits for it: a refusal is told at once. What it is for has tests of its own. */
const noWait = { now: () => 0, wait: async () => undefined }

userSourceConformance(
  createLdapUsers.name,
  async () => {
    const fresh = await freshStore()
    const directory = await startTestDirectory()
    const [one, other] = [fresh.replica(), fresh.replica()]
    const keys = new Map<string, string>()
    let now = 1_000_000
    const opened: LdapUsers[] = []
    const open = (over: Readonly<Record<string, unknown>> = {}) => {
      const cache = createMemoryCache({ now: () => now })
      const source = createLdapUsers({
        vouching,
        settings: directory.settings(over),
        cache,
        log: quiet,
        now: () => now,
        ...patient,
      })
      opened.push(source)
      return source
    }
    const usersOf = (store: typeof one, source: LdapUsers) =>
      createUserSources({ sources: [source], store, limits, clock: noWait })
    const replicas = [usersOf(one, open()), usersOf(other, open())] as const
    const keyOf = (userId: string) => keys.get(userId)!
    return {
      replicas,
      away: usersOf(one, open({ urls: ['ldaps://localhost:1'] })),
      store: one,
      perAccount: limits.perAccount,
      maxAgeMs: directory.settings().maxAge,
      async addPerson(person) {
        const key = await directory.add(person)
        const outcome = await replicas[0].tryPassword(person.username, person.password, { address: '192.0.2.7' })
        if (outcome.kind !== 'passed') throw new Error(JSON.stringify(outcome))
        await one.attempts.clear(outcome.attempt)
        keys.set(outcome.user.id, key)
        // a directory changes entry by entry: whoever has not met a person yet may see them half changed
        for (const replica of replicas) await replica.load({ userId: outcome.user.id })
        return outcome.user.id
      },
      change: (userId, changes) => directory.change(keyOf(userId), changes),
      disable: (userId) => directory.set(keyOf(userId), 'employeeType', 'disabled'),
      remove: (userId) => directory.remove(keyOf(userId)),
      pass: (milliseconds) => {
        now += milliseconds
      },
      clear: (attempt) => one.attempts.clear(attempt),
      async end() {
        for (const source of opened) source.stop()
        await directory.stop()
        await fresh.stop()
      },
    }
  },
  { changesPasswords: false },
)
