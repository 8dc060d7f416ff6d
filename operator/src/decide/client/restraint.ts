// Reads the restraint of an object: suspended, allowed groups, required acr, ended secrets. It is beside the versions in a shard, so it
// also applies when the spec itself is invalid, too large or rejected.
import { create } from '@bufbuild/protobuf'
import { RestraintSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Restraint } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { acrLevels } from '@nauthera/rules/acr'
import { maxVersionBytes } from '@nauthera/rules/limits'
import { acrForBoth, groupsInBoth, leastAcr, noGroup } from '@nauthera/rules/restraint'
import { fieldsOf, isJsonRecord } from '@nauthera/runtime/json'

/** What stops or narrows a client. */
type Asked = Readonly<Pick<Restraint, 'suspended' | 'leastAcr'>> & { readonly allowedGroups: readonly string[] }

/** @param spec may have any shape: readable parts count, an unreadable part suspends the client. A mirror says it twice: in its version, and
 *  in `restraint`, which its cluster sends also where the version is an earlier one
 *  @returns undefined when it asks for nothing */
export function restraintOf(spec: unknown): Restraint | undefined {
  const { restraint } = fieldsOf(spec)
  const asked = isAbsent(restraint) ? askedIn(spec) : bothOf(askedIn(spec), askedInMirror(restraint))
  if (!asked.suspended && asked.allowedGroups.length === 0 && asked.leastAcr === '') return undefined
  return create(RestraintSchema, { ...asked, allowedGroups: [...asked.allowedGroups] })
}

/** @param spec may have any shape
 *  @returns the ids of secrets that no server may take, whatever the rest of a mirror says */
export function endedVerifiersIn(spec: unknown): readonly string[] {
  const { endedVerifiers } = fieldsOf(fieldsOf(spec)['restraint'])
  return Array.isArray(endedVerifiers) ? endedVerifiers.filter((id): id is string => typeof id === 'string') : []
}

function askedIn(spec: unknown): Asked {
  const { suspended, access } = fieldsOf(spec)
  // not an object: both groups and acr may have been meant
  const { allowedGroups, requiredAcr } = isAbsent(access) ? {} : isJsonRecord(access) ? access : unreadAccess
  const levels = textsOf(requiredAcr)
  return {
    suspended: isSwitchedOn(suspended),
    allowedGroups: groupsIn(allowedGroups),
    leastAcr: (levels ? leastAcr(levels) : strongest) ?? '',
  }
}

function askedInMirror(restraint: unknown): Asked {
  if (!isJsonRecord(restraint)) return { suspended: true, allowedGroups: [], leastAcr: '' }
  const { suspended, allowedGroups, leastAcr: least } = restraint
  const levels: readonly string[] = acrLevels
  return {
    suspended: isSwitchedOn(suspended),
    allowedGroups: groupsIn(allowedGroups),
    // a level of a later version is one that nobody here has
    leastAcr:
      isAbsent(least) || least === '' ? '' : typeof least === 'string' && levels.includes(least) ? least : strongest,
  }
}

const bothOf = (one: Asked, other: Asked): Asked => ({
  suspended: one.suspended || other.suspended,
  allowedGroups: groupsInBoth(one.allowedGroups, other.allowedGroups),
  leastAcr: acrForBoth(one.leastAcr === '' ? [] : [one.leastAcr], other.leastAcr)[0] ?? '',
})

const strongest = acrLevels.at(-1) ?? ''

const isSwitchedOn = (value: unknown): boolean => !isAbsent(value) && value !== false

/** @param value a list that is too long to store lets nobody in until it is shorter: without it everybody could sign in */
function groupsIn(value: unknown): readonly string[] {
  const groups = textsOf(value)
  if (groups === undefined) return [noGroup]
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
