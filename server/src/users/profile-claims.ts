// Which further facts about a person can be set by hand, and how each is written (OpenID Connect Core 5.1).
import { claimsByScope } from '@nauthera/rules/scopes'
import { timeZoneNamed } from '@nauthera/rules/time-zones'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Fault } from '@nauthera/runtime/coded-error'
import { hasHiddenInName } from '@nauthera/runtime/hidden-characters'
import type { Profile } from '../store/people/user.ts'

/** Facts with a place of their own: what to write instead. */
const elsewhere: Readonly<Record<string, string>> = {
  name: 'is set by --name',
  locale: 'is set by --locale',
  email: 'is set by --email',
  email_verified: 'is set by --email-verified',
  preferred_username: 'is the user name',
  updated_at: 'is kept by the server',
  sub: 'is the id of the person, and never changes',
  groups: 'are set by nauthera groups add',
}

const addressParts = ['formatted', 'street_address', 'locality', 'region', 'postal_code', 'country'].map(
  (part) => `address.${part}`,
)

/** The names that `--claim` takes. */
export const profileClaimNames: readonly string[] = [
  ...[...claimsByScope.profile, ...claimsByScope.phone].filter((name) => elsewhere[name] === undefined),
  ...addressParts,
]

const longest = 1024

/** What a value must look like; undefined when it does. */
const faultsByName: Readonly<Record<string, (value: string) => string | undefined>> = {
  profile: faultOfPage,
  picture: faultOfPage,
  website: faultOfPage,
  birthdate: (value) =>
    isBirthdate(value) ? undefined : 'must be a date such as 1990-05-31, 0000-05-31 without the year, or 1990',
  zoneinfo: (value) => (timeZoneNamed(value) !== undefined ? undefined : 'must be a time zone such as Europe/Berlin'),
  phone_number: (value) =>
    /^\+[1-9]\d{1,14}(;ext=\d{1,8})?$/.test(value)
      ? undefined
      : 'must be a number with its country, such as +4930123456',
  phone_number_verified: (value) => (value === 'true' || value === 'false' ? undefined : 'must be true or false'),
}

/** Reads what `--claim` got.
 *  @param texts `name=value` each; `name=` removes the claim
 *  @returns the profile with these changes
 *  @throws CodedError USAGE_INVALID with each fault */
export function withProfileClaims(profile: Profile, texts: readonly string[]): Profile {
  const wanted = texts.map(parse)
  const faults = wanted.flatMap(faultsOf)
  if (faults.length > 0) throw new CodedError('USAGE_INVALID', { faults })
  return wanted.reduce(apply, profile)
}

/** @param value empty: it is removed
 *  @returns whether `withProfileClaims` takes it */
export const takesClaim = (name: string, value: string): boolean => faultsOf({ name, value }).length === 0

interface Wanted {
  readonly name: string
  /** Undefined without an equals sign; empty removes. */
  readonly value: string | undefined
}

function parse(text: string): Wanted {
  const [name = '', ...rest] = text.split('=')
  return { name: name.trim(), value: rest.length === 0 ? undefined : rest.join('=').trim() }
}

function faultsOf({ name, value }: Wanted): Fault[] {
  const fault = (message: string) => [{ path: `--claim ${name}`, message }]
  const home = Object.hasOwn(elsewhere, name) ? elsewhere[name] : undefined
  if (home !== undefined) return fault(home)
  if (!profileClaimNames.includes(name)) return fault(`is not among ${profileClaimNames.join(', ')}`)
  if (value === undefined) return fault(`needs a value: --claim ${name}=VALUE; ${name}= removes it`)
  if (value === '') return []
  if (value.length > longest) return fault(`must have at most ${longest} characters`)
  if (hasHidden(name, value)) return fault('must not contain invisible characters')
  const message = faultsByName[name]?.(value)
  return message === undefined ? [] : fault(message)
}

/** An address may have several lines. */
const hasHidden = (name: string, value: string): boolean =>
  hasHiddenInName(
    name === 'address.formatted' || name === 'address.street_address' ? value.replace(/\r?\n/g, '') : value,
  )

function apply(profile: Profile, { name, value = '' }: Wanted): Profile {
  const [claim = '', part] = name.split('.')
  if (part === undefined) return withMember(profile, claim, claim === 'phone_number_verified' ? flag(value) : value)
  const address = withMember(addressOf(profile), part, value)
  return withMember(profile, claim, Object.keys(address).length === 0 ? '' : address)
}

const flag = (value: string): boolean | '' => (value === '' ? '' : value === 'true')

function addressOf(profile: Profile): Profile {
  const { address } = profile
  return typeof address === 'object' && address !== null ? { ...address } : {}
}

/** @param value an empty text removes the member */
function withMember(object: Profile, name: string, value: unknown): Profile {
  const { [name]: _before, ...rest } = object
  return value === '' ? rest : { ...rest, [name]: value }
}

function faultOfPage(value: string): string | undefined {
  const isPage = URL.canParse(value) && ['http:', 'https:'].includes(new URL(value).protocol)
  return isPage ? undefined : 'must be the address of a page, such as https://example.com/ada'
}

function isBirthdate(value: string): boolean {
  if (/^\d{4}$/.test(value)) return true
  if (!/^\d{4}-\d{2}-\d{2}$/.test(value)) return false
  // Without a year any day of a leap year is right.
  const day = value.replace(/^0000/, '2000')
  const date = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day)
}
