// Second factors and recovery codes. For every single use one conditional statement decides, the same for every replica.
import { hasCode } from '@nauthera/runtime/coded-error'
import type { FactorKind } from '../../factor-kind.ts'
import type { Mail } from '../../mails.ts'
import { audited, runAudited } from '../audit/audited.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { KeyEncryptionRing } from '../driver/envelope.ts'
import { createApps } from './apps.ts'
import type { Apps } from './apps.ts'
import { changeFactors, weakenLinksOf } from './needs.ts'
import type { FactorNeeds } from './needs.ts'
import { createPasskeys } from './passkeys.ts'
import type { Passkeys } from './passkeys.ts'
import { createRecoveryCodes } from './recovery-codes.ts'
import type { RecoveryCodes } from './recovery-codes.ts'
import { createWrongCodes, deleteWrongCodes } from './wrong-codes.ts'
import type { WrongCodes } from './wrong-codes.ts'
import { outboxInsert } from '../outbox/outbox-rows.ts'
import { inTransaction } from '../outbox/in-transaction.ts'
import { runTold, told } from '../outbox/told.ts'
import type { Told } from '../outbox/told.ts'
import { statement } from '../driver/database.ts'
import { holdPerson } from '../people/hold-person.ts'
import { admitted, endSessionsOf, lockAdmitted, moveStanding } from '../people/standing.ts'
import type { AsAdmitted, OtherSessions } from '../people/standing.ts'
import { isUuid } from '../people/user.ts'
import { hasWay } from '../people/ways.ts'
import type { Ways } from '../people/ways.ts'

/** What may be shown of a second factor. */
export interface Factor {
  readonly id: string
  readonly kind: FactorKind
  readonly name: string
  readonly createdAt: Date
  readonly lastUsedAt: Date | undefined
}

export interface Factors extends WrongCodes, RecoveryCodes, Apps, Passkeys {
  of(userId: string): Promise<Factor[]>
  /** Gives a factor of the person another name. @returns false when it is not there, or the standing has changed */
  rename(person: AsAdmitted, id: string, name: string, audit: readonly AuditEvent[]): Promise<boolean>
  /** Removes one factor; with the last one the recovery codes go too, and no link vouches for a second factor any more.
   *  @param others default: every session ends. With the last factor no other one is kept
   *  @returns false when it is not there, is the last way to sign in, or the standing has changed */
  remove(person: AsAdmitted, id: string, ways: Ways, told: Told, others?: OtherSessions): Promise<boolean>
  /** Encrypts a value for a hidden field, while a factor is set up or asked for. @param boundTo the same text is needed to open it */
  seal(text: string, boundTo: string): string
  /** @returns undefined for what was not sealed here, or for something else */
  open(sealed: string, boundTo: string): string | undefined
  /** Removes every factor and recovery code, and ends every session: for a person who has lost them. No link vouches for a second factor any more.
   *  @returns how many factors there were; undefined when nobody has this id */
  reset(userId: string, audit: readonly AuditEvent[], mail?: Mail): Promise<number | undefined>
}

const list = statement<FactorRow>(
  'factor-list',
  'SELECT id, kind, name, created_at, last_used_at FROM factors WHERE user_id = $1 ORDER BY created_at, id',
)
const reset = statement<{ gone: number }>(
  'factor-reset',
  `WITH person AS (UPDATE users SET ${moveStanding} WHERE id = $1::uuid RETURNING id),
   gone AS (DELETE FROM factors WHERE user_id = (SELECT id FROM person) RETURNING id),
   codes AS (DELETE FROM recovery_codes WHERE user_id = (SELECT id FROM person)),
   ${deleteWrongCodes('$1::uuid', 'EXISTS (SELECT FROM person)')},
   mail AS (${outboxInsert('$mails', ' WHERE EXISTS (SELECT FROM gone)')}),
   ${audited('person')}
   SELECT (SELECT count(*) FROM gone)::integer AS gone FROM person`,
)
/** SQL, for `factors f`: the person has another way to sign in, or this is none. @param upstreams, passkeys see `Ways` */
const isRemovable = (upstreams: string, passkeys: string): string =>
  `(f.kind <> 'passkey' OR NOT ${passkeys}::boolean
     OR ${hasWay('f.user_id', { passkeys: 'o.id <> f.id', links: `o.upstream = ANY(${upstreams}::text[])` })})`
const remove = statement<{ is_last: boolean }>(
  'factor-remove',
  `WITH gone AS (DELETE FROM factors f WHERE f.user_id = $1::uuid AND f.id = $2::uuid AND ${isRemovable('$3', '$4')} RETURNING f.id),
   codes AS (DELETE FROM recovery_codes WHERE user_id = $1::uuid AND EXISTS (SELECT FROM gone)
     AND NOT EXISTS (SELECT FROM factors f WHERE f.user_id = $1::uuid AND f.id <> $2::uuid)),
   ${told('gone')}
   SELECT id, NOT EXISTS (SELECT FROM factors f WHERE f.user_id = $1::uuid AND f.id <> $2::uuid) AS is_last FROM gone`,
)
const rename = statement(
  'factor-rename',
  `WITH person AS (${admitted()}),
   changed AS (UPDATE factors SET name = $4 WHERE user_id = (SELECT id FROM person) AND id = $3::uuid RETURNING id),
   ${audited('changed')}
   SELECT id FROM changed`,
)

type FactorRow = { id: string; kind: FactorKind; name: string; created_at: Date; last_used_at: Date | null }

export function createFactors(needs: FactorNeeds): Factors {
  const { ring } = needs
  return {
    ...createWrongCodes(needs),
    ...createRecoveryCodes(needs),
    ...createApps(needs),
    ...createPasskeys(needs),
    of: (userId) => factorsOf(needs, userId),
    async rename({ userId, standing }, id, name, events) {
      if (!isUuid(id)) return false
      return (await runAudited(needs, rename, [userId, standing, id, name], events)).length > 0
    },
    remove: (person, id, ways, about, others) => removeFactor(needs, person, id, { ways, told: about, others }),
    seal: (text, boundTo) => {
      const { box, keyId } = ring.encrypt(Buffer.from(text), `pending-factor:${boundTo}`)
      return `${keyId}~${box.toString('base64url')}`
    },
    open: (sealed, boundTo) => open(ring, sealed, `pending-factor:${boundTo}`),
    reset: (userId, events, mail) => resetFactors(needs, userId, events, mail),
  }
}

async function removeFactor(
  needs: FactorNeeds,
  { userId, standing }: AsAdmitted,
  id: string,
  { ways, told: about, others }: { ways: Ways; told: Told; others: OtherSessions | undefined },
): Promise<boolean> {
  if (!isUuid(id)) return false
  // nothing goes on with what a factor proved that nobody has any more
  const othersAfter = (row: { is_last: boolean }): OtherSessions =>
    row.is_last ? { ...others, keepsOthers: false, endsOwnGrants: true } : (others ?? {})
  const gone = await changeFactors(needs, userId, othersAfter, async (bound) => {
    const isAdmitted = (await bound.database.query(lockAdmitted, [userId, standing])).length === 1
    const removed = isAdmitted ? await runTold(bound, remove, [userId, id, ways.upstreams, ways.passkeys], about) : []
    if (removed.length > 0) await weakenLinksOf(bound.database, userId)
    return removed
  })
  return gone !== undefined
}

function open(ring: KeyEncryptionRing, sealed: string, boundTo: string): string | undefined {
  const [keyId = '', box = ''] = sealed.split('~')
  try {
    return ring.decrypt(Buffer.from(box, 'base64url'), keyId, boundTo).toString()
  } catch (error) {
    // it comes back from a browser
    if (hasCode(error, 'SEALED_ROW_DAMAGED', 'KEY_RING_LACKS_KEY')) return undefined
    throw error
  }
}

/** `Factors.of`, for a caller without the ring of keys. */
export const factorsOf = async ({ database }: Pick<FactorNeeds, 'database'>, userId: string): Promise<Factor[]> =>
  (await database.query(list, [userId])).map(factorOf)

/** `Factors.reset`, for a caller without the ring of keys. */
export async function resetFactors(
  needs: Omit<FactorNeeds, 'ring'>,
  userId: string,
  events: readonly AuditEvent[],
  mail?: Mail,
): Promise<number | undefined> {
  return await inTransaction(needs, async (bound) => {
    const { database } = bound
    await database.query(holdPerson, [userId])
    const about = { audit: events, mail }
    const [row] = await runTold({ ...bound, outbox: needs.outbox }, reset, [userId], about)
    if (row === undefined) return undefined
    await weakenLinksOf(database, userId)
    await endSessionsOf(database, userId)
    await bound.changes.report(userId)
    return row.gone
  })
}

const factorOf = (row: FactorRow): Factor => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at ?? undefined,
})
