// Builds a person from a directory entry.
import type { Person } from '../../store/people/user.ts'
import { hasCode } from '@nauthera/runtime/coded-error'
import { hasHiddenCharacters, hasHiddenInName } from '@nauthera/runtime/hidden-characters'
import { faultsOfName } from '../../store/people/user-names.ts'
import { emailAddressOf } from '../../store/people/email-address.ts'
import { vouchesFor } from '../sources/vouching.ts'
import type { Vouching } from '../sources/vouching.ts'
import { withProfileClaims } from '../profile-claims.ts'

/** Names of attributes are compared without case, as directories do. */
export interface DirectoryEntry {
  readonly dn: string
  values(attribute: string): readonly string[]
  /** As they came, for what is no text. */
  bytes(attribute: string): readonly Buffer[]
}

/** Which attribute says what. */
export interface AttributeMap {
  /** Never changes, and is never given to somebody else: entryUUID, objectGUID. */
  readonly key: string
  readonly username: string
  readonly email: string
  readonly name: string
  readonly locale: string
  /** Further claims by their standard name. */
  readonly claims: Readonly<Record<string, string>>
}

export const attributesOf = ({ claims, ...map }: AttributeMap): string[] => [
  ...new Set([...Object.values(map), ...Object.values(claims)]),
]

/** Sixteen bytes, not text: the GUID of Active Directory, and of eDirectory. */
export const binaryKeys = ['objectGUID', 'GUID'] as const
const isBinaryKey = (attribute: string) => binaryKeys.some((name) => name.toLowerCase() === attribute.toLowerCase())

/** Characters: what fits into a record, and more than any directory has. */
const longestKey = 255

/** @returns the lasting name of the entry; undefined when it has none, several, or one that a record cannot have */
export function keyOf(entry: DirectoryEntry, attribute: string): string | undefined {
  if (!isBinaryKey(attribute)) {
    const [key, ...more] = entry.values(attribute)
    const isOne = key !== undefined && key !== '' && more.length === 0
    return isOne && key.length <= longestKey && !hasHiddenCharacters(key) ? key.toLowerCase() : undefined
  }
  const [bytes, ...more] = entry.bytes(attribute)
  return bytes?.length === 16 && more.length === 0 ? guidText(bytes) : undefined
}

/** What to search for: the other direction of `keyOf`. */
export function keyValue(key: string, attribute: string): string | Buffer {
  return isBinaryKey(attribute) ? guidBytes(key) : key
}

/** As Windows writes it: the first three groups have their bytes in the other order. */
function guidText(bytes: Buffer): string {
  const hex = inOtherOrder(bytes).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

const guidBytes = (text: string): Buffer => inOtherOrder(Buffer.from(text.replaceAll('-', ''), 'hex'))

const inOtherOrder = (bytes: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(bytes.subarray(0, 4)).reverse(),
    Buffer.from(bytes.subarray(4, 6)).reverse(),
    Buffer.from(bytes.subarray(6, 8)).reverse(),
    bytes.subarray(8),
  ])

/** @returns undefined when the entry has none, or one that nobody could tell from another one */
export function usernameOf(entry: DirectoryEntry, { username: attribute }: Pick<AttributeMap, 'username'>) {
  const username = plain(entry.values(attribute)[0])
  return username === undefined || faultsOfName(username).length > 0 ? undefined : username
}

/** @returns undefined when the entry has no user name */
export function personOf(
  entry: DirectoryEntry,
  map: AttributeMap,
  about: { disabled: boolean; groups: readonly string[]; vouching: Vouching },
): Person | undefined {
  const first = (attribute: string) => plain(entry.values(attribute)[0])
  const username = usernameOf(entry, map)
  if (username === undefined) return undefined
  const email = emailAddressOf(first(map.email) ?? '')
  // the address of somebody whom another source knows would keep that person out
  const isTheirs = email !== undefined && vouchesFor(about.vouching, email)
  return {
    username,
    email: isTheirs ? email : undefined,
    emailVerified: isTheirs,
    name: first(map.name),
    locale: first(map.locale),
    profile: profileOf(Object.entries(map.claims).map(([claim, attribute]) => [claim, first(attribute)])),
    disabled: about.disabled,
    groups: [...new Set(about.groups.map(plain).filter(isGroup))].toSorted(),
  }
}

const isGroup = (name: string | undefined): name is string => name !== undefined && !hasHiddenCharacters(name)

/** Values in a directory were typed by people: one that a claim cannot have is left out. */
function profileOf(claims: readonly (readonly [string, string | undefined])[]): Person['profile'] {
  return claims.reduce<Person['profile']>((profile, [claim, value]) => {
    if (value === undefined) return profile
    try {
      return withProfileClaims(profile, [`${claim}=${value}`])
    } catch (error) {
      if (hasCode(error, 'USAGE_INVALID')) return profile
      throw error
    }
  }, {})
}

/** @returns undefined for nothing, for more than fits, and for what would look like something else on a page or in a terminal */
function plain(text: string | undefined): string | undefined {
  const trimmed = text?.trim()
  return trimmed === undefined || trimmed === '' || trimmed.length > 1024 || hasHiddenInName(trimmed)
    ? undefined
    : trimmed
}
