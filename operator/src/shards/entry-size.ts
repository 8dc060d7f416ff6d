// Measures the size of a client's entry in its shard, cached by entry.
import { timestampDate } from '@bufbuild/protobuf/wkt'
import { deflateRawSync } from 'node:zlib'
import type { Restraint, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'

/** Ids and hashes, which do not compress: of the object, and of each verifier. Bytes. */
const idBytes = 160
const verifierBytes = 140
/** Bytes for an ended secret. They are not charged to the namespace. */
const endedBytes = 20

/** Keys of the JSON. Bytes. */
const keyBytes = 200

/** The highest compression that counts: a reader needs memory for the plain bytes. */
const mostCompression = 16

const plain = new WeakMap<ShardEntry, number>()
const packed = new WeakMap<ShardEntry, number>()
const share = new WeakMap<ShardEntry, number>()

/** @returns bytes of the entry before compression, rounded up */
export function plainBytes(entry: ShardEntry): number {
  return remember(plain, entry, () => {
    const texts = versionsOf(entry).reduce((sum, text) => sum + Buffer.byteLength(JSON.stringify(text)), 0)
    const names = 2 * (entry.name.length + entry.namespace.length)
    return texts + Buffer.byteLength(besidesOf(entry)) + names + keyBytes + restBytes(entry) + endedOf(entry)
  })
}

/** @returns bytes of the entry compressed alone. In the file it takes less, beside similar clients */
export function packedBytes(entry: ShardEntry): number {
  return remember(packed, entry, () => {
    // as in the file: escapes make texts longer
    const texts = versionsOf(entry).map((text) => JSON.stringify(text))
    return pack([...texts, besidesOf(entry)].join('\n')) + restBytes(entry) + endedOf(entry)
  })
}

/** @returns bytes charged to its namespace: compressed alone, so independent of other clients; of two versions the larger one */
export function shareBytes(entry: ShardEntry): number {
  return remember(share, entry, () => {
    const texts = Math.max(...versionsOf(entry).map(pack), 0) + pack(besidesOf(entry))
    return Math.max(texts + restBytes(entry), plainBytes(entry) / mostCompression)
  })
}

const pack = (text: string): number => (text === '' ? 0 : deflateRawSync(text).length)

const restBytes = ({ verifiers }: ShardEntry): number => idBytes + verifiers.length * verifierBytes

const endedOf = ({ ended }: ShardEntry): number => Object.keys(ended).length * endedBytes

const versionsOf = ({ desired, accepted }: ShardEntry): readonly string[] =>
  [desired, accepted].flatMap((version) => (version ? [version.config] : []))

const textsOf = ({ suspended, allowedGroups, leastAcr, exclusive }: Restraint) => ({
  suspended,
  allowedGroups,
  leastAcr,
  exclusive,
})

/** What is beside the versions: grants, restraint and the age of ServiceAccounts. */
function besidesOf({ granted, restraint, accountsSince }: ShardEntry): string {
  const apis = granted?.apis.map(({ identifier, scopes }) => ({ identifier, scopes }))
  const documents = granted?.documents.map(({ hosts, scopes }) => ({ hosts, scopes })) ?? []
  const texts = [
    ...(apis ? [apis, ...documents] : []),
    ...(granted?.redirectUris ?? []),
    ...(restraint ? [textsOf(restraint)] : []),
    ...Object.entries(accountsSince).map(([name, at]) => ({ [name]: timestampDate(at) })),
  ]
  return texts.length === 0 ? '' : JSON.stringify(texts)
}

function remember(known: WeakMap<ShardEntry, number>, entry: ShardEntry, measure: () => number): number {
  const before = known.get(entry)
  if (before !== undefined) return before
  const bytes = measure()
  known.set(entry, bytes)
  return bytes
}
