// The isolation of transactions. What ends something holds a row first, and looks for what hangs on it in a later statement: only READ COMMITTED shows that
// statement what was committed meanwhile. So each transaction says it, whatever is usual in this database.
import { statement } from './database.ts'
import type { Connection } from './database.ts'

export const beginReadCommitted = 'BEGIN ISOLATION LEVEL READ COMMITTED'

const show = statement<{ isolation: string }>(
  'default-isolation',
  "SELECT current_setting('default_transaction_isolation') AS isolation",
)

/** @returns what single statements have, in words of PostgreSQL: another one than `read committed` gives them conflicts that are none */
export const defaultIsolation = async (connection: Connection): Promise<string> =>
  (await connection.query(show))[0]!.isolation
