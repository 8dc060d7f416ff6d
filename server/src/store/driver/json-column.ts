// What PostgreSQL does not check of a row: what is inside a JSON column.
import { CodedError } from '@nauthera/runtime/coded-error'
import { isJsonRecord } from '@nauthera/runtime/json'

/** @param table and key: of the row, for the error
 *  @throws CodedError STORED_VALUE_INVALID that names them; nothing of the value is in it */
export function jsonColumn(value: unknown, table: string, key: string): Record<string, unknown> {
  if (isJsonRecord(value)) return value
  throw new CodedError('STORED_VALUE_INVALID', { message: `${table}, row ${key}: the JSON is no object` })
}
