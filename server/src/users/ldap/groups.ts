// Finds a person's groups in a directory: from the person's entry, or by a search.
import { AndFilter, EqualityFilter, ExtensibleFilter, OrFilter } from 'ldapts'
import type { Filter } from 'ldapts'
import { firstValueOf, isWithin, partsOf } from './dn.ts'
import type { DirectoryEntry } from './entry.ts'
import type { Search } from './connection.ts'

export interface GroupSearch {
  /** `memberOf`: an attribute of the person; `search`: among the groups; `none`: the directory has none. */
  readonly from: 'search' | 'memberOf' | 'none'
  /** Below which groups lie; required for a search. */
  readonly base?: string | undefined
  readonly filter: Filter
  /** The attribute of a group that lists its members, and what it lists. */
  readonly member: string
  readonly memberIs: 'dn' | 'username'
  /** The attribute of a group that has its name. */
  readonly name: string
  /** Groups of groups as well. */
  readonly nested: boolean
}

/** Active Directory finds groups of groups by itself (LDAP_MATCHING_RULE_IN_CHAIN). */
const inChain = '1.2.840.113556.1.4.1941'
/** What it says of itself (LDAP_CAP_ACTIVE_DIRECTORY_OID). */
export const activeDirectory = '1.2.840.113556.1.4.800'

/** More than an honest directory has: the walk stops there, and the groups found so far count. */
const bounds = { levels: 10, groups: 5000, namesAtOnce: 100 } as const

interface Needs {
  readonly search: (search: Search) => Promise<DirectoryEntry[]>
  readonly isActiveDirectory: () => Promise<boolean>
}

/** @returns names, in no order
 *  @throws CodedError STORE_UNAVAILABLE */
export async function groupsOf(
  needs: Needs,
  settings: GroupSearch,
  person: { dn: string; username: string; memberOf: readonly string[] },
): Promise<string[]> {
  const { from, base = '', member, memberIs, nested } = settings
  if (from === 'none') return []
  if (from === 'memberOf') return namesOf(person.memberOf, base)
  if (memberIs === 'username')
    return namesIn(await searchGroups(needs, settings, equal(member, [person.username])), settings)
  if (nested && (await needs.isActiveDirectory())) {
    const chain = new ExtensibleFilter({ matchType: member, rule: inChain, value: person.dn })
    return namesIn(await searchGroups(needs, settings, chain), settings)
  }
  return walk(needs, settings, person.dn)
}

/** `memberOf` lists names of entries (DNs): the first part is the name of the group. */
function namesOf(memberOf: readonly string[], base: string): string[] {
  const inside = memberOf.filter((dn) => base === '' || isWithin(dn, base))
  return inside.map(firstValueOf).filter((name) => name !== undefined)
}

/** Level by level, so that circles end and nobody is asked about twice. */
async function walk(needs: Needs, settings: GroupSearch, dn: string): Promise<string[]> {
  const found = new Map<string, DirectoryEntry>()
  let members = [dn]
  for (let level = 0; level < (settings.nested ? bounds.levels : 1) && members.length > 0; level++) {
    const groups: DirectoryEntry[] = []
    for (let from = 0; from < members.length; from += bounds.namesAtOnce) {
      const some = members.slice(from, from + bounds.namesAtOnce)
      groups.push(...(await searchGroups(needs, settings, equal(settings.member, some))))
    }
    const fresh = new Map(groups.map((group) => [partsOf(group.dn).join(), group]))
    for (const known of found.keys()) fresh.delete(known)
    for (const [name, group] of fresh) found.set(name, group)
    if (found.size >= bounds.groups) break
    members = [...fresh.values()].map((group) => group.dn)
  }
  return namesIn([...found.values()].slice(0, bounds.groups), settings)
}

/** Builds the filter as a message, not as text, so that no value can be read as a part of it (RFC 4515). */
export const equal = (attribute: string, values: readonly (string | Buffer)[]): Filter =>
  anyOf(values.map((value) => new EqualityFilter({ attribute, value })))

export const anyOf = (filters: Filter[]): Filter => {
  const [first] = filters
  return filters.length === 1 && first !== undefined ? first : new OrFilter({ filters })
}

const searchGroups = (needs: Needs, { base = '', filter, name }: GroupSearch, members: Filter) =>
  needs.search({
    base,
    scope: 'sub',
    filter: new AndFilter({ filters: [filter, members] }),
    attributes: [name],
    limit: 'all',
  })

const namesIn = (groups: readonly DirectoryEntry[], { name }: GroupSearch): string[] =>
  groups.flatMap((group) => group.values(name).slice(0, 1))
