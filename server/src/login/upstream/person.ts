// What a provider says of a person, as a record here. Pure. Each value is text of somebody else: nothing is more than what it says.
import { hasHiddenCharacters, hasHiddenInName } from '@nauthera/runtime/hidden-characters'
import type { Person } from '../../store/people/user.ts'
import { canonicalName } from '../../store/people/canonical-name.ts'
import { beforeAt, faultsOfName, nameBySubject } from '../../store/people/user-names.ts'
import { emailAddressOf } from '../../store/people/email-address.ts'
import { vouchesFor } from '../../users/sources/vouching.ts'
import { mapGroups } from '../../users/sources/group-names.ts'
import type { UpstreamDescription } from './presets.ts'
import type { UpstreamClaims } from './upstream.ts'

export type Described =
  | {
      readonly kind: 'person'
      readonly person: Omit<Person, 'disabled'>
      /** The provider named no groups since there were too many of them (Entra). */
      readonly groupsLeftOut: boolean
      /** It calls an address verified that is outside the domains it may vouch for. */
      readonly emailLeftOut: boolean
    }
  /** The person is of another organisation (`hd`). */
  | { readonly kind: 'foreign' }

/** Characters of a value, of a group, and how many groups. */
const longest = { value: 1024, group: 200, groups: 500 }

/** @param subject the provider's lasting name for the person, for a user name when nothing else is there */
export function describePerson(claims: UpstreamClaims, subject: string, upstream: UpstreamDescription): Described {
  const { hostedDomains } = upstream
  if (hostedDomains.length > 0 && !hostedDomains.includes(textOf(claims['hd'])?.toLowerCase() ?? ''))
    return { kind: 'foreign' }
  const said = verifiedEmail(claims, upstream)
  const isVouched = said !== undefined && vouchesFor(upstream.vouching, said, textOf(claims['hd']))
  const email = isVouched ? said : undefined
  const person = {
    username: usernameOf(claims, email, upstream) ?? nameBySubject(subject, upstream.id),
    email,
    emailVerified: email !== undefined,
    name: textOf(claims['name']),
    locale: localeOf(claims['locale']),
    profile: profileOf(claims),
    groups: groupsOf(claims, upstream),
  }
  const leftOut = { groupsLeftOut: areLeftOut(claims, upstream), emailLeftOut: said !== email }
  return { kind: 'person', person, ...leftOut }
}

/** The `amr` that the settings let the provider vouch for.
 *  @param proofs what its ID token says as `amr` and `acr` */
export function believedProofs(
  proofs: readonly string[],
  { proofs: map }: Pick<UpstreamDescription, 'proofs'>,
): string[] {
  return [...new Set(map.filter(({ from }) => proofs.includes(from)).flatMap(({ amr }) => amr))]
}

/** An address that is not verified, or outside the provider's domains, is left out: its owner may still come, and needs it. */
function verifiedEmail(claims: UpstreamClaims, { trustEmail }: UpstreamDescription): string | undefined {
  const email = emailAddressOf(textOf(claims['email']) ?? '')
  const verified = claims['email_verified']
  return trustEmail || verified === true || verified === 'true' ? email : undefined
}

/** A user name may have an @ only when it is the e-mail address of the account. */
function usernameOf(
  claims: UpstreamClaims,
  email: string | undefined,
  { usernameClaims }: UpstreamDescription,
): string | undefined {
  const given = usernameClaims
    .map((name) => textOf(claims[name]))
    .find((value) => value !== undefined && faultsOfName(value).length === 0)
  if (given === undefined || !canonicalName(given).includes('@')) return given
  if (email !== undefined && canonicalName(given) === canonicalName(email)) return given
  return beforeAt(given) || undefined
}

const plainFacts = ['given_name', 'family_name', 'middle_name', 'nickname', 'zoneinfo']

function profileOf(claims: UpstreamClaims): Person['profile'] {
  const facts = plainFacts.map((name) => [name, textOf(claims[name])] as const)
  const picture = textOf(claims['picture'])
  const isWeb = picture !== undefined && URL.canParse(picture) && new URL(picture).protocol === 'https:'
  return Object.fromEntries([...facts, ['picture', isWeb ? picture : undefined] as const].filter(([, value]) => value))
}

function groupsOf(claims: UpstreamClaims, { groups }: UpstreamDescription): string[] {
  const value = claims[groups.claim]
  const given = (Array.isArray(value) ? value : [value])
    .map(textOf)
    .filter((name): name is string => name !== undefined && name.length <= longest.group && !hasHiddenCharacters(name))
    .slice(0, longest.groups)
  return mapGroups(given, groups).sort()
}

/** With more than 200 groups Entra names none, and says where an application could ask for them. */
function areLeftOut(claims: UpstreamClaims, { groups: { claim } }: UpstreamDescription): boolean {
  const names = claims['_claim_names']
  return (typeof names === 'object' && names !== null && claim in names) || claims['hasgroups'] === true
}

function localeOf(value: unknown): string | undefined {
  const text = textOf(value)?.replaceAll('_', '-')
  return text !== undefined && /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$/.test(text) ? text : undefined
}

/** @returns undefined for a value that is no text, is too long, or has invisible characters */
function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  if (text === '' || text.length > longest.value || hasHiddenInName(text)) return undefined
  return text
}
