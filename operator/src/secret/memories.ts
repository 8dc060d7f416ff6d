import type { OIDCClient } from '../api/oidc-client.ts'
import { uidOfVersion } from '../kubernetes/conditional-write.ts'
import type { EndedClients, Memory } from './look.ts'
import type { SeenSecret } from './read-source.ts'

/** The memory of all clients. */
export interface Memories {
  /** The memory of a client, for its next look. After an edit its Secret is read again: people edit a client to get a lost Secret back. */
  of(key: string, client: Pick<OIDCClient, 'metadata'>): Memory
  /** Whether the client that was last looked at under this name is gone. @param found what there is now of that name */
  isGone(key: string, found: Pick<OIDCClient, 'metadata'> | undefined): boolean
  /** The next look reads the Secret of this client again. */
  clearRead(key: string): void
  /** The next look reads the Secret if it was only assumed to be absent. @returns whether it was */
  clearAssumed(key: string): boolean
  /** The last seen versions of a client's Secrets; none when they will be read anyway. */
  versionsOf(key: string): readonly SeenSecret[]
  /** @param time epoch milliseconds
   *  @returns how many secrets ended before it, and may still be accepted by a server */
  countEndingSince(time: number): number
  remove(key: string): void
}

const nobody: EndedClients = { uids: [], secretUid: undefined }
/** The most names of which deleted clients are remembered, and the most of them by name: without, less is written again by itself. */
const mostEndedNames = 10_000
const mostEnded = 8

export function createMemories(): Memories {
  const memories = new Map<string, Memory>()
  const ended = new Map<string, EndedClients>()
  /** The client of this memory was deleted. */
  const recordEnd = (key: string, { uid, restoredFrom, seen, before }: Memory): void => {
    const uids = [...new Set([uid, restoredFrom, ...before.uids])].filter((one) => one !== undefined)
    ended.delete(key)
    ended.set(key, { uids: uids.slice(0, mostEnded), secretUid: uidOfVersion(seen.own?.version) ?? before.secretUid })
    for (const [oldest] of ended) {
      if (ended.size <= mostEndedNames) break
      ended.delete(oldest)
    }
  }
  return {
    of: (key, { metadata: { uid, generation } }) => {
      const known = memories.get(key)
      // A client that was created again inherits nothing.
      if (known?.uid !== uid) {
        if (known) recordEnd(key, known)
        const fresh: Memory = {
          uid,
          generation,
          read: undefined,
          restoredFrom: undefined,
          before: ended.get(key) ?? nobody,
          seen: {},
          names: new Set(),
          lostSince: undefined,
          endingSince: new Map(),
          pending: undefined,
        }
        memories.set(key, fresh)
        return fresh
      }
      if (known.generation !== generation) known.read = undefined
      known.generation = generation
      return known
    },
    isGone: (key, found) => !found || (memories.get(key)?.uid ?? found.metadata.uid) !== found.metadata.uid,
    clearRead: (key) => {
      const memory = memories.get(key)
      if (memory) memory.read = undefined
    },
    clearAssumed: (key) => {
      const memory = memories.get(key)
      if (!memory?.read?.isAssumed) return false
      memory.read = undefined
      return true
    },
    versionsOf: (key) => {
      const memory = memories.get(key)
      const { own, source } = memory?.read ? memory.seen : {}
      return [own, source].filter((one) => one !== undefined)
    },
    countEndingSince: (time) =>
      [...memories.values()].flatMap(({ endingSince }) => [...endingSince.values()]).filter((since) => since < time)
        .length,
    remove: (key) => {
      const known = memories.get(key)
      if (known) recordEnd(key, known)
      memories.delete(key)
    },
  }
}
