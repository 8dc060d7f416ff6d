// One person: a value, and the row of the database that it is read from.
import { isJsonRecord } from '@nauthera/runtime/json'
import { jsonColumn } from '../driver/json-column.ts'

/** Further standard claims by their names (OpenID Connect Core 5.1), such as given_name, phone_number, address. */
export type Profile = Readonly<Record<string, unknown>>

/** What the source of a person says about them. */
export interface Person {
  readonly username: string
  readonly email: string | undefined
  readonly emailVerified: boolean
  readonly name: string | undefined
  /** The language that they prefer (BCP 47). */
  readonly locale: string | undefined
  readonly profile: Profile
  readonly disabled: boolean
  /** Names, sorted. */
  readonly groups: readonly string[]
}

export const colourSchemes = ['light', 'dark'] as const
export type ColourScheme = (typeof colourSchemes)[number]

/** What a person prefers of our pages. What is undefined is as the browser says. */
export interface PersonalPreferences {
  /** Tag of a language that pages have, such as `de`. */
  readonly language?: string | undefined
  readonly colourScheme?: ColourScheme | undefined
}

export type GroupOrigins = Readonly<Record<string, readonly string[]>>

/** A person, with what only our record has. */
export interface User extends Person {
  /** A UUID; the subject of tokens. */
  readonly id: string
  /** The `id` of the source that describes this person, and the name of the person there (not of our own people). */
  readonly source: string
  readonly sourceKey: string | undefined
  /** Until when what another provider said of this person counts; undefined where the source is not such a provider. */
  readonly describedUntil?: Date | undefined
  /** Which source says which of the groups, by its `id`: `postgres` says those that were given here. */
  readonly groupOrigins: GroupOrigins
  readonly passwordChangeRequired: boolean
  /** Of a disabled account: whether an administrator, or two members of the help desk, disabled it. Undefined where nobody needs it. */
  readonly enablingTakesTwo?: boolean | undefined
  /** Undefined when they never chose, and where nobody needs it. */
  readonly preferences?: PersonalPreferences | undefined
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** The source of the people in this database. */
export const ownSource = 'postgres'

/** SQL, of `users u`: what their groups are put together from (`userOf`): those that were given here, and what other providers said at the
 *  last sign-in there (upstream-links.ts). Each part of a statement costs time, also where it finds nothing: an aggregate twice that of an array. */
export const groupsOf = `ARRAY(SELECT g.name FROM group_members m JOIN groups g ON g.id = m.group_id WHERE m.user_id = u.id) AS own_groups,
  ARRAY(SELECT jsonb_build_object('upstream', l.upstream, 'key', l.issuer || ' ' || l.subject, 'until', l.valid_until, 'is_valid', l.valid_until > now(),
     'groups', l.groups) FROM upstream_links l WHERE l.user_id = u.id) AS links`
export const sourceIs = (source: string, key: string): string => `jsonb_build_array(${source}, ${key})`
/** SQL, of `users u`: where they come from; null for our own people. */
export const sourceOf = `(SELECT ${sourceIs('s.source', 's.source_key')} FROM user_sources s WHERE s.user_id = u.id) AS comes_from`

/** SQL: column `preferences` of a person u; null when they never chose. */
export const preferencesOf = `(SELECT p.preferences FROM preferences p WHERE p.user_id = u.id) AS preferences`

export interface UserRow {
  readonly id: string
  /** Source and key. Absent or null for our own people. */
  readonly comes_from?: readonly [source: string, key: string] | null
  readonly username: string
  readonly email: string | null
  readonly email_verified: boolean
  readonly name: string | null
  readonly locale: string | null
  readonly profile: unknown
  readonly password_change_required: boolean
  readonly disabled_at: Date | null
  /** Only of queries that ask for it. */
  readonly enabling_takes_two?: boolean
  readonly created_at: Date
  readonly updated_at: Date
  /** Null of a record that was just made without groups. */
  readonly own_groups: readonly string[] | null
  /** Absent of a record that was just made. */
  readonly links?: readonly Link[]
  /** Only of queries that ask for it. */
  readonly preferences?: unknown
}

/** An identity at another provider. */
interface Link {
  readonly upstream: string
  /** As `comes_from` has it. */
  readonly key: string
  readonly until: string
  readonly is_valid: boolean
  readonly groups: readonly string[]
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** PostgreSQL would refuse anything else with an error. */
export const isUuid = (text: string): boolean => uuid.test(text)

export function userOf(row: UserRow): User {
  const [source = ownSource, sourceKey] = row.comes_from ?? []
  const groupOrigins = originsOf(row)
  return {
    id: row.id,
    source,
    sourceKey,
    describedUntil: row.links?.map((link) => untilOf(link, source, sourceKey)).find((until) => until !== undefined),
    username: row.username,
    email: row.email ?? undefined,
    emailVerified: row.email_verified,
    name: row.name ?? undefined,
    locale: row.locale ?? undefined,
    profile: jsonColumn(row.profile, 'users', row.id),
    passwordChangeRequired: row.password_change_required,
    preferences: readPreferences(row.preferences),
    disabled: row.disabled_at !== null,
    ...(row.disabled_at === null ? {} : { enablingTakesTwo: row.enabling_takes_two }),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    groups: sorted(Object.values(groupOrigins).flat()),
    groupOrigins,
  }
}

/** @param stored by this release or another one: what is not known here counts as not chosen */
export function readPreferences(stored: unknown): PersonalPreferences | undefined {
  if (!isJsonRecord(stored)) return undefined
  const { language, colourScheme } = stored
  return {
    language: typeof language === 'string' ? language : undefined,
    colourScheme: colourSchemes.find((one) => one === colourScheme),
  }
}

/** The pair of issuer and subject is the key of the table, so there is one at most. */
const untilOf = ({ upstream, key, until }: Link, source: string, sourceKey: string | undefined): Date | undefined =>
  upstream === source && key === sourceKey ? new Date(until) : undefined

function originsOf({ own_groups: own, links }: UserRow): GroupOrigins {
  const origins: Record<string, readonly string[]> = own?.length ? { [ownSource]: sorted(own) } : {}
  for (const { upstream, groups } of (links ?? []).filter((link) => link.is_valid && link.groups.length > 0))
    origins[upstream] = sorted([...(origins[upstream] ?? []), ...groups])
  return origins
}

const sorted = (names: readonly string[]): readonly string[] => [...new Set(names)].sort()
