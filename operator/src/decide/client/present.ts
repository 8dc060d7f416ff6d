/** @returns the fields whose value is not undefined; to be spread */
export function present<T extends Readonly<Record<string, unknown>>>(fields: {
  readonly [K in keyof T]: T[K] | undefined
}): Partial<T> {
  const found: Partial<T> = {}
  for (const key in fields) {
    const value: T[typeof key] | undefined = fields[key]
    if (value !== undefined) found[key] = value
  }
  return found
}
