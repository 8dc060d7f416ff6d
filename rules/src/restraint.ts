// Combines two restraints of a client: groups, acr (ShardEntry.restraint).
import { acrLevels } from './acr.ts'

/** A group without members: no source has a group name with this character. */
export const noGroup = '\u0001'

/** @param one a person must be in one of these groups; empty allows everybody. @param other likewise
 *  @returns the groups that are in both */
export function groupsInBoth(one: readonly string[], other: readonly string[]): readonly string[] {
  if (one.length === 0 || other.length === 0) return one.length === 0 ? other : one
  const both = one.filter((group) => other.includes(group))
  return both.length > 0 ? both : [noGroup]
}

/** @param values of acr; each of them, or a stronger one, is enough
 *  @returns the weakest that is enough; undefined when none is known, and so any is */
export const leastAcr = (values: readonly string[]): string | undefined =>
  acrLevels.find((level) => values.includes(level))

/** @param values of `access.requiredAcr`; empty = any. @param least what is wanted besides; empty = nothing
 *  @returns the values that are enough for both */
export function acrForBoth(values: readonly string[], least: string): readonly string[] {
  const levels: readonly string[] = acrLevels
  const wanted = leastAcr(values)
  if (!levels.includes(least)) return values
  return wanted !== undefined && levels.indexOf(wanted) >= levels.indexOf(least) ? values : [least]
}
