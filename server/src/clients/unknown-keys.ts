// Reports tokens of this cluster with an unknown key to the operator, which then reads the keys.

/** Least time between two reports, milliseconds: anybody can send such tokens. */
const tellEvery = 1_000

export interface UnknownKeys {
  record(): void
  /** @param tell called at most once in a second
   *  @returns how to stop it */
  onMet(tell: () => void): () => void
}

export function createUnknownKeys(monotonic: () => number = () => performance.now()): UnknownKeys {
  const listeners = new Set<() => void>()
  let toldAt = -Infinity
  return {
    record: () => {
      if (monotonic() - toldAt < tellEvery) return
      toldAt = monotonic()
      for (const tell of listeners) tell()
    },
    onMet: (tell) => {
      listeners.add(tell)
      return () => void listeners.delete(tell)
    },
  }
}
