// Reads the restraint of an object: suspended, allowed groups, required acr. It is beside the versions in a shard, so it also applies when
// the spec itself is invalid, too large or rejected.
import { create } from '@bufbuild/protobuf'
import { RestraintSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Restraint } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { acrLevels } from '@nauthera/rules/acr'
import { maxVersionBytes } from '@nauthera/rules/limits'
import { leastAcr, noGroup } from '@nauthera/rules/restraint'
import { fieldsOf, isJsonRecord } from '@nauthera/runtime/json'

/** @param spec may have any shape: readable parts count, an unreadable part suspends the client
 *  @returns undefined when it asks for nothing */
export function restraintOf(spec: unknown): Restraint | undefined {
  const { suspended, access } = fieldsOf(spec)
  // not an object: both groups and acr may have been meant
  const { allowedGroups, requiredAcr } = isAbsent(access) ? {} : isJsonRecord(access) ? access : unreadAccess
  const [groups, levels] = [allowedGroups, requiredAcr].map(textsOf)
  const asked = {
    suspended: !isAbsent(suspended) && suspended !== false,
    allowedGroups: groups ? groupsOf(groups) : [noGroup],
    leastAcr: (levels ? leastAcr(levels) : acrLevels.at(-1)) ?? '',
  }
  if (!asked.suspended && asked.allowedGroups.length === 0 && asked.leastAcr === '') return undefined
  return create(RestraintSchema, asked)
}

/** The list is too long to store. Until it is shorter nobody can sign in: without the list everybody could. */
function groupsOf(groups: readonly string[]): string[] {
  const bytes = groups.reduce((sum, group) => sum + Buffer.byteLength(group), 0)
  return bytes > maxVersionBytes ? [noGroup] : [...new Set(groups)]
}

const isAbsent = (value: unknown): value is undefined | null => value === undefined || value === null

const unreadAccess = { allowedGroups: false, requiredAcr: false }

/** @returns undefined when there is a value that is not a text or a list of texts */
function textsOf(value: unknown): readonly string[] | undefined {
  if (isAbsent(value)) return []
  if (!Array.isArray(value)) return undefined
  const texts = value.filter((one): one is string => typeof one === 'string')
  return texts.length > 0 || value.length === 0 ? texts : undefined
}
