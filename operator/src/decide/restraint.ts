// What an object asks for that stops or narrows it. Servers are told it beside the versions, so that it holds also when the spec that says it
// breaks a rule, is too large, or is rejected.
import { create } from '@bufbuild/protobuf'
import { RestraintSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Restraint } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { maxVersionBytes } from '@nauthera/rules/limits'
import { leastAcr, noGroup } from '@nauthera/rules/restraint'

/** @param spec of the object as it is now, of any shape: what can be read of it counts
 *  @returns undefined when it asks for nothing */
export function restraintOf(spec: unknown): Restraint | undefined {
  const { suspended, access } = fieldsOf(spec)
  const { allowedGroups, requiredAcr } = fieldsOf(access)
  const asked = {
    suspended: suspended === true,
    allowedGroups: groupsOf(textsOf(allowedGroups)),
    leastAcr: leastAcr(textsOf(requiredAcr)) ?? '',
  }
  if (!asked.suspended && asked.allowedGroups.length === 0 && asked.leastAcr === '') return undefined
  return create(RestraintSchema, asked)
}

/** No version has room for such a list. Until it is shorter nobody signs in: to leave it out would let in everybody. */
function groupsOf(groups: readonly string[]): string[] {
  const bytes = groups.reduce((sum, group) => sum + Buffer.byteLength(group), 0)
  return bytes > maxVersionBytes ? [noGroup] : [...new Set(groups)]
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
