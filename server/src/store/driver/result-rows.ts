/** How the text of a value is read, by the id of its type. */
export type FieldParsers = (type: number) => (text: string) => unknown

/** The columns of a statement. */
export type Columns = readonly { readonly name: string; readonly parse: (text: string) => unknown }[]

export const columnsOf = (
  fields: readonly { readonly name: string; readonly dataTypeID: number }[],
  parsers: FieldParsers,
): Columns => fields.map(({ name, dataTypeID }) => ({ name, parse: parsers(dataTypeID) }))

/** @param texts of the values, in the order of the columns */
export function rowOf(columns: Columns, texts: readonly (string | null)[]): Record<string, unknown> {
  const row: Record<string, unknown> = {}
  for (let at = 0; at < columns.length; at++) {
    const { name, parse } = columns[at]!
    const text = texts[at]!
    row[name] = text === null ? null : parse(text)
  }
  return row
}
