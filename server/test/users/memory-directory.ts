import { randomUUID } from 'node:crypto'
import { CodedError } from '@nauthera/runtime/coded-error'
import { canonicalName } from '../../src/store/people/canonical-name.ts'
import type { Person, User } from '../../src/store/people/user.ts'
import type { UserSource } from '../../src/users/sources/user-source.ts'

/** A directory in memory, like one that others run: it has its own keys for people, changes them without telling us, and does not always
 *  answer. It is for tests only, and shows that a source of people can be something else than our database. */
export interface MemoryDirectory {
  add(person: {
    username: string
    email: string
    password: string
    groups: readonly string[]
    /** Another name to sign in with, which is neither user name nor e-mail address. */
    alias?: string
  }): string
  change(key: string, changes: Partial<Person>): void
  remove(key: string): void
  /** A source with its own memory of `maxAgeMs`, as each replica has one. */
  source(options: { maxAgeMs: number; now: () => number; isDown?: () => boolean }): UserSource
}

interface Entry {
  readonly person: Person
  readonly password: string
  readonly alias: string | undefined
}

export const directorySource = 'directory'

export function createMemoryDirectory(): MemoryDirectory {
  const entries = new Map<string, Entry>()
  return {
    add({ password, alias, ...about }) {
      const key = randomUUID()
      const person = {
        ...about,
        groups: about.groups.toSorted(),
        emailVerified: true,
        name: undefined,
        locale: undefined,
      }
      entries.set(key, { password, alias, person: { ...person, profile: {}, disabled: false } })
      return key
    },
    change(key, changes) {
      const { person, ...rest } = entries.get(key)!
      entries.set(key, { ...rest, person: { ...person, ...changes } })
    },
    remove: (key) => void entries.delete(key),
    source: (options) => createSource(entries, options),
  }
}

function createSource(
  entries: ReadonlyMap<string, Entry>,
  { maxAgeMs, now, isDown = () => false }: Parameters<MemoryDirectory['source']>[0],
): UserSource {
  const told = new Map<string, { person: Person | undefined; at: number }>()
  const answer = async () => {
    if (isDown()) throw new CodedError('STORE_UNAVAILABLE', { message: 'the directory does not answer' })
  }
  return {
    id: directorySource,
    maxAgeMs,
    async read({ sourceKey = '' }: User) {
      const kept = told.get(sourceKey)
      if (kept !== undefined && now() - kept.at < maxAgeMs) return kept.person
      await answer()
      const person = entries.get(sourceKey)?.person
      told.set(sourceKey, { person, at: now() })
      return person
    },
    async checkPassword({ login, password, mayTry }) {
      await answer()
      const name = canonicalName(login)
      const [key, entry] = [...entries].find(([, one]) => name !== '' && namesOf(one).includes(name)) ?? []
      if (key === undefined || entry === undefined) return { kind: 'unknown' }
      if (!(await mayTry(key))) return { kind: 'locked' }
      if (entry.password !== password) return { kind: 'wrong' }
      return { kind: 'right', found: { key, person: entry.person } }
    },
    async knows(names) {
      await answer()
      return [...entries.values()].some((entry) => namesOf(entry).some((name) => names.includes(name)))
    },
    pretendToCheck: async () => undefined,
  }
}

const namesOf = ({ person, alias }: Entry): string[] =>
  [person.username, person.email, alias].filter((name) => name !== undefined).map(canonicalName)
