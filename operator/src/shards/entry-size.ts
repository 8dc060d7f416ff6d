// What one client takes of its shard. Known by the entry itself, so that only what changed is measured.
import { deflateRawSync } from 'node:zlib'
import type { Restraint, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'

/** Ids and hashes, which do not compress: of the object, and of each verifier. Bytes. */
const idBytes = 160
const verifierBytes = 140
/** Of a secret that has ended. Its namespace is not charged for it: these follow from rotations. */
const endedBytes = 20

/** Keys of the JSON. Bytes. */
const keyBytes = 200

/** A file that is read takes memory by its plain bytes. So a text that compresses by more than this counts as if it did not. */
const mostCompression = 16

const plain = new WeakMap<ShardEntry, number>()
const packed = new WeakMap<ShardEntry, number>()
const share = new WeakMap<ShardEntry, number>()

/** @returns bytes that the entry takes in the file before it is compressed, or a few more */
export function plainBytes(entry: ShardEntry): number {
  return remember(plain, entry, () => {
    const texts = versionsOf(entry).reduce((sum, text) => sum + Buffer.byteLength(JSON.stringify(text)), 0)
    const names = 2 * (entry.name.length + entry.namespace.length)
    return texts + Buffer.byteLength(besidesOf(entry)) + names + keyBytes + restBytes(entry) + endedOf(entry)
  })
}

/** @returns bytes that the entry takes compressed on its own. In the file it takes less, beside clients that are like it */
export function packedBytes(entry: ShardEntry): number {
  return remember(packed, entry, () => {
    // as the line has them: a text of quotation marks grows there
    const texts = versionsOf(entry).map((text) => JSON.stringify(text))
    return pack([...texts, besidesOf(entry)].join('\n')) + restBytes(entry) + endedOf(entry)
  })
}

/** @returns bytes that are charged to its namespace: compressed on its own, so that they depend on nobody else; of two versions the
 *    larger one, so that what fits can also be edited */
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

/** What stands beside the versions: grants, and what stops or narrows the client. */
function besidesOf({ granted, restraint }: ShardEntry): string {
  const apis = granted?.apis.map(({ identifier, scopes }) => ({ identifier, scopes }))
  const documents = granted?.documents.map(({ hosts, scopes }) => ({ hosts, scopes })) ?? []
  const texts = [...(apis ? [apis, ...documents] : []), ...(restraint ? [textsOf(restraint)] : [])]
  return texts.length === 0 ? '' : JSON.stringify(texts)
}

function remember(known: WeakMap<ShardEntry, number>, entry: ShardEntry, measure: () => number): number {
  const before = known.get(entry)
  if (before !== undefined) return before
  const bytes = measure()
  known.set(entry, bytes)
  return bytes
}
