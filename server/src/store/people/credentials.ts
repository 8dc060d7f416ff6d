// Password hashes, one for each person.
import { unlockAccount } from './attempts.ts'
import type { Mail } from '../../mails.ts'
import { inTransaction } from '../outbox/in-transaction.ts'
import { runTold, told } from '../outbox/told.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import type { StoreChanges } from '../cache/changes.ts'
import { linkHash, linkOfPerson, consumeLink } from './link-token.ts'
import type { OutboxRows } from '../outbox/outbox-rows.ts'
import { statement } from '../driver/database.ts'
import type { Database } from '../driver/database.ts'
import { endSessionsOf, moveStanding, standing, stillStands } from './standing.ts'
import type { OtherSessions } from './standing.ts'

export interface Credentials {
  /** @returns the PHC string */
  find(userId: string): Promise<string | undefined>
  /** Sets a new password. Every other session of the person ends, with its grants and unfinished sign-ins; a locked account is
   *  unlocked, since what was tried before was not this password.
   *  @param options.others which sessions go on; default: none
   *  @param options.link a link of kind `reset` that was sent to the person: used up by the change; without a live one nothing is changed
   *  @param options.mail queued with the change
   *  @param options.standing changes nothing unless the person must change the password, is enabled and still has this standing
   *  @param options.proved changes nothing unless the person is enabled and still has this standing
   *  @returns the new standing, and when it began; undefined when nothing was changed */
  set(
    userId: string,
    passwordHash: string,
    options: {
      others?: OtherSessions | undefined
      changeRequired: boolean
      standing?: string | undefined
      proved?: string | undefined
      link?: string | undefined
      mail?: Mail | undefined
      audit: readonly AuditEvent[]
    },
  ): Promise<{ standing: string; since: Date } | undefined>
  /** Stores a hash of the same password with another cost. Does nothing when the password has been changed. */
  rehash(userId: string, oldHash: string, newHash: string): Promise<void>
}

const find = statement<{ password_hash: string }>(
  'credential-find',
  'SELECT password_hash FROM credentials WHERE user_id = $1',
)
const changing = `UPDATE users u SET password_change_required = $3, ${moveStanding}, updated_at = now()`
/** @param changed the CTE of that name, and what comes before it; it has a row when the password is to be set */
const setting = (name: string, changed: string) =>
  statement<{ standing: string; since: Date }>(
    name,
    `WITH ${changed},
   credential AS (INSERT INTO credentials (user_id, password_hash) SELECT id, $2 FROM changed
     ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, changed_at = now()),
   ${unlockAccount('$1::uuid', 'EXISTS (SELECT FROM changed)')},
   ${told('changed')}
   SELECT ${standing} AS standing, u.sessions_valid_after AS since FROM changed u`,
  )
const set = setting(
  'credential-set',
  `changed AS (${changing}
     WHERE id = $1 AND ($4::text IS NULL OR (password_change_required AND ${stillStands('$4')}))
     RETURNING id, sessions_valid_after)`,
)
const setProved = setting(
  'credential-set-proved',
  `changed AS (${changing} WHERE id = $1 AND ${stillStands('$4')} RETURNING id, sessions_valid_after)`,
)
// the person's row is checked again once it is locked: of two links for one person, only the first one that is used is valid
const reset = setting(
  'credential-reset',
  `${consumeLink('$4', "'reset'", 'l.user_id, l.email, l.standing')},
   changed AS (${changing} FROM link l WHERE u.id = $1 AND u.id = l.user_id AND ${linkOfPerson}
     RETURNING u.id, u.sessions_valid_after)`,
)
const rehash = statement(
  'credential-rehash',
  'UPDATE credentials SET password_hash = $3 WHERE user_id = $1 AND password_hash = $2',
)

export function createCredentials(needs: {
  database: Database
  audit: AuditRows
  outbox: OutboxRows
  changes: StoreChanges
}): Credentials {
  const { database, outbox } = needs
  return {
    find: async (userId) => (await database.query(find, [userId]))[0]?.password_hash,
    async set(userId, passwordHash, { others, changeRequired, mail, audit: events, ...given }) {
      const { change, proof } = proofOf(given)
      const values = [userId, passwordHash, changeRequired, proof ?? null]
      return await inTransaction(needs, async (bound) => {
        const [row] = await runTold({ ...bound, outbox }, change, values, { audit: events, mail })
        if (row !== undefined) await endSessionsOf(bound.database, userId, others)
        await bound.changes.report(userId)
        return row
      })
    },
    rehash: async (userId, oldHash, newHash) => {
      await database.query(rehash, [userId, oldHash, newHash])
    },
  }
}

type Options = Parameters<Credentials['set']>[2]

/** The statement, and what must be true for it. */
function proofOf({ link, proved, standing: before }: Pick<Options, 'link' | 'proved' | 'standing'>) {
  if (link !== undefined) return { change: reset, proof: linkHash(link) }
  return proved === undefined ? { change: set, proof: before } : { change: setProved, proof: proved }
}
