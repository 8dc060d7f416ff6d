// Links with which a person signs in once, without a password. An administrator makes them by the command line; they are in no mail. They stand
// beside the links of mails, and are used up in the same way: by one statement, whichever replica gets there first.
import { audited, runAudited } from '../audit/audited.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import { inTransaction } from '../outbox/in-transaction.ts'
import type { Transactional } from '../outbox/in-transaction.ts'
import { isLiveLink, linkHash, consumeLink } from './link-token.ts'
import type { LinkToken } from './link-token.ts'
import { statement } from '../driver/database.ts'
import { holdPerson } from './hold-person.ts'
import { standing, stillStands } from './standing.ts'
import type { AsAdmitted } from './standing.ts'
import { personCounts } from '../tokens/what-counts.ts'
import { isUuid } from './user.ts'

export interface LoginLinks {
  /** Makes a link for a person who is enabled; an earlier one that was not used ends.
   *  @returns false when nothing was written */
  create(userId: string, link: { token: LinkToken; lifeMs: number; audit: readonly AuditEvent[] }): Promise<boolean>
  /** Looks at a link without using it.
   *  @returns whose it is; undefined when it is unknown, used or expired, its person is disabled, or something ended their sessions since */
  find(token: string): Promise<string | undefined>
  /** Uses a link.
   *  @returns whose sign-in it is, and the standing that the link proves; undefined as for `find` */
  consume(token: string, events: (userId: string) => readonly AuditEvent[]): Promise<AsAdmitted | undefined>
}

const create = statement(
  'login-link-create',
  `WITH person AS (SELECT u.id, coalesce(u.canonical_email, '') AS email, ${standing} AS standing FROM users u
     WHERE u.id = $2::uuid AND ${personCounts.sql('u')}),
   before AS (UPDATE mail_links SET used_at = clock_timestamp()
     WHERE user_id = $2::uuid AND kind = 'sign-in' AND used_at IS NULL AND EXISTS (SELECT FROM person)),
   link AS (INSERT INTO mail_links (token_hash, kind, user_id, email, standing, expires_at)
     SELECT $1, 'sign-in', p.id, p.email, p.standing, clock_timestamp() + $3::float8 * interval '1 millisecond' FROM person p
     RETURNING token_hash),
   ${audited('link')}
   SELECT token_hash FROM link`,
)
/** SQL, for `users u` beside `mail_links l`. */
const isTheirs = `u.id = l.user_id AND ${stillStands('l.standing')}`
const find = statement<{ id: string }>(
  'login-link-find',
  `SELECT u.id FROM mail_links l JOIN users u ON ${isTheirs}
   WHERE l.token_hash = $1 AND l.kind = 'sign-in' AND ${isLiveLink}`,
)
const use = statement<{ id: string; standing: string }>(
  'login-link-use',
  `WITH ${consumeLink('$1', "'sign-in'", 'l.user_id, l.standing')},
   person AS (SELECT u.id, l.standing FROM users u JOIN link l ON ${isTheirs}),
   ${audited('person')}
   SELECT id, standing FROM person`,
)

export function createLoginLinks(needs: Transactional): LoginLinks {
  const { database } = needs
  const findOwner = async (token: string) => (await database.query(find, [linkHash(token)]))[0]?.id
  return {
    async create(userId, { token, lifeMs, audit: events }) {
      if (!isUuid(userId)) return false
      return await inTransaction(needs, async (bound) => {
        // of links that are made at once, each ends those before it
        await bound.database.query(holdPerson, [userId])
        return (await runAudited(bound, create, [token.hash, userId, lifeMs], events)).length === 1
      })
    },
    find: findOwner,
    async consume(token, events) {
      const userId = await findOwner(token)
      if (userId === undefined) return undefined
      const [used] = await runAudited(needs, use, [linkHash(token)], events(userId))
      return used && { userId: used.id, standing: used.standing }
    },
  }
}
