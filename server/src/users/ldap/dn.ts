// Reads names of entries (RFC 4514): the name of a group, and the place of an entry.
import { parseRelativeNames } from '@nauthera/rules/distinguished-name'

/** The parts of a name, the entry's own first, in one spelling. Two names of one entry give equal parts, when they differ in case, spaces
 *  and the way of escaping. What is no such name is one part, and no other name is like it. */
export function partsOf(dn: string): readonly string[] {
  const names = parseRelativeNames(dn)
  if (names === undefined) return [dn]
  return names.map((name) => JSON.stringify(name.map(({ type, value }) => `${type}=${value}`.toLowerCase()).toSorted()))
}

/** @returns the value of the first part, such as `dev` of `cn=dev,ou=groups,dc=example,dc=com`; undefined when there is none */
export const firstValueOf = (dn: string): string | undefined => parseRelativeNames(dn)?.[0]?.[0].value

/** Whether an entry is the base itself or lies below it. */
export function isWithin(dn: string, base: string): boolean {
  const [parts, baseParts] = [partsOf(dn), partsOf(base)]
  const from = parts.length - baseParts.length
  return from >= 0 && baseParts.every((part, n) => part === parts[from + n])
}
