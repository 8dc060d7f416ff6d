// Lists what a new version of a shard changes, by client and by field of the spec. Pure.
import { timestampMs } from '@bufbuild/protobuf/wkt'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientVersion, ShardEntry, Verifier } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { agesTheSame, grantsTheSame, restrainsTheSame } from '@nauthera/proto/shard-entry'
import { specPathOf } from '@nauthera/proto/spec-path'
import { clientKey, readDiffering } from '../snapshot.ts'
import type { ReadShard } from '../snapshot.ts'

export interface ClientChange {
  readonly client: string
  readonly kind: 'added' | 'removed' | 'changed'
  /** Names of what changed, such as `verifiers` and `redirectURIs`. */
  readonly fields: readonly string[]
  /** Ids of the live secrets before and after. */
  readonly verifiers: { readonly before: readonly string[]; readonly after: readonly string[] }
  /** Ids of the secrets that are no longer accepted. */
  readonly retired: readonly string[]
}

/** @returns a change for each client that differs; those that do not are not even decoded */
export function diffShards(before: ReadShard, after: ReadShard): ClientChange[] {
  return diffClients(readDiffering(before, after), readDiffering(after, before))
}

/** @returns a change for each client that differs, in the order of `after`, removed ones last */
export function diffClients(before: readonly ShardEntry[], after: readonly ShardEntry[]): ClientChange[] {
  const earlier = new Map(before.map((entry) => [clientKey(entry), entry]))
  const changes: ClientChange[] = []
  for (const entry of after) {
    const key = clientKey(entry)
    const known = earlier.get(key)
    earlier.delete(key)
    if (!known) changes.push(changeOf(key, 'added', [], undefined, entry))
    else {
      const fields = changedFields(known, entry)
      if (fields.length > 0) changes.push(changeOf(key, 'changed', fields, known, entry))
    }
  }
  for (const [key, entry] of earlier) changes.push(changeOf(key, 'removed', [], entry, undefined))
  return changes
}

function changeOf(
  client: string,
  kind: ClientChange['kind'],
  fields: readonly string[],
  before: ShardEntry | undefined,
  after: ShardEntry | undefined,
): ClientChange {
  const idsOf = (entry: ShardEntry | undefined): string[] => entry?.verifiers.map((verifier) => verifier.id) ?? []
  const verifiers = { before: idsOf(before), after: idsOf(after) }
  return { client, kind, fields, verifiers, retired: verifiers.before.filter((id) => !verifiers.after.includes(id)) }
}

function changedFields(before: ShardEntry, after: ShardEntry): string[] {
  const fields: string[] = []
  if (before.uid !== after.uid) fields.push('uid')
  if (before.restoredFrom !== after.restoredFrom) fields.push('restoredFrom')
  if (before.clientId !== after.clientId) fields.push('clientId')
  if (!sameVerifiers(before.verifiers, after.verifiers)) fields.push('verifiers')
  fields.push(...changedVersion(before.desired, after.desired))
  if (!grantsTheSame(before.granted, after.granted)) fields.push('granted')
  if (!restrainsTheSame(before.restraint, after.restraint)) fields.push('restraint')
  if (!agesTheSame(before, after)) fields.push('accountsSince')
  // `accepted` is left out: it follows `desired`, and nobody edits it.
  return fields
}

function sameVerifiers(before: readonly Verifier[], after: readonly Verifier[]): boolean {
  if (before.length !== after.length) return false
  return before.every(({ sha256, notAfter }, index) => {
    const other = after[index]!
    return sha256 === other.sha256 && endOf(notAfter) === endOf(other.notAfter)
  })
}

const endOf = (notAfter: Verifier['notAfter']): number => (notAfter ? timestampMs(notAfter) : Infinity)

function changedVersion(before: ClientVersion | undefined, after: ClientVersion | undefined): string[] {
  if (!before || !after) return before === after ? [] : ['desired']
  if (before.config === after.config) return before.generation === after.generation ? [] : ['generation']
  const fields = changedWords(before.config, after.config)
  // An unknown field or an unreadable version: the server reports what is wrong with it.
  return fields.length > 0 ? fields : ['desired']
}

function changedWords(before: string, after: string): string[] {
  const [one, other] = [readFields(before), readFields(after)]
  const differs = (field: string): boolean => JSON.stringify(one[field]) !== JSON.stringify(other[field])
  return ClientConfigSchema.fields.filter(({ jsonName }) => differs(jsonName)).map(specPathOf)
}

function readFields(config: string): Record<string, unknown> {
  try {
    const fields: unknown = JSON.parse(config)
    return { ...(typeof fields === 'object' ? fields : {}) }
  } catch {
    return {}
  }
}
