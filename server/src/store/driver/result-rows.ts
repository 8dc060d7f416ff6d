/** How the text of a value is read, by the id of its type. */
export type FieldParsers = (type: number) => (text: string) => unknown

/** The columns of a statement. */
export interface Columns {
  readonly each: readonly { readonly name: string; readonly parse: (text: string) => unknown }[]
  /** A row of nulls. A copy of it is a fast object for V8; one that grows by more than a dozen columns is not. */
  readonly empty: Readonly<Record<string, unknown>>
}

export const columnsOf = (
  fields: readonly { readonly name: string; readonly dataTypeID: number }[],
  parsers: FieldParsers,
): Columns => ({
  each: fields.map(({ name, dataTypeID }) => ({ name, parse: parsers(dataTypeID) })),
  empty: Object.fromEntries(fields.map(({ name }) => [name, null])),
})

/** Of a statement that gives no rows. */
export const noColumns: Columns = { each: [], empty: {} }

/** @param texts of the values, in the order of the columns
 *  @throws TypeError where these are others than those that were described, and what a parser throws */
export function rowOf(columns: Columns = noColumns, texts: readonly (string | null)[]): Record<string, unknown> {
  const { each, empty } = columns
  if (texts.length !== each.length) throw new TypeError('a row has other columns than were described')
  const row = { ...empty }
  for (let at = 0; at < each.length; at++) {
    const { name, parse } = each[at]!
    const text = texts[at]!
    if (text !== null) row[name] = parse(text)
  }
  return row
}
