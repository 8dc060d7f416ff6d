/** @returns the field when it has a value, to be spread into an object: a field that is there with `undefined` is another thing */
export function present<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V }
}
