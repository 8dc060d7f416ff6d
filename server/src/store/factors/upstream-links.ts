// Which identity at another provider leads to which account here.
import { inTransaction } from '../outbox/in-transaction.ts'
import { runTold, told } from '../outbox/told.ts'
import type { Told } from '../outbox/told.ts'
import { fromNow, statement } from '../driver/database.ts'
import { holdPerson } from '../people/hold-person.ts'
import { endSessionsOf, lockAdmitted, moveStanding, stillStands } from '../people/standing.ts'
import type { AsAdmitted, KeptSession } from '../people/standing.ts'
import { isUuid } from '../people/user.ts'
import { insertMark } from '../tokens/one-time.ts'
import { hasWay } from '../people/ways.ts'
import type { Ways } from '../people/ways.ts'
import { isOrigin, isStrong } from '../people/upstream-identity.ts'
import type { UpstreamIdentity } from '../people/upstream-identity.ts'
import { createUpstreamSignIns } from '../people/upstream-sign-ins.ts'
import type { UpstreamSignIns, UpstreamNeeds } from '../people/upstream-sign-ins.ts'

/** An identity that leads to a person's account. */
export interface UpstreamLink extends UpstreamIdentity {
  /** The provider brought the person with it: it belongs to the account for ever. */
  readonly isOrigin: boolean
  /** As in `LinkedAccount`. */
  readonly isStrong: boolean
  readonly linkedAt: Date
  readonly signedInAt: Date
}

/** A link, as its person sees it. */
export interface OwnLink extends UpstreamLink {
  /** Whether the person may remove it: not the origin, and never the last way to sign in. */
  readonly isRemovable: boolean
}

/** The most of one person: one page shows them all, and each sign-in reads them. */
export const mostLinks = 20

export interface UpstreamLinks extends UpstreamSignIns {
  /** Lets an identity lead to the account of a person who has just proved both.
   *  @param account.proved the standing when the person signed in to the account; @param account.strongBy what that proved beyond a password:
   *  only then the provider vouches for a second factor. Two factors count while the person has one of them; @param told.mail queued with the link
   *  @param mark of the answer of the provider, where it was not marked before
   *  @returns false when the standing has changed, the account is disabled, the answer was used before, the identity leads to an account, or the
   *    person has `mostLinks` */
  link(
    identity: UpstreamIdentity & { readonly maxAgeMs: number },
    account: { userId: string; proved: string; strongBy?: 'link' | 'mfa' | undefined },
    told: Told,
    mark?: { id: string; expiresAt: Date },
  ): Promise<boolean>
  /** The id of the person whose account an identity leads to. */
  ownerOf(identity: Omit<UpstreamIdentity, 'upstream'>): Promise<string | undefined>
  /** As `of`, and which of them the person may remove. */
  ownOf(userId: string, ways: Ways): Promise<OwnLink[]>
  /** Removes one identity, as its person wants it; every other session ends.
   *  @returns false when it is not there, is the origin, is the last way to sign in, or the standing has changed */
  unlinkOwn(
    person: AsAdmitted,
    identity: Omit<UpstreamIdentity, 'upstream'>,
    options: { ways: Ways; keepSession: KeptSession; told: Told },
  ): Promise<boolean>
  /** The identities of a person, the oldest link first. */
  of(userId: string): Promise<UpstreamLink[]>
  /** Removes the person's identities at a provider, or at all of them, but for the origin, and ends every session and grant.
   *  @returns how many there were; with none nothing else changes */
  unlink(userId: string, upstream: string | undefined, told: Told): Promise<number>
  /** The provider that the person signed in with last, of those in a list. */
  lastOf(userId: string): Promise<string | undefined>
}

/** SQL, for a row `person`: whether what they link is strong. A session may still speak of a factor that is gone. @param strongBy see `UpstreamLinks.link` */
const staysStrong = (strongBy: string): string => `(${strongBy}::text IS NOT NULL AND (${strongBy} = 'link'
     OR EXISTS (SELECT FROM factors f WHERE f.user_id = person.id)
     OR EXISTS (SELECT FROM upstream_links l WHERE l.user_id = person.id AND ${isStrong})))`
const link = statement(
  'upstream-link',
  `WITH person AS (
     SELECT u.id FROM users u WHERE u.id = $1::uuid AND ${stillStands('$2')}
       AND (SELECT count(*) FROM upstream_links l WHERE l.user_id = u.id) < ${mostLinks}),
   mark AS (${insertMark({ kind: "'upstream'", id: '$7', ends: '$8', from: 'person', when: '$7::text IS NOT NULL' })}),
   made AS (INSERT INTO upstream_links (issuer, subject, user_id, upstream, valid_until, is_strong)
     SELECT $3, $4, id, $5, ${fromNow('$6')}, ${staysStrong('$9')} FROM person WHERE $7::text IS NULL OR EXISTS (SELECT FROM mark)
     ON CONFLICT DO NOTHING RETURNING user_id),
   ${told('made')}
   SELECT user_id FROM made`,
)
const list = statement<LinkRow>(
  'upstream-list',
  `SELECT upstream, issuer, subject, linked_at, signed_in_at, ${isOrigin} AS is_origin, ${isStrong} AS is_strong
   FROM upstream_links l WHERE user_id = $1::uuid ORDER BY linked_at, issuer, subject`,
)
const unlink = statement(
  'upstream-unlink',
  `WITH gone AS (DELETE FROM upstream_links l WHERE l.user_id = $1::uuid AND ($2::text IS NULL OR l.upstream = $2) AND NOT ${isOrigin} RETURNING l.user_id),
   person AS (UPDATE users SET ${moveStanding} WHERE id = (SELECT user_id FROM gone LIMIT 1)),
   ${told('gone')}
   SELECT user_id FROM gone`,
)
const ownerOf = statement<{ user_id: string }>(
  'upstream-owner-of',
  'SELECT user_id FROM upstream_links WHERE issuer = $1 AND subject = $2',
)
/** SQL, for `upstream_links l`: the person has another way to sign in, or this is none. @param upstreams, passkeys see `Ways` */
const isRemovable = (upstreams: string, passkeys: string): string => {
  const links = `(o.issuer, o.subject) <> (l.issuer, l.subject) AND o.upstream = ANY(${upstreams}::text[])`
  return `(NOT ${isOrigin} AND (l.upstream <> ALL(${upstreams}::text[]) OR ${hasWay('l.user_id', { passkeys: `${passkeys}::boolean`, links })}))`
}
const listOwn = statement<OwnLinkRow>(
  'upstream-list-own',
  `SELECT upstream, issuer, subject, linked_at, signed_in_at, ${isOrigin} AS is_origin, ${isStrong} AS is_strong, ${isRemovable('$2', '$3')} AS is_removable
   FROM upstream_links l WHERE user_id = $1::uuid ORDER BY linked_at, issuer, subject`,
)
const unlinkOwn = statement(
  'upstream-unlink-own',
  `WITH gone AS (DELETE FROM upstream_links l
     WHERE l.user_id = $1::uuid AND l.issuer = $2 AND l.subject = $3 AND ${isRemovable('$4', '$5')} RETURNING l.user_id),
   person AS (UPDATE users SET ${moveStanding} WHERE id = (SELECT user_id FROM gone)),
   ${told('gone')}
   SELECT user_id FROM gone`,
)
const lastOf = statement<{ upstream: string }>(
  'upstream-last-of',
  'SELECT upstream FROM upstream_links WHERE user_id = $1 ORDER BY signed_in_at DESC LIMIT 1',
)

type LinkRow = UpstreamIdentity & {
  readonly linked_at: Date
  readonly signed_in_at: Date
  readonly is_origin: boolean
  readonly is_strong: boolean
}

type OwnLinkRow = LinkRow & { readonly is_removable: boolean }

export function createUpstreamLinks(needs: UpstreamNeeds): UpstreamLinks {
  return {
    ...createUpstreamSignIns(needs),
    async link({ issuer, subject, upstream, maxAgeMs }, { userId, proved, strongBy }, { audit, mail }, mark) {
      const about = { audit: audit.map((event) => ({ userId, ...event })), mail }
      const marked = [mark?.id ?? null, mark?.expiresAt ?? null]
      const values = [userId, proved, issuer, subject, upstream, maxAgeMs, ...marked, strongBy ?? null]
      return await inTransaction(needs, async (bound) => {
        // of links that are made at once, each counts those before it
        await bound.database.query(holdPerson, [userId])
        const made = await runTold({ ...bound, outbox: needs.outbox }, link, values, about)
        if (made.length > 0) await bound.changes.report(userId)
        return made.length > 0
      })
    },
    async of(userId) {
      if (!isUuid(userId)) return []
      return (await needs.database.query(list, [userId])).map(linkOf)
    },
    async ownerOf({ issuer, subject }) {
      return (await needs.database.query(ownerOf, [issuer, subject]))[0]?.user_id
    },
    async ownOf(userId, { upstreams, passkeys }) {
      const rows = await needs.database.query(listOwn, [userId, upstreams, passkeys])
      return rows.map(({ is_removable: isRemovable, ...row }) => ({ ...linkOf(row), isRemovable }))
    },
    unlinkOwn: (person, identity, options) => removeOwn(needs, person, identity, options),
    unlink: (userId, upstream, told) => removeLinks(needs, userId, upstream, told),
    async lastOf(userId) {
      if (!isUuid(userId)) return undefined
      return (await needs.database.query(lastOf, [userId]))[0]?.upstream
    },
  }
}

async function removeLinks(
  needs: UpstreamNeeds,
  userId: string,
  upstream: string | undefined,
  about: Told,
): Promise<number> {
  return await inTransaction(needs, async (bound) => {
    await bound.database.query(holdPerson, [userId])
    const gone = await runTold({ ...bound, outbox: needs.outbox }, unlink, [userId, upstream ?? null], about)
    if (gone.length === 0) return 0
    await endSessionsOf(bound.database, userId)
    await bound.changes.report(userId)
    return gone.length
  })
}

async function removeOwn(
  needs: UpstreamNeeds,
  { userId, standing }: AsAdmitted,
  { issuer, subject }: Omit<UpstreamIdentity, 'upstream'>,
  { ways, keepSession, told: about }: Parameters<UpstreamLinks['unlinkOwn']>[2],
): Promise<boolean> {
  const values = [userId, issuer, subject, ways.upstreams, ways.passkeys]
  return await inTransaction(needs, async (bound) => {
    const isAdmitted = (await bound.database.query(lockAdmitted, [userId, standing])).length === 1
    const gone = isAdmitted ? await runTold({ ...bound, outbox: needs.outbox }, unlinkOwn, values, about) : []
    if (gone.length === 0) return false
    await endSessionsOf(bound.database, userId, { keepSession })
    await bound.changes.report(userId)
    return true
  })
}

const linkOf = ({
  linked_at: linkedAt,
  signed_in_at: signedInAt,
  is_origin: isOrigin,
  is_strong: isStrong,
  ...row
}: LinkRow): UpstreamLink => ({
  ...row,
  isOrigin,
  isStrong,
  linkedAt,
  signedInAt,
})
