/** @returns an object with the field, or without it when the value is undefined; to be spread */
export function present<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  const field: { [P in K]?: V } = {}
  if (value !== undefined) field[key] = value
  return field
}
