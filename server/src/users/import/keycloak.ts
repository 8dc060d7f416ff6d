// Reads people of a Keycloak realm export: the array `users` in a file of `kc.sh export`.
import type { Readable } from 'node:stream'
import { definedOf } from '@nauthera/runtime/json'
import { z } from '@nauthera/runtime/settings'
import { takesClaim } from '../profile-claims.ts'
import { elementsOf } from './array-elements.ts'
import type { FoundElement } from './array-elements.ts'
import { keycloakHash } from './keycloak-hash.ts'
import { parseEntry, readEntry, refusedEntry } from './person-entry.ts'
import type { LeaveOut, ReadEntry } from './person-entry.ts'

const text = z.string().nullish()

/** What is read of a user; everything else stays behind. */
const user = z.object({
  id: text,
  username: z.string(),
  email: text,
  emailVerified: z.boolean().nullish(),
  enabled: z.boolean().nullish(),
  firstName: text,
  lastName: text,
  attributes: z.record(z.string(), z.union([z.array(z.string().nullable()), z.string()])).nullish(),
  credentials: z.array(z.looseObject({ type: text, secretData: text, credentialData: text, value: text })).nullish(),
  groups: z.array(z.string()).nullish(),
  requiredActions: z.array(z.string()).nullish(),
  federationLink: text,
  federatedIdentities: z.array(z.unknown()).nullish(),
  serviceAccountClientId: text,
  serviceAccountClientLink: text,
})
type KeycloakUser = z.output<typeof user>

export async function* readKeycloak(input: Readable, leaveOut: LeaveOut): AsyncGenerator<ReadEntry> {
  let number = 0
  for await (const found of elementsOf(input, 'users')) {
    if (found.kind === 'element') {
      number += 1
      const entry = readUser(`user ${number}`, found.text, leaveOut)
      if (entry !== undefined) yield entry
    } else if (found.reason !== 'complete') yield refusedEntry('the end', endings[found.reason])
  }
}

const endings: Readonly<Record<Exclude<Extract<FoundElement, { kind: 'end' }>['reason'], 'complete'>, string>> = {
  'no-array':
    'holds no people: there is no "users"; export them with `kc.sh export --realm NAME --users same_file --file realm.json`, or give the files of the people',
  'no-object':
    'is not one realm: its JSON must be an object with "users"; export with `kc.sh export --realm NAME --users same_file --file realm.json`',
  'cut-off': 'ends in the middle of its JSON; export it again, then run this again',
}

/** @returns undefined for what is no person of ours */
function readUser(at: string, json: string | undefined, leaveOut: LeaveOut): ReadEntry | undefined {
  const read = parseEntry(at, json, 'is not JSON')
  if ('refused' in read) return read.refused
  const parsed = user.safeParse(read.value)
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
    return { kind: 'refused', at, username: undefined, faults }
  }
  const person = parsed.data
  const outside = outsideOf(person)
  if (outside !== undefined) {
    leaveOut(outside)
    return undefined
  }
  const password = person.credentials?.find(({ type }) => type === 'password')
  const hash = password && keycloakHash(password)
  if (hash !== undefined && 'fault' in hash) return refusedEntry(at, `credentials: ${hash.fault}`, person.username)
  tellWhatStays(person, leaveOut)
  return readEntry(at, definedOf({ ...described(person, leaveOut), passwordHash: hash?.written }))
}

function outsideOf(person: KeycloakUser): string | undefined {
  if (person.serviceAccountClientId || person.serviceAccountClientLink) {
    return 'service accounts (an OIDCClient of type M2M takes the place of each)'
  }
  return person.federationLink ? 'people of a directory (make that directory a source: docs/people.md)' : undefined
}

const stays: Readonly<Record<string, string>> = {
  otp: 'authenticator apps (people set them up again)',
  webauthn: 'passkeys (people set them up again)',
  'webauthn-passwordless': 'passkeys (people set them up again)',
}

function tellWhatStays({ credentials, federatedIdentities }: KeycloakUser, leaveOut: LeaveOut): void {
  for (const { type } of credentials ?? []) {
    const what = Object.hasOwn(stays, type ?? '') ? stays[type ?? ''] : undefined
    if (what !== undefined) leaveOut(what)
  }
  if ((federatedIdentities ?? []).length > 0) leaveOut('links to identity providers (people link them again)')
}

/** In the words of JSON lines. */
function described(person: KeycloakUser, leaveOut: LeaveOut) {
  const { id, username, email, emailVerified, enabled, firstName, lastName, groups, requiredActions } = person
  const attributes = claimsOf(person.attributes ?? {}, leaveOut)
  const name = [firstName, lastName].filter((part) => part).join(' ')
  return {
    id: id ?? undefined,
    username,
    email: email ?? undefined,
    emailVerified: emailVerified ?? undefined,
    disabled: typeof enabled === 'boolean' ? !enabled : undefined,
    name: name === '' ? undefined : name,
    locale: attributes.locale,
    claims: definedOf({
      given_name: firstName || undefined,
      family_name: lastName || undefined,
      ...attributes.claims,
    }),
    groups: groups?.map((path) => path.replace(/^\//, '')),
    mustChange: requiredActions?.includes('UPDATE_PASSWORD') ? true : undefined,
  }
}

/** By the mappers that a realm has from the start. */
const claimsByAttribute: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['nickname', 'profile', 'picture', 'website', 'gender', 'birthdate', 'zoneinfo'].map((name) => [name, name]),
  ),
  middleName: 'middle_name',
  phoneNumber: 'phone_number',
  phoneNumberVerified: 'phone_number_verified',
  street: 'address.street_address',
  locality: 'address.locality',
  region: 'address.region',
  postal_code: 'address.postal_code',
  country: 'address.country',
  formatted: 'address.formatted',
}

interface Attributes {
  readonly claims: Readonly<Record<string, string>>
  readonly locale: string | undefined
}

/** An attribute that is no claim, or has a value that the claim cannot have, is counted and left out; the person is imported. */
function claimsOf(attributes: NonNullable<KeycloakUser['attributes']>, leaveOut: LeaveOut): Attributes {
  const claims: Record<string, string> = {}
  let locale: string | undefined
  for (const [name, written] of Object.entries(attributes)) {
    const value = (typeof written === 'string' ? written : (written[0] ?? '')).trim()
    if (value === '') continue
    const claim = Object.hasOwn(claimsByAttribute, name) ? claimsByAttribute[name] : undefined
    if (name === 'locale' && value.length <= longestTag) locale = value
    else if (claim === undefined) leaveOut(`attribute ${name.slice(0, longestShown)} (no claim is made of it)`)
    else if (takesClaim(claim, value)) claims[claim] = value
    else leaveOut(`attribute ${name} with a value that the claim ${claim} cannot have`)
  }
  return { claims, locale }
}

const longestTag = 35
const longestShown = 60
