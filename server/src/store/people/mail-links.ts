// Links that were sent by mail. A link is used once: the statement that does what it is for marks it, the same for every replica.
import type { Mail } from '../../mails.ts'
import { addressBlock } from '../audit/address-block.ts'
import type { Asker } from '../audit/address-block.ts'
import { audited, runAudited } from '../audit/audited.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import { canonicalName } from './canonical-name.ts'
import { isLiveLink, linkHash, linkOfPerson, consumeLink } from './link-token.ts'
import type { LinkKind, LinkToken } from './link-token.ts'
import { inTransaction } from '../outbox/in-transaction.ts'
import type { Transactional } from '../outbox/in-transaction.ts'
import { outboxInsert } from '../outbox/outbox-rows.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { NewWork } from '../outbox/outbox-rows.ts'
import { statement } from '../driver/database.ts'
import { standing } from './standing.ts'
import { personCounts } from '../tokens/what-counts.ts'
import { isUuid } from './user.ts'

export interface NewLink {
  readonly token: LinkToken
  readonly kind: LinkKind
  readonly lifeMs: number
  readonly payload?: Readonly<Record<string, unknown>>
  /** The mail that carries it. */
  readonly mail: Mail
  readonly audit: readonly AuditEvent[]
}

/** A link that can still be used. */
export interface LiveLink {
  readonly kind: LinkKind
  readonly userId: string | undefined
  /** The mailbox that it was sent to. */
  readonly email: string
  readonly payload: Readonly<Record<string, unknown>>
  readonly expiresAt: Date
}

/** Only `added` has written something. `sent-before`: an earlier try queued a mail with this key, and its answer was lost. */
export type AddedForPerson = 'added' | 'sent-before' | 'refused'
/** As that; else somebody has the address, it has a link with groups, or too many links. */
export type AddedForEmail = 'added' | 'sent-before' | 'has-account' | 'has-groups' | 'limited'

/** The limit of mails of one kind to one person or mailbox. Each asker has a share of it, so that one cannot use up the others'. */
export interface MailLimit {
  readonly most: number
  readonly windowMs: number
  /** Who asks, and how many they get; their network gets twice as many. Default: nobody whose share is counted. */
  readonly asker?: Asker & { readonly most: number }
}

export interface MailLinks {
  /** Queues work that an unauthenticated request asks for, for one address at most so often in a while.
   *  @param limit.address undefined where addresses are unknown: then all requests count together, `mostUnknown` of them
   *  @returns false when there were too many */
  request(work: NewWork, limit: { address: string | undefined; most: number; windowMs: number }): Promise<boolean>
  /** Makes a link for a person who is enabled and whose e-mail address is that of the mail, with its mail, in one commit.
   *  @param limit default: none */
  addForPerson(userId: string, link: NewLink, limit?: MailLimit): Promise<AddedForPerson>
  /** Makes a link for somebody without an account; earlier links of this kind to the same mailbox end.
   *  @param email canonical
   *  @param by.keepsGroups writes nothing where an earlier one that can still be used brings groups */
  addForEmail(email: string, link: NewLink, by?: { limit?: MailLimit; keepsGroups?: boolean }): Promise<AddedForEmail>
  /** Queues a mail without a link that a stranger asks for. Nothing happens when there were too many to this mailbox, or it was queued before. */
  notify(mail: Mail, limit: MailLimit): Promise<void>
  /** Looks at a link without using it.
   *  @returns undefined when it is unknown, used or expired, its person is disabled, or their address or password has changed since */
  find(kind: LinkKind, token: string): Promise<LiveLink | undefined>
  /** Uses a link of kind `verify`: the address that it was sent to is the person's.
   *  @returns whether it is verified now */
  verify(token: string, events: (userId: string) => readonly AuditEvent[]): Promise<boolean>
}

const isOver = 'attempts.until <= clock_timestamp()'
/** A CTE that has a row when there is room. @param key @param most @param windowMs SQL; @param name of the CTE */
export const insertPlace = (key: string, most: string, windowMs: string, condition = '', name = 'place'): string =>
  `${name} AS (INSERT INTO attempts (key, count, until)
     SELECT ${key}, 1, clock_timestamp() + ${windowMs} * interval '1 millisecond' WHERE ${most} > 0${condition}
     ON CONFLICT (key) DO UPDATE SET count = CASE WHEN ${isOver} THEN 1 ELSE attempts.count + 1 END,
       until = CASE WHEN ${isOver} THEN excluded.until ELSE attempts.until END
     WHERE ${isOver} OR attempts.count < ${most}
     RETURNING key)`
/** The CTE `place`: has a row when there is room for the asker, in the asker's network, and in all; in this order, so that nobody who has used
 *  up their own share takes a place of all.
 *  @param victim SQL; @param first number of the first of five parameters, those of `valuesOf` */
const takePlaces = (victim: string, first: number, condition: string): string => {
  const parameter = (at: number, type: string) => `$${first + at}::${type}`
  const [most, windowMs, mostOfAsker] = [parameter(0, 'integer'), parameter(1, 'float8'), parameter(4, 'integer')]
  const [block, network] = [parameter(2, 'text'), parameter(3, 'text')]
  const asked = ` AND ${block} IS NOT NULL`
  const after = (name: string) => ` AND (${block} IS NULL OR EXISTS (SELECT FROM ${name}))`
  return `${insertPlace(`${victim} || ':b:' || ${block}`, mostOfAsker, windowMs, asked + condition, 'by_block')},
   ${insertPlace(`${victim} || ':n:' || ${network}`, `2 * ${mostOfAsker}`, windowMs, asked + after('by_block'), 'by_network')},
   ${insertPlace(victim, most, windowMs, condition + after('by_network'))}`
}
const valuesOf = ({ most, windowMs, asker }: MailLimit): unknown[] => [
  most,
  windowMs,
  asker?.block ?? null,
  asker?.network ?? null,
  asker?.most ?? 0,
]
const ask = statement(
  'mail-link-ask',
  `WITH ${insertPlace('$1', '$2::integer', '$3::float8')},
   work AS (${outboxInsert('$4', ' WHERE EXISTS (SELECT FROM place)')})
   SELECT key FROM place`,
)
const inserted = `(token_hash, kind, user_id, email, standing, payload, expires_at)`
const ends = "clock_timestamp() + $4::float8 * interval '1 millisecond'"
// The mail decides: of two tries that send the same one, the second makes no link, ends none, and takes no place. Where no mail is sent the
// link is shown instead.
const noMail = `jsonb_array_length($6::jsonb) = 0`
const queuedBefore = (mails: string) =>
  `EXISTS (SELECT FROM outbox o, jsonb_to_recordset(${mails}::jsonb) AS m(once_key text) WHERE o.once_key = m.once_key)`
const mail = `mail AS (${outboxInsert('$6', ' WHERE EXISTS (SELECT FROM place)')} RETURNING id)`
const isFirst = `(${noMail} OR EXISTS (SELECT FROM mail))`
const written = `${audited('link')}
   SELECT EXISTS (SELECT FROM link) AS done,
     (${queuedBefore('$6')} OR EXISTS (SELECT FROM place) AND NOT ${isFirst}) AS sent_before`
const addForPerson = statement<AddedRow>(
  'mail-link-for-person',
  `WITH person AS (SELECT u.id, u.canonical_email, ${standing} AS standing FROM users u
     WHERE u.id = $3::uuid AND ${personCounts.sql('u')} AND u.canonical_email = $7),
   ${takePlaces("'l:' || $2::text || ':' || $3::uuid", 8, ` AND EXISTS (SELECT FROM person) AND NOT ${queuedBefore('$6')}`)},
   ${mail},
   link AS (INSERT INTO mail_links ${inserted}
     SELECT $1, $2, p.id, p.canonical_email, p.standing, $5::jsonb, ${ends} FROM person p, place WHERE ${isFirst} RETURNING token_hash),
   ${written}`,
)
const addForEmail = statement<AddedRow>(
  'mail-link-for-email',
  `WITH mailbox AS (SELECT
     EXISTS (SELECT FROM users WHERE canonical_email = $3 OR canonical_username = $3) AS has_account,
     $7::boolean AND EXISTS (SELECT FROM mail_links l
       WHERE l.email = $3 AND l.kind = $2 AND ${isLiveLink} AND l.payload->'groups' <> '[]'::jsonb) AS has_groups),
   ${takePlaces("'l:' || $2::text || ':' || encode(sha256($3::text::bytea), 'hex')", 8, ` AND NOT ${queuedBefore('$6')} AND NOT EXISTS (SELECT FROM mailbox WHERE has_account OR has_groups)`)},
   ${mail},
   before AS (UPDATE mail_links SET used_at = clock_timestamp()
     WHERE email = $3 AND kind = $2 AND used_at IS NULL AND EXISTS (SELECT FROM place) AND ${isFirst}),
   link AS (INSERT INTO mail_links ${inserted}
     SELECT $1, $2, NULL, $3, NULL, $5::jsonb, ${ends} FROM place WHERE ${isFirst} RETURNING token_hash),
   ${written}, has_account, has_groups FROM mailbox`,
)
// of those that are made at once, each sees and ends those before it
const holdMailbox = statement(
  'mailbox-hold',
  "SELECT pg_advisory_xact_lock(hashtextextended('mailbox ' || $1::text, 0))",
)
const notify = statement(
  'mail-notify',
  `WITH ${takePlaces("'l:notice:' || encode(sha256($1::text::bytea), 'hex')", 3, ` AND NOT ${queuedBefore('$2')}`)}
   ${outboxInsert('$2', ' WHERE EXISTS (SELECT FROM place)')}`,
)
const find = statement<LinkRow>(
  'mail-link-find',
  `SELECT l.* FROM mail_links l LEFT JOIN users u ON u.id = l.user_id
   WHERE l.token_hash = $1 AND l.kind = $2 AND ${isLiveLink} AND (l.user_id IS NULL OR ${linkOfPerson})`,
)
const verify = statement<{ id: string }>(
  'mail-link-verify',
  `WITH ${consumeLink('$1', "'verify'", 'l.user_id, l.email, l.standing')},
   changed AS (UPDATE users u SET email_verified = true, updated_at = now() FROM link l
     WHERE u.id = l.user_id AND ${linkOfPerson} RETURNING u.id),
   ${audited('changed')}
   SELECT id FROM changed`,
)

interface LinkRow {
  readonly kind: LinkKind
  readonly user_id: string | null
  readonly email: string
  readonly payload: Record<string, unknown>
  readonly expires_at: Date
}

interface AddedRow {
  readonly done: boolean
  readonly sent_before: boolean
  readonly has_account?: boolean
  readonly has_groups?: boolean
}

/** The most of all requests together, where addresses are unknown. */
const mostUnknown = 300

export function createMailLinks(needs: Transactional & { outbox: Outbox }): MailLinks {
  const { database, outbox, changes } = needs
  const add = async (
    of: typeof addForPerson,
    whom: string,
    link: NewLink,
    limit: MailLimit,
    condition: string | boolean,
    by: Pick<Transactional, 'database' | 'audit'> = needs,
  ): Promise<AddedRow> => {
    const { token, kind, lifeMs, payload = {}, mail, audit: events } = link
    const mails = outbox.rows([mail])
    const about = [token.hash, kind, whom, lifeMs, JSON.stringify(payload), mails, condition, ...valuesOf(limit)]
    const [row] = await runAudited(by, of, about, events, ([added]) => added!.done)
    return row!
  }
  return {
    async request(work, { address, most, windowMs }) {
      const key = address === undefined ? 'm:?' : `m:${addressBlock(address)}`
      const values = [key, address === undefined ? mostUnknown : most, windowMs, outbox.workRows([work])]
      return (await database.query(ask, values)).length === 1
    },
    async addForPerson(userId, link, limit = noLimit) {
      if (!isUuid(userId)) return 'refused'
      const row = await add(addForPerson, userId, link, limit, canonicalName(link.mail.to))
      if (row.done) return 'added'
      return row.sent_before ? 'sent-before' : 'refused'
    },
    addForEmail: (email, link, { limit = noLimit, keepsGroups = false } = {}) =>
      inTransaction(needs, async (bound) => {
        await bound.database.query(holdMailbox, [email])
        return outcomeOf(await add(addForEmail, email, link, limit, keepsGroups, bound))
      }),
    async notify(mail, limit) {
      await database.query(notify, [canonicalName(mail.to), outbox.rows([mail]), ...valuesOf(limit)])
    },
    find: async (kind, token) => (await database.query(find, [linkHash(token), kind])).map(linkOf)[0],
    async verify(token, events) {
      const link = await this.find('verify', token)
      if (link?.userId === undefined) return false
      const changed = await runAudited(needs, verify, [linkHash(token)], events(link.userId))
      if (changed.length === 0) return false
      await changes.report(link.userId)
      return true
    },
  }
}

const noLimit = { most: 1_000_000, windowMs: 60_000 }

function outcomeOf({
  done,
  sent_before: sentBefore,
  has_account: hasAccount,
  has_groups: hasGroups,
}: AddedRow): AddedForEmail {
  if (done) return 'added'
  if (sentBefore) return 'sent-before'
  if (hasAccount === true) return 'has-account'
  return hasGroups === true ? 'has-groups' : 'limited'
}

const linkOf = (row: LinkRow): LiveLink => ({
  kind: row.kind,
  userId: row.user_id ?? undefined,
  email: row.email,
  payload: row.payload,
  expiresAt: row.expires_at,
})
