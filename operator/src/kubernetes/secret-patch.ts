// Plans the patch of a Secret.
import { fieldManagers } from '@nauthera/proto/names'
import { fieldsOf } from '@nauthera/runtime/json'
import type { ManagedFields, OwnerReference, SecretObject } from './objects.ts'

/** The wanted content of a Secret. Keys, labels and annotations of others stay. */
export interface SecretContent {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Values in base64. */
  readonly data: Readonly<Record<string, string>>
  readonly ownerReferences?: readonly OwnerReference[]
}

/** @returns the merge patch from `stored` to `wanted` under stored's resourceVersion; undefined when nothing changes. Our own former keys
 *  are removed, keys of others stay. */
export function planSecretPatch(stored: SecretObject, wanted: SecretContent): object | undefined {
  const { metadata } = stored
  const fields = metadata.managedFields
  const data = planKeys(stored.data, wanted.data, ownedKeys(fields, ['f:data']))
  const labels = planKeys(metadata.labels, wanted.labels, ownedKeys(fields, ['f:metadata', 'f:labels']))
  const annotations = planKeys(
    metadata.annotations,
    wanted.annotations,
    ownedKeys(fields, ['f:metadata', 'f:annotations']),
  )
  const owners =
    wanted.ownerReferences === undefined || sameOwners(metadata.ownerReferences ?? [], wanted.ownerReferences)
      ? undefined
      : wanted.ownerReferences
  if (!data && !labels && !annotations && !owners) return undefined
  return {
    metadata: {
      resourceVersion: metadata.resourceVersion,
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(owners ? { ownerReferences: owners } : {}),
    },
    ...(data ? { data } : {}),
  }
}

function planKeys(
  stored: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
  owned: ReadonlySet<string>,
): Record<string, string | null> | undefined {
  const changes: Record<string, string | null> = {}
  for (const [key, value] of Object.entries(wanted)) if (stored?.[key] !== value) changes[key] = value
  for (const key of Object.keys(stored ?? {})) if (owned.has(key) && !Object.hasOwn(wanted, key)) changes[key] = null
  return Object.keys(changes).length > 0 ? changes : undefined
}

/** The keys under a path of `fieldsV1` that this operator wrote last. */
function ownedKeys(fields: readonly ManagedFields[] | undefined, path: readonly string[]): ReadonlySet<string> {
  const keys = new Set<string>()
  for (const entry of fields ?? []) {
    if (entry.manager !== fieldManagers.operator) continue
    let at: unknown = entry.fieldsV1
    for (const step of path) at = fieldsOf(at)[step]
    for (const key of Object.keys(fieldsOf(at))) if (key.startsWith('f:')) keys.add(key.slice(2))
  }
  return keys
}

function sameOwners(stored: readonly OwnerReference[], wanted: readonly OwnerReference[]): boolean {
  const uids = (owners: readonly OwnerReference[]) =>
    owners
      .map((owner) => owner.uid)
      .sort()
      .join(',')
  return uids(stored) === uids(wanted)
}
