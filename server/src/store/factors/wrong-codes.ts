import { statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'

/** How many wrong codes an account may have. */
export interface CodeLimits {
  /** Wrong codes within a window that lock its codes. */
  readonly perAccount: number
  /** Milliseconds. */
  readonly windowMs: number
  readonly lockMs: number
}

/** Counts wrong codes of an account. */
export interface WrongCodes {
  /** Counts a wrong code. @returns for how many seconds codes are locked now */
  countWrongCode(userId: string, limits: CodeLimits): Promise<number>
}

/** SQL. @param userId such as `$1::uuid`; @param limit such as `$2` */
export const lockOf = (userId: string, limit: string) =>
  `SELECT until FROM attempts WHERE key = 'f:' || ${userId} AND count >= ${limit}::integer AND until > clock_timestamp()`
export const deleteWrongCodes = (userId: string, when: string) =>
  `forgotten AS (DELETE FROM attempts WHERE key = 'f:' || ${userId} AND ${when})`
const isOver = 'attempts.until <= clock_timestamp()'
const ahead = (milliseconds: string) => `clock_timestamp() + ${milliseconds}::float8 * interval '1 millisecond'`
const isLocked = 'attempts.count >= $2::integer'
// A lock ends when it said, so nothing is counted while codes are locked. The row is written all the same: an UPDATE reads its newest version, so
// that of several guesses at once each one beyond the limit sees the lock.
const countWrongCode = statement<{ locked_seconds: number }>(
  'factor-count-wrong-code',
  `WITH counted AS (INSERT INTO attempts (key, count, until) VALUES ('f:' || $1::uuid, 1, ${ahead('$3')})
     ON CONFLICT (key) DO UPDATE SET
       count = CASE WHEN ${isOver} THEN 1 WHEN ${isLocked} THEN attempts.count ELSE attempts.count + 1 END,
       until = CASE WHEN ${isOver} THEN ${ahead('$3')} WHEN NOT ${isLocked} AND attempts.count + 1 >= $2::integer THEN ${ahead('$4')} ELSE attempts.until END
     RETURNING count, until)
   SELECT CASE WHEN count >= $2::integer THEN ceil(extract(epoch FROM until - clock_timestamp())) ELSE 0 END::integer AS locked_seconds FROM counted`,
)

export function createWrongCodes({ database }: { readonly database: Connection }): WrongCodes {
  return {
    async countWrongCode(userId, { perAccount, windowMs, lockMs }) {
      const values = [userId, perAccount, windowMs, lockMs]
      return (await database.query(countWrongCode, values))[0]!.locked_seconds
    },
  }
}
