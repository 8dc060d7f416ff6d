// Whether a grant, and so each code and token of it, counts now. Each rule is said once: as a function of what one statement found, and as SQL over the
// columns of that statement (GrantedRow in sessions/accounts.ts), for statements that also write.

/** What one statement found of a grant: as much of a `GrantedAccount` as the rules ask. */
interface FoundGrant {
  readonly user: { readonly disabled: boolean; readonly groups: readonly string[] }
  readonly sessionLive: boolean
  readonly grant:
    | {
        readonly clientUid: string
        readonly offline: boolean
        readonly payload: Readonly<Record<string, unknown>>
      }
    | undefined
}

/** What a client is now, and what it wants of the person. */
export interface ClientTerms {
  readonly clientUid: string
  readonly sector: string | undefined
  /** Their members may use the client; empty: everybody. */
  readonly allowedGroups: readonly string[]
  /** Their members need a better sign-in than the one that the code or token came of. */
  readonly strictGroups: readonly string[]
}

interface CountingRule {
  readonly holds: (found: FoundGrant, terms: ClientTerms) => boolean
  /** With the parameters of `termsValues`. @param a alias of the row */
  readonly sql: (a: string) => string
}

/** SQL: whether a grant, a refresh family or a session is neither revoked nor expired. @param row alias of its row */
export const isAliveRow = (row: string): string => `${row}.revoked_at IS NULL AND ${row}.expires_at > now()`

/** SQL: whether the person is in one of these groups, as `userOf` puts them together. */
const isMember = (a: string, groups: string): string =>
  `(${a}.own_groups && ${groups}::text[] OR EXISTS (SELECT FROM unnest(${a}.links) l
     WHERE (l->>'is_valid')::boolean AND l->'groups' ?| ${groups}::text[]))`

const rules = {
  person: {
    holds: ({ user }: { readonly user: { readonly disabled: boolean } }) => !user.disabled,
    sql: (a) => `${a}.disabled_at IS NULL`,
  },
  session: {
    holds: ({ grant, sessionLive }) => grant === undefined || grant.offline || sessionLive,
    sql: (a) => `(${a}.offline OR ${a}.session_live)`,
  },
  grant: {
    holds: ({ grant }) => grant !== undefined,
    sql: (a) => `${a}.grant_id IS NOT NULL`,
  },
  client: {
    holds: ({ grant }, { clientUid }) => grant?.clientUid === clientUid,
    sql: (a) => `${a}.client_uid = $clientUid`,
  },
  sector: {
    holds: ({ grant }, { sector }) => (grant?.payload['sector'] ?? undefined) === sector,
    sql: (a) => `${a}.payload->>'sector' IS NOT DISTINCT FROM $sector`,
  },
  groups: {
    holds: ({ user }: Pick<FoundGrant, 'user'>, { allowedGroups }: ClientTerms) =>
      isOfAllowedGroup(allowedGroups, user.groups),
    sql: (a) => `($allowedGroups::text[] = '{}' OR ${isMember(a, '$allowedGroups')})`,
  },
  acr: {
    holds: ({ user }: Pick<FoundGrant, 'user'>, { strictGroups }: ClientTerms) =>
      !strictGroups.some((group) => user.groups.includes(group)),
    sql: (a) => `($strictGroups::text[] = '{}' OR NOT ${isMember(a, '$strictGroups')})`,
  },
} as const satisfies Record<string, CountingRule>

const all: readonly CountingRule[] = Object.values(rules)

/** Whether a person counts: as a function of what was read, and as SQL over their row of `users`. */
export const personCounts: {
  readonly holds: (found: { readonly user: Pick<FoundGrant['user'], 'disabled'> }) => boolean
  readonly sql: CountingRule['sql']
} = rules.person

/** Whether the session of a person counts, without a grant. */
export const sessionCounts = (found: Pick<FoundGrant, 'user' | 'sessionLive'>): boolean =>
  personCounts.holds(found) && found.sessionLive

/** Whether it counts for its person, whichever client asks. */
export const countsForPerson = (found: FoundGrant): boolean => personCounts.holds(found) && rules.session.holds(found)

/** Whether a client may serve its person. */
export const mayServe = (found: Pick<FoundGrant, 'user'>, terms: ClientTerms): boolean =>
  rules.groups.holds(found, terms) && rules.acr.holds(found, terms)

/** Whether it counts for its client. */
export const counts = (found: FoundGrant, terms: ClientTerms): boolean => all.every(({ holds }) => holds(found, terms))

/** SQL: whether it counts, and nobody else has to be asked: another source may know more of its person, and grants that it came from have clients too.
 *  @param a alias of a GrantedRow */
export const countsAtOnce: CountingRule['sql'] = (a) =>
  [`${a}.comes_from IS NULL AND cardinality(${a}.parents) = 0`, ...all.map(({ sql }) => sql(a))].join(' AND ')

/** The parameters of `countsAtOnce`. @param terms undefined: for no client it counts at once */
export const termsValues = (terms: ClientTerms | undefined) => ({
  clientUid: terms?.clientUid,
  sector: terms?.sector,
  allowedGroups: terms?.allowedGroups ?? [],
  strictGroups: terms?.strictGroups ?? [],
})

/** The part of what a client wants that no sign-in can fix. */
export const isOfAllowedGroup = (allowedGroups: readonly string[], groups: readonly string[]): boolean =>
  allowedGroups.length === 0 || allowedGroups.some((group) => groups.includes(group))
