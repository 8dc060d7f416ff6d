// What a new version of a shard changes, client by client, in the words of an OIDCClient's spec. Pure.
import { equals } from '@bufbuild/protobuf'
import type { DescField } from '@bufbuild/protobuf'
import { reflect } from '@bufbuild/protobuf/reflect'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig, ClientEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { unpackClient } from './packed-client.ts'
import { clientKey } from './snapshot.ts'
import type { ReadShard } from './snapshot.ts'
import { specWords } from './spec-words.ts'

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

/** @returns a change for each client that differs; those that do not are not even unpacked */
export function diffShards(before: ReadShard, after: ReadShard): ClientChange[] {
  return diffClients(clientsNotIn(before, after), clientsNotIn(after, before))
}

function clientsNotIn(shard: ReadShard, other: ReadShard): ClientEntry[] {
  const differing = [...shard.clients].filter(([key, { packed }]) => other.clients.get(key)?.packed !== packed)
  return differing.map(([, { packed }]) => unpackClient(packed))
}

/** @returns a change for each client that differs, in the order of the shard, removed ones last */
export function diffClients(before: readonly ClientEntry[], after: readonly ClientEntry[]): ClientChange[] {
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
  before: ClientEntry | undefined,
  after: ClientEntry | undefined,
): ClientChange {
  const idsOf = (entry: ClientEntry | undefined): string[] => entry?.verifiers.map((verifier) => verifier.id) ?? []
  const verifiers = { before: idsOf(before), after: idsOf(after) }
  return { client, kind, fields, verifiers, retired: verifiers.before.filter((id) => !verifiers.after.includes(id)) }
}

function changedFields(before: ClientEntry, after: ClientEntry): string[] {
  const fields: string[] = []
  const verifiersOf = (entry: ClientEntry): string =>
    entry.verifiers.map((verifier) => `${verifier.sha256} ${verifier.notAfter?.seconds ?? ''}`).join()
  if (before.uid !== after.uid) fields.push('uid')
  if (before.clientId !== after.clientId) fields.push('clientId')
  if (verifiersOf(before) !== verifiersOf(after)) fields.push('verifiers')
  fields.push(...changedConfig(before.desired, after.desired))
  // `accepted` follows `desired` sooner or later: what the operator carries forward is not what somebody changed.
  return fields
}

function changedConfig(before: ClientConfig | undefined, after: ClientConfig | undefined): string[] {
  if (!before || !after) return before === after ? [] : ['desired']
  if (sameConfig(before, after)) return []
  const one = reflect(ClientConfigSchema, before)
  const other = reflect(ClientConfigSchema, after)
  const differs = (field: DescField): boolean => {
    const pick = (message: typeof one) => {
      const only = reflect(ClientConfigSchema)
      if (message.isSet(field)) only.set(field, message.get(field))
      return only.message as ClientConfig
    }
    return !equals(ClientConfigSchema, pick(one), pick(other))
  }
  const fields = ClientConfigSchema.fields
    .filter((field) => differs(field))
    .map((field) => specWords[field.localName as keyof typeof specWords])
  return fields.length > 1 ? fields.filter((field) => field !== 'generation') : fields
}

function sameConfig(before: ClientConfig | undefined, after: ClientConfig | undefined): boolean {
  return before === undefined || after === undefined ? before === after : equals(ClientConfigSchema, before, after)
}
