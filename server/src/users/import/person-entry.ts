// Validates one person of a file, for every format.
import type { Fault } from '@nauthera/runtime/coded-error'
import { hasCode } from '@nauthera/runtime/coded-error'
import { hasHiddenInName } from '@nauthera/runtime/hidden-characters'
import { fieldsOf } from '@nauthera/runtime/json'
import { z } from '@nauthera/runtime/settings'
import { canonicalName } from '../../store/people/canonical-name.ts'
import { emailAddressOf } from '../../store/people/email-address.ts'
import { faultsOfGroup } from '../../store/people/groups.ts'
import { faultsOfAddress, faultsOfName } from '../../store/people/user-names.ts'
import type { UserNames } from '../../store/people/user-names.ts'
import type { Profile } from '../../store/people/user.ts'
import { readHash } from '../passwords/imported-hashes.ts'
import { withProfileClaims } from '../profile-claims.ts'
import { longestEntry } from './file-text.ts'

/** What is left out is not known: for somebody who is there already it stays as it is. */
export interface PersonEntry extends UserNames {
  /** The subject of tokens, where another program gave one. */
  readonly id?: string | undefined
  readonly groups?: readonly string[] | undefined
  readonly disabled?: boolean | undefined
  readonly passwordChangeRequired?: boolean | undefined
  readonly passwordHash?: string | undefined
}

/** `at`: where in the file, such as `line 3`. */
export type ReadEntry = { readonly at: string; readonly username: string | undefined } & (
  | { readonly kind: 'person'; readonly entry: PersonEntry }
  | { readonly kind: 'refused'; readonly faults: readonly Fault[] }
)

/** What a format cannot read as a person at all. */
export const refusedEntry = (at: string, message: string, username?: string): ReadEntry => ({
  kind: 'refused',
  at,
  username,
  faults: [{ path: '', message }],
})

/** @param json of one person; undefined for one that is too long
 *  @param fault what to say of text that is not JSON. What the parser says could hold a part of a hash */
export function parseEntry(
  at: string,
  json: string | undefined,
  fault: string,
): { readonly value: unknown } | { readonly refused: ReadEntry } {
  if (json === undefined) return { refused: refusedEntry(at, `has more than ${longestEntry} characters`) }
  try {
    return { value: JSON.parse(json) }
  } catch {
    return { refused: refusedEntry(at, fault) }
  }
}

/** A format calls it for what it reads and cannot bring along; the same words are counted. */
export type LeaveOut = (what: string) => void

const text = z.string().max(1024)
const claimValue = z.union([text, z.boolean()])

/** As in a line of JSON lines. */
const written = z.strictObject({
  id: z.uuid().optional(),
  username: z.string(),
  email: text.optional(),
  emailVerified: z.boolean().optional(),
  name: text.optional(),
  locale: z.string().max(35).optional(),
  claims: z.record(z.string(), z.union([claimValue, z.record(z.string(), claimValue)])).optional(),
  groups: z.array(z.string()).max(1000).optional(),
  disabled: z.boolean().optional(),
  mustChange: z.boolean().optional(),
  passwordHash: z.string().max(1024).optional(),
})

/** @param value what a file says, in the words of JSON lines
 *  @returns the person, or every fault; never a part of a hash */
export function readEntry(at: string, value: unknown): ReadEntry {
  const parsed = written.safeParse(value)
  const username = nameIn(value)
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
    return { kind: 'refused', at, username, faults }
  }
  const { claims, mustChange, groups, ...rest } = asStored(parsed.data)
  const profile = readClaims(claims ?? {})
  const faults = [...faultsOf(parsed.data), ...('faults' in profile ? profile.faults : [])]
  if (faults.length > 0 || 'faults' in profile) return { kind: 'refused', at, username, faults }
  const entry: PersonEntry = {
    ...rest,
    profile: claims === undefined ? undefined : profile.profile,
    groups: groups === undefined ? undefined : [...new Set(groups)].toSorted(),
    passwordChangeRequired: mustChange,
  }
  return { kind: 'person', at, username, entry }
}

/** As it is stored. Other programs write "" for what they do not know. */
function asStored(person: z.output<typeof written>): z.output<typeof written> {
  const { email, name, locale } = person
  return {
    ...person,
    email: (email && emailAddressOf(email)) || undefined,
    name: name || undefined,
    locale: locale || undefined,
  }
}

function nameIn(value: unknown): string | undefined {
  const { username } = fieldsOf(value)
  return typeof username === 'string' ? username.slice(0, 320) : undefined
}

function faultsOf({ username, email, name, locale, groups = [], passwordHash }: z.output<typeof written>): Fault[] {
  const faults = [...faultsOfName(username), ...faultsOfAddress(email || undefined)]
  const fault = (path: string, message: string) => faults.push({ path, message })
  for (const [path, value] of Object.entries({ name, locale }))
    if (hasHiddenInName(value ?? '')) fault(path, 'must not contain invisible characters')
  if (canonicalName(username).includes('@') && canonicalName(username) !== canonicalName(email ?? '')) {
    fault('username', 'may contain an @ only when it is the same as the e-mail address')
  }
  for (const [index, group] of groups.entries()) {
    for (const { message } of faultsOfGroup(group)) fault(`groups.${index}`, message)
  }
  const hash = passwordHash === undefined ? undefined : readHash(passwordHash)
  if (hash !== undefined && 'fault' in hash) fault('passwordHash', hash.fault)
  return faults
}

type Claims = NonNullable<z.output<typeof written>['claims']>

/** By the rules of `users edit --claim`. */
function readClaims(claims: Claims): { readonly profile: Profile } | { readonly faults: readonly Fault[] } {
  const texts = Object.entries(claims).flatMap(([name, value]) =>
    typeof value === 'object'
      ? Object.entries(value).map(([part, each]) => `${name}.${part}=${String(each)}`)
      : [`${name}=${String(value)}`],
  )
  try {
    return { profile: withProfileClaims({}, texts) }
  } catch (error) {
    if (!hasCode(error, 'USAGE_INVALID')) throw error
    return { faults: error.faults.map(({ path, message }) => ({ path: path.replace('--claim ', 'claims.'), message })) }
  }
}
