// Renders the output of a command: a table, JSON or YAML. A long list is rendered page by page, so it is never in memory as a whole.
import { showHiddenCharacters } from '@nauthera/runtime/hidden-characters'
import { isJsonRecord } from '@nauthera/runtime/json'
import { writeYaml } from '@nauthera/runtime/settings'

export const outputFormats = ['table', 'json', 'yaml'] as const
export type OutputFormat = (typeof outputFormats)[number]

export type OutputRow = Readonly<Record<string, unknown>>

/** A list that is rendered page by page. The parts together are the whole text. The first page decides the widths of a table. */
export interface Listing {
  /** @returns the text of these rows */
  page(rows: readonly OutputRow[]): string
  /** @returns the end of the list */
  end(): string
}

const listings: Readonly<Record<OutputFormat, (columns: readonly string[]) => Listing>> = {
  table: tableListing,
  json: jsonListing,
  yaml: yamlListing,
}

/** @param options.asLines JSON is an object a line, for a list that does not end */
export const createListing = (format: OutputFormat, columns: readonly string[], { asLines = false } = {}): Listing =>
  format === 'json' && asLines ? jsonLines : listings[format](columns)

const jsonLines: Listing = {
  page: (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
  end: () => '',
}

/** @param rows one object a line; `undefined` prints as `-` in a table and is left out elsewhere */
export function renderRows(format: OutputFormat, rows: readonly OutputRow[], columns: readonly string[]): string {
  const listing = createListing(format, columns)
  return listing.page(rows) + listing.end()
}

/** One object: a table of one row would be wider than any terminal.
 *  @param columns the lines of the table, in this order */
export function renderOne(format: OutputFormat, row: OutputRow, columns: readonly string[]): string {
  if (format !== 'table') return renderRows(format, [row], columns)
  const width = Math.max(...columns.map((column) => heading(column).length))
  return columns
    .flatMap((column) => {
      const value = row[column]
      const entries = Array.isArray(value) && value.some((entry) => isJsonRecord(entry)) ? value : [value]
      return entries.map((entry, index) => `${(index === 0 ? heading(column) : '').padEnd(width)}  ${line(entry)}\n`)
    })
    .join('')
}

/** An object as the words that its fields are. */
const line = (value: unknown): string =>
  isJsonRecord(value) && !(value instanceof Date)
    ? Object.entries(value)
        .map(([key, inner]) => `${key}=${cell(inner)}`)
        .join('  ')
    : cell(value)

function tableListing(columns: readonly string[]): Listing {
  let widths: readonly number[] | undefined
  const page = (rows: readonly OutputRow[]) => {
    const cells = rows.map((row) => columns.map((column) => cell(row[column])))
    const lines = widths === undefined ? [columns.map(heading), ...cells] : cells
    const known = (widths ??= columns.map((_, index) => Math.max(...lines.map((line) => line[index]!.length))))
    return lines
      .map(
        (line) =>
          `${line
            .map((text, at) => text.padEnd(known[at]!))
            .join('  ')
            .trimEnd()}\n`,
      )
      .join('')
  }
  return { page, end: () => (widths === undefined ? page([]) : '') }
}

function jsonListing(): Listing {
  let isEmpty = true
  return {
    page: (rows) =>
      rows
        .map((row) => {
          const before = isEmpty ? '[\n' : ',\n'
          isEmpty = false
          return before + JSON.stringify(row, null, 2).replace(/^/gm, '  ')
        })
        .join(''),
    end: () => (isEmpty ? '[]\n' : '\n]\n'),
  }
}

function yamlListing(): Listing {
  let isEmpty = true
  return {
    page: (rows) => {
      isEmpty &&= rows.length === 0
      // through JSON: dates become text, and a secret `[redacted]`
      return rows.map((row) => writeYaml([JSON.parse(JSON.stringify(row))])).join('')
    },
    end: () => (isEmpty ? '[]\n' : ''),
  }
}

/** `createdAt` -> `CREATED-AT` */
const heading = (column: string): string => column.replace(/([A-Z])/g, '-$1').toUpperCase()

function cell(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-'
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(cell).join(',')
  if (value instanceof Date) return value.toISOString().replace(/\.\d+Z$/, 'Z')
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  // control characters in names must not reach a terminal
  return showHiddenCharacters(typeof value === 'string' ? value : JSON.stringify(value), () => '\uFFFD')
}
