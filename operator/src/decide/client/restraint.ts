// What an object asks for that stops or narrows it. Servers are told it beside the versions, so that it holds also when the spec that says it
// breaks a rule, is too large, or is rejected.
import { create } from '@bufbuild/protobuf'
import { RestraintSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Restraint } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { acrLevels } from '@nauthera/rules/acr'
import { maxVersionBytes } from '@nauthera/rules/limits'
import { leastAcr, noGroup } from '@nauthera/rules/restraint'

/** @param spec of the object as it is now, of any shape: what can be read of it counts, and what cannot stops
 *  @returns undefined when it asks for nothing */
export function restraintOf(spec: unknown): Restraint | undefined {
  const { suspended, access } = fieldsOf(spec) ?? {}
  // one that is no object says anything: it may have been meant to narrow the client in both ways
  const { allowedGroups, requiredAcr } = isAbsent(access) ? {} : (fieldsOf(access) ?? unreadAccess)
  const [groups, levels] = [allowedGroups, requiredAcr].map(textsOf)
  const asked = {
    suspended: !isAbsent(suspended) && suspended !== false,
    allowedGroups: groups ? groupsOf(groups) : [noGroup],
    leastAcr: (levels ? leastAcr(levels) : acrLevels.at(-1)) ?? '',
  }
  if (!asked.suspended && asked.allowedGroups.length === 0 && asked.leastAcr === '') return undefined
  return create(RestraintSchema, asked)
}

/** No version has room for such a list. Until it is shorter nobody signs in: to leave it out would let in everybody. */
function groupsOf(groups: readonly string[]): string[] {
  const bytes = groups.reduce((sum, group) => sum + Buffer.byteLength(group), 0)
  return bytes > maxVersionBytes ? [noGroup] : [...new Set(groups)]
}

const isAbsent = (value: unknown): value is undefined | null => value === undefined || value === null

const unreadAccess = { allowedGroups: false, requiredAcr: false }

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined

/** @returns undefined when there is something, and no text can be read of it */
function textsOf(value: unknown): readonly string[] | undefined {
  if (isAbsent(value)) return []
  if (!Array.isArray(value)) return undefined
  const texts = value.filter((one): one is string => typeof one === 'string')
  return texts.length > 0 || value.length === 0 ? texts : undefined
}
