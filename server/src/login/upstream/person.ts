import { createHash } from 'node:crypto'
import { hasHiddenCharacters, hasHiddenInName } from '@nauthera/runtime/hidden-characters'
import type { Person } from '../../store/user.ts'
import { canonicalName } from '../../store/canonical-name.ts'
import { isEmailAddress } from '../../users/email-address.ts'
import { takeOver } from '../../users/group-names.ts'
import type { UpstreamDescription } from './presets.ts'

// What a provider says of a person, as a record here. Pure. Each value is text of somebody else: nothing is more than what it says.

export type Claims = Readonly<Record<string, unknown>>

export type Described =
  | {
      readonly kind: 'person'
      readonly person: Omit<Person, 'disabled'>
      /** The provider named no groups since there were too many of them (Entra). */
      readonly groupsLeftOut: boolean
    }
  /** The person is of another organisation (`hd`). */
  | { readonly kind: 'foreign' }

/** Characters of a name, of another value, and how many groups. */
const longest = { name: 320, value: 1024, group: 200, groups: 500 }

/** @param subject the provider's lasting name for the person, for a user name when nothing else is there */
export function describePerson(claims: Claims, subject: string, upstream: UpstreamDescription): Described {
  const { hostedDomains } = upstream
  if (hostedDomains.length > 0 && !hostedDomains.includes(textOf(claims['hd'])?.toLowerCase() ?? ''))
    return { kind: 'foreign' }
  const email = verifiedEmail(claims, upstream)
  const person = {
    username: usernameOf(claims, email, upstream) ?? `${upstream.id}-${shortOf(subject)}`,
    email,
    emailVerified: email !== undefined,
    name: textOf(claims['name']),
    locale: localeOf(claims['locale']),
    profile: profileOf(claims),
    groups: groupsOf(claims, upstream),
  }
  return { kind: 'person', person, groupsLeftOut: areLeftOut(claims, upstream) }
}

/** User names for somebody whose own one is taken here, the nicest first. */
export function otherNames(username: string, subject: string, { id }: Pick<UpstreamDescription, 'id'>): string[] {
  const plain = username.split('@')[0]!.slice(0, longest.name - 60)
  return [`${plain}-${id}`, `${plain}-${id}-${shortOf(subject)}`]
}

/** What of the proofs of the provider is believed, as `amr`.
 *  @param proofs what its ID token says as `amr` and `acr` */
export function believedProofs(
  proofs: readonly string[],
  { proofs: map }: Pick<UpstreamDescription, 'proofs'>,
): string[] {
  return [...new Set(map.filter(({ from }) => proofs.includes(from)).flatMap(({ amr }) => amr))]
}

/** An address that nobody verified is not taken over at all: it would take the place of its owner, who may come later. */
function verifiedEmail(claims: Claims, { trustEmail }: UpstreamDescription): string | undefined {
  const email = textOf(claims['email'])
  if (email === undefined || !isEmailAddress(email)) return undefined
  const verified = claims['email_verified']
  return trustEmail || verified === true || verified === 'true' ? email : undefined
}

/** A user name may have an @ only when it is the e-mail address of the account. */
function usernameOf(
  claims: Claims,
  email: string | undefined,
  { usernameClaims }: UpstreamDescription,
): string | undefined {
  const given = usernameClaims
    .map((name) => textOf(claims[name]))
    .find((value) => value !== undefined && !hasHiddenCharacters(value))
  if (given === undefined || !given.includes('@')) return given
  if (email !== undefined && canonicalName(given) === canonicalName(email)) return given
  return given.split('@')[0] || undefined
}

const plainFacts = ['given_name', 'family_name', 'middle_name', 'nickname', 'zoneinfo']

function profileOf(claims: Claims): Person['profile'] {
  const facts = plainFacts.map((name) => [name, textOf(claims[name])] as const)
  const picture = textOf(claims['picture'])
  const isWeb = picture !== undefined && URL.canParse(picture) && new URL(picture).protocol === 'https:'
  return Object.fromEntries([...facts, ['picture', isWeb ? picture : undefined] as const].filter(([, value]) => value))
}

function groupsOf(claims: Claims, { groups }: UpstreamDescription): string[] {
  const value = claims[groups.claim]
  const given = (Array.isArray(value) ? (value as unknown[]) : [value])
    .map(textOf)
    .filter((name): name is string => name !== undefined && name.length <= longest.group && !hasHiddenCharacters(name))
    .slice(0, longest.groups)
  return takeOver(given, groups).sort()
}

/** With more than 200 groups Entra names none, and says where an application could ask for them. */
function areLeftOut(claims: Claims, { groups: { claim } }: UpstreamDescription): boolean {
  const names = claims['_claim_names']
  return (typeof names === 'object' && names !== null && claim in names) || claims['hasgroups'] === true
}

function localeOf(value: unknown): string | undefined {
  const text = textOf(value)?.replaceAll('_', '-')
  return text !== undefined && /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$/.test(text) ? text : undefined
}

/** Text that a person can read, and of a bearable length; anything else is no value. */
function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  if (text === '' || text.length > longest.value || hasHiddenInName(text)) return undefined
  return text
}

const shortOf = (subject: string): string => createHash('sha256').update(subject).digest('hex').slice(0, 8)
