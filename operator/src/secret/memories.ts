import type { OIDCClient } from '../api/oidc-client.ts'
import type { Memory } from './look.ts'

/** What is remembered of all clients. */
export interface Memories {
  /** Of one client, which is about to be looked at. After an edit its Secret is read again: people edit a client to get a lost Secret
   *  back. */
  of(key: string, client: Pick<OIDCClient, 'metadata'>): Memory
  /** Reads the Secrets of these clients again at the next look. */
  doubt(keys: Iterable<string>): void
  forget(key: string): void
}

export function createMemories(): Memories {
  const memories = new Map<string, Memory>()
  return {
    of: (key, { metadata: { uid, generation } }) => {
      const known = memories.get(key)
      // A client that was created anew inherits nothing.
      if (known?.uid !== uid) {
        const fresh: Memory = { uid, generation, read: undefined, names: new Set(), lostSince: undefined, pending: undefined }
        memories.set(key, fresh)
        return fresh
      }
      if (known.generation !== generation) known.read = undefined
      known.generation = generation
      return known
    },
    doubt: (keys) => {
      for (const key of keys) {
        const memory = memories.get(key)
        if (memory) memory.read = undefined
      }
    },
    forget: (key) => void memories.delete(key),
  }
}
