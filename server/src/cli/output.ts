// What a command prints: a table for people, JSON for programs.
export type OutputFormat = 'table' | 'json'

/** @param rows one object a line; `undefined` prints as `-` in a table and is left out of JSON */
export function renderRows(
  format: OutputFormat,
  rows: readonly Readonly<Record<string, unknown>>[],
  columns: readonly string[],
): string {
  if (format === 'json') return `${JSON.stringify(rows, null, 2)}\n`
  const lines = [columns.map(heading), ...rows.map((row) => columns.map((column) => cell(row[column])))]
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]!.length)))
  return lines
    .map(
      (line) =>
        `${line
          .map((text, index) => text.padEnd(widths[index]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

/** `createdAt` -> `CREATED-AT` */
const heading = (column: string): string => column.replace(/([A-Z])/g, '-$1').toUpperCase()

function cell(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-'
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(cell).join(',')
  if (value instanceof Date) return value.toISOString().replace(/\.\d+Z$/, 'Z')
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  // a name can come from anybody: its control characters must not reach a terminal
  return (typeof value === 'string' ? value : JSON.stringify(value)).replace(/[\p{Cc}\p{Cf}]/gu, '\uFFFD')
}
