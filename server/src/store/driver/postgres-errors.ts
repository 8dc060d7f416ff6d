// What an error of PostgreSQL, or of the connection to it, means.
import { CodedError, asError } from '@nauthera/runtime/coded-error'
import { describeError } from '@nauthera/runtime/log'

/** The connection could not be made, or what came over it is no answer: its text and code are those of the cause. */
export class ConnectionFault extends Error {
  readonly code: string | undefined

  constructor(cause: unknown) {
    super(describeError(cause), { cause })
    this.code = sqlState(cause)
  }
}

/** @returns the five characters of PostgreSQL, or the code of a network error */
export const sqlState = (error: unknown): string | undefined => {
  const code = fieldOf(error, 'code')
  return typeof code === 'string' ? code : undefined
}

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPROTO',
])
const networkMessages = [
  'Query read timeout',
  'Connection terminated',
  'timeout exceeded when trying to connect',
  'timeout expired',
  'Client has encountered a connection error',
  'Cannot use a pool after calling end',
  'Connection pool of the database object has been destroyed',
  'The server does not support SSL connections',
]

const fieldOf = (error: unknown, name: string): unknown =>
  typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined

/** The connection is gone or in an unknown state. */
export function isBroken(error: unknown): boolean {
  if (error instanceof ConnectionFault) return true
  const state = sqlState(error) ?? ''
  if (networkCodes.has(state) || /^(08|57P|ERR_(SSL|TLS|OSSL)_)/.test(state)) return true
  const message = error instanceof Error ? error.message : ''
  return networkMessages.some((known) => message.includes(known))
}

/** The connection was cut while it was idle, which is noticed only when it is used. */
export const isDeadConnection = (error: unknown): boolean =>
  isBroken(error) && !/timeout|ECONNREFUSED|ENOTFOUND/i.test(`${sqlState(error)} ${String(error)}`)

/** A table has other columns than when this connection prepared the statement. Nothing was done, and on this connection it never works again. */
export const hasStalePlan = (error: unknown): boolean =>
  sqlState(error) === '0A000' && fieldOf(error, 'routine') === 'RevalidateCachedQuery'

/** The connection works, but is useless: a demoted server refuses every write, or a pooler has lost what was prepared. */
export const isUnfit = (error: unknown): boolean => ['25006', '26000', '42P05'].includes(sqlState(error) ?? '')

/** What to do about an error whose own text does not say it. */
function cureOf(error: unknown, state: string): string {
  if (state === '25006') return '; writes need the primary: look whether it is away, or whether its disk is full'
  if (state === '26000' || state === '42P05')
    return '; a pooler has lost a prepared statement: PgBouncer keeps them from 1.21 on, with max_prepared_statements above 0'
  return /unsupported startup parameter/.test(String(error))
    ? '; this is a pooler such as PgBouncer: set database.direct to the address of PostgreSQL itself'
    : ''
}

export const standbyFault = () =>
  new CodedError('STORE_UNAVAILABLE', {
    message: 'this PostgreSQL is a standby: database.host has to lead to the primary',
  })

/** Insufficient resources (53), operator intervention (57), system error (58), a standby (25006), conflicts that lasted (40),
 *  a refused sign-in (28), a database that is not there (3D), a pooler that does not keep what is prepared (26, 42P05). */
const unavailableStates = /^(53|57|58|40|28|3D|25006|26000|42P05|XX)/

/** @returns an error with a code of ours when the database and not the statement is the cause; else the error itself */
export function codedOf(error: unknown): Error {
  if (error instanceof CodedError) return error
  const state = sqlState(error) ?? ''
  const text = describeError(error)
  if (isBroken(error) || unavailableStates.test(state)) {
    return new CodedError('STORE_UNAVAILABLE', { cause: error, message: `${text}${cureOf(error, state)}` })
  }
  // a table or column that this release needs is not there
  if (state !== '42P01' && state !== '42703') return asError(error)
  return new CodedError('STORE_SCHEMA_OUTDATED', { cause: error, message: `${text}; run "nauthera migrate up"` })
}

/** @returns the error of a connection that could not be made. Where PostgreSQL itself says why, or a file of ours is at fault, it is kept */
export const connectFault = (error: unknown): unknown =>
  error instanceof CodedError || isOfPostgres(error) ? error : new ConnectionFault(error)

const isOfPostgres = (error: unknown): boolean => fieldOf(error, 'severity') !== undefined

/** @returns whether the error is the violation of that constraint */
export function violates(error: unknown, constraint: string): boolean {
  return sqlState(error)?.startsWith('23') === true && fieldOf(error, 'constraint') === constraint
}
