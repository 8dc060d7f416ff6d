import type { OIDCClient } from '../api/oidc-client.ts'
import type { Memory, SeenSecret } from './look.ts'

/** What is remembered of all clients. */
export interface Memories {
  /** Of one client, which is about to be looked at. After an edit its Secret is read again: people edit a client to get a lost Secret
   *  back. */
  of(key: string, client: Pick<OIDCClient, 'metadata'>): Memory
  /** Of the client that was looked at last under this name. */
  uid(key: string): string | undefined
  /** Reads the Secret of this client again at the next look. */
  clearRead(key: string): void
  /** Reads it when it was only assumed that there is none. @returns whether it was */
  clearAssumed(key: string): boolean
  /** The Secrets of a client as they were last seen; none of a client that is to be read again in any case. */
  seen(key: string): readonly SeenSecret[]
  remove(key: string): void
}

export function createMemories(): Memories {
  const memories = new Map<string, Memory>()
  return {
    of: (key, { metadata: { uid, generation } }) => {
      const known = memories.get(key)
      // A client that was created anew inherits nothing.
      if (known?.uid !== uid) {
        const fresh: Memory = {
          uid,
          generation,
          read: undefined,
          restoredFrom: undefined,
          seen: {},
          names: new Set(),
          lostSince: undefined,
          pending: undefined,
        }
        memories.set(key, fresh)
        return fresh
      }
      if (known.generation !== generation) known.read = undefined
      known.generation = generation
      return known
    },
    uid: (key) => memories.get(key)?.uid,
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
    seen: (key) => {
      const memory = memories.get(key)
      const { own, source } = memory?.read ? memory.seen : {}
      return [own, source].filter((one) => one !== undefined)
    },
    remove: (key) => void memories.delete(key),
  }
}
