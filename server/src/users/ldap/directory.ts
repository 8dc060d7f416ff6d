// Searches people in a directory: entries, names and filters.
import { domainToUnicode } from 'node:url'
import { AndFilter, FilterParser } from 'ldapts'
import type { Filter } from 'ldapts'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Fault } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import { describeError } from '@nauthera/runtime/log'
import type { LdapSourceSettings } from '../../settings/sources.ts'
import type { Person } from '../../store/people/user.ts'
import { mapGroups } from '../sources/group-names.ts'
import type { GroupNames } from '../sources/group-names.ts'
import { profileClaimNames } from '../profile-claims.ts'
import type { Vouching } from '../sources/vouching.ts'
import type { PasswordVerdict } from './connection.ts'
import type { DirectoryClient } from './directory-client.ts'
import { attributesOf, keyOf, keyValue, personOf } from './entry.ts'
import type { DirectoryEntry } from './entry.ts'
import { activeDirectory, anyOf, equal, groupsOf } from './groups.ts'
import type { GroupSearch } from './groups.ts'

export interface Directory {
  /** @param login canonical
   *  @returns undefined when nobody has it, or more than one
   *  @throws CodedError STORE_UNAVAILABLE, as everything here */
  findByLogin(login: string): Promise<FoundEntry | undefined>
  /** Whether anybody has one of these names: to sign in with, as user name or as e-mail address. @param names canonical */
  hasName(names: readonly string[]): Promise<boolean>
  findByKey(key: string): Promise<FoundEntry | undefined>
  checkPassword(found: FoundEntry, password: string): Promise<PasswordVerdict>
  /** @returns undefined when the entry has no user name */
  describe(found: FoundEntry): Promise<Person | undefined>
}

export interface FoundEntry {
  readonly key: string
  readonly entry: DirectoryEntry
}

interface Needs {
  readonly settings: LdapSourceSettings
  readonly vouching: Vouching
  readonly client: Pick<DirectoryClient, 'search' | 'checkPassword'>
  readonly log: Log
  /** Milliseconds that no clock change moves. */
  readonly monotonicNow?: (() => number) | undefined
}

/** @throws CodedError SETTINGS_INVALID with each filter that is none */
export function createDirectory(needs: Needs): Directory {
  const { settings, client } = needs
  const { attributes: map } = settings
  const filters = parseFilters(settings)
  const tell = tellOnce(needs)
  const groups: GroupSearch = { ...settings.groups, filter: filters.group }
  const isActiveDirectory = once(() => asksActiveDirectory(client))
  const searchPeople = (filter: Filter, attributes: readonly string[], limit: number) =>
    client.search({
      base: settings.userBase,
      scope: 'sub',
      filter: new AndFilter({ filters: [filters.user, filter] }),
      attributes,
      limit,
    })
  const wanted = [
    ...new Set([...attributesOf(map), ...settings.login, ...(groups.from === 'memberOf' ? [memberOf] : [])]),
  ]
  const find = async (filter: Filter, about: string) =>
    onlyOne({ ...needs, tell }, await searchPeople(filter, wanted, 2), about)
  const asAsked = (found: FoundEntry | undefined, isIt: (found: FoundEntry) => boolean) => {
    if (found !== undefined && !isIt(found)) throw answeredAnother(settings.id)
    return found
  }
  const nameAttributes = [...new Set([...settings.login, map.username, map.email])]
  return {
    findByLogin: async (login) =>
      asAsked(await find(inAnyOf(settings.login, spellingsOf(login)), 'login'), ({ entry }) =>
        settings.login.some((attribute) =>
          entry.values(attribute).some((value) => spellingsOf(login).some((spelling) => isAlike(value, spelling))),
        ),
      ),
    // two have it as much as one
    hasName: async (names) =>
      (await searchPeople(inAnyOf(nameAttributes, names.flatMap(spellingsOf)), ['1.1'], 2)).length > 0,
    findByKey: async (key) =>
      asAsked(await find(equal(map.key, [keyValue(key, map.key)]), 'key'), (found) => found.key === key),
    checkPassword: ({ entry }, password) => client.checkPassword(entry.dn, password),
    async describe({ entry }) {
      const [username] = entry.values(map.username)
      if (username === undefined) return undefined
      const search = client.search.bind(client)
      const [disabled, names] = await Promise.all([
        isDisabled(client, entry, filters.disabled),
        groupsOf({ search, isActiveDirectory }, groups, { dn: entry.dn, username, memberOf: entry.values(memberOf) }),
      ])
      return personOf(entry, map, {
        disabled,
        groups: namesHere(names, settings.groups),
        vouching: needs.vouching,
      })
    },
  }
}

const memberOf = 'memberOf'

/** The answer does not fit the question: the directory is broken, or somebody in between answers. It counts as away. */
const answeredAnother = (source: string): CodedError =>
  new CodedError('STORE_UNAVAILABLE', {
    message: `the directory ${source} answers with another entry than was asked for`,
  })

/** A directory has the domain of an address as somebody wrote it.
 *  @param name canonical */
function spellingsOf(name: string): string[] {
  const from = name.lastIndexOf('@') + 1
  return from === 0 ? [name] : [...new Set([name, name.slice(0, from) + domainToUnicode(name.slice(from))])]
}

/** Directories may ignore case, spaces, accents or marks when they compare names. */
const isAlike = (one: string, other: string): boolean => bare(one) === bare(other)
const bare = (text: string): string =>
  text
    .normalize('NFKD')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKD')
    .replaceAll(/[^\p{L}\p{N}@]/gu, '')

/** As they are called there, unless the settings say otherwise. */
const namesHere = (names: readonly string[], settings: GroupNames): readonly string[] =>
  settings.map.length === 0 && settings.prefix === undefined ? names : mapGroups(names, settings)

/** No person for an entry without a lasting key, or a name of two entries: else one person could get the account of another. */
function onlyOne(
  needs: Needs & { tell: Tell },
  entries: readonly DirectoryEntry[],
  by: string,
): FoundEntry | undefined {
  const [entry, other] = entries
  if (entry === undefined) return undefined
  const { id: source, attributes } = needs.settings
  if (other !== undefined) {
    const dns = [entry.dn, other.dn].toSorted()
    needs.tell(dns, { source, by, entries: dns }, 'several entries of the directory are one person; nobody gets in')
    return undefined
  }
  const key = keyOf(entry, attributes.key)
  if (key !== undefined) return { key, entry }
  const about = { source, entry: entry.dn, attribute: attributes.key }
  needs.tell([entry.dn], about, 'an entry of the directory has no key; nobody gets in')
  return undefined
}

type Tell = (entries: readonly string[], fields: Record<string, unknown>, message: string) => void

/** Who types a name there decides how often it is asked for: the same entries are told once an hour. */
function tellOnce({ log, monotonicNow = () => performance.now() }: Pick<Needs, 'log' | 'monotonicNow'>): Tell {
  const told = new Map<string, number>()
  return (entries, fields, message) => {
    const [now, id] = [monotonicNow(), JSON.stringify(entries)]
    for (const [each, at] of told) if (now - at >= toldAgainMs) told.delete(each)
    if (told.has(id) || told.size >= mostTold) return
    told.set(id, now)
    log.warn(fields, message)
  }
}

const toldAgainMs = 3_600_000
const mostTold = 100

/** The server decides: it knows bits, times and its own states. */
async function isDisabled(
  client: Needs['client'],
  { dn }: DirectoryEntry,
  filter: Filter | undefined,
): Promise<boolean> {
  if (filter === undefined) return false
  return (await client.search({ base: dn, scope: 'base', filter, attributes: ['1.1'], limit: 1 })).length > 0
}

async function asksActiveDirectory(client: Needs['client']): Promise<boolean> {
  const filter = FilterParser.parseString('(objectClass=*)')
  const attributes = ['supportedCapabilities']
  const [root] = await client.search({ base: '', scope: 'base', filter, attributes, limit: 1 })
  return root?.values('supportedCapabilities').includes(activeDirectory) ?? false
}

/** Asks once; after a failure again. */
function once(ask: () => Promise<boolean>): () => Promise<boolean> {
  let asked: Promise<boolean> | undefined
  return () => {
    asked ??= ask()
    asked.catch(() => (asked = undefined))
    return asked
  }
}

/** @throws CodedError SETTINGS_INVALID */
export function parseFilters({ id, userFilter, disabledFilter, groups, attributes }: LdapSourceSettings) {
  const faults: Fault[] = []
  const parse = (path: string, text: string): Filter => {
    try {
      return FilterParser.parseString(text)
    } catch (error) {
      faults.push({ path: `sources.${id}.${path}`, message: `is no LDAP filter: ${describeError(error)}` })
      return FilterParser.parseString('(objectClass=*)')
    }
  }
  const filters = {
    user: parse('userFilter', userFilter),
    disabled: disabledFilter === undefined ? undefined : parse('disabledFilter', disabledFilter),
    group: parse('groups.filter', groups.filter),
  }
  for (const claim of Object.keys(attributes.claims)) {
    if (profileClaimNames.includes(claim)) continue
    const message = `is not among ${profileClaimNames.join(', ')}`
    faults.push({ path: `sources.${id}.attributes.claims.${claim}`, message })
  }
  if (faults.length > 0) throw new CodedError('SETTINGS_INVALID', { faults })
  return filters
}

/** One of the values is that of any of the attributes. */
const inAnyOf = (attributes: readonly string[], values: readonly string[]): Filter =>
  anyOf(attributes.map((attribute) => equal(attribute, values)))
