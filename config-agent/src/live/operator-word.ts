/** Which manifest the operators expect a server to hold. Times are milliseconds of the monotonic clock. */
export interface OperatorWord {
  /** Digest of the manifest that a connected operator expects; undefined when none does. */
  readonly expected: string | undefined
  /** When an operator last reported its expectation; at first, the start of the agent. */
  readonly lastWordAt: number
}

/** Holds what the connected operators expect. */
export interface OperatorWords {
  current(): OperatorWord
  readonly connected: number
  /** Opens the record of one stream. An empty digest is no expectation: that operator has written no manifest yet. */
  open(): { says(expectedManifestDigest: string): void; gone(): void }
  onChange(listener: () => void): void
}

/** @param now the monotonic clock, milliseconds */
export function createOperatorWords(now: () => number): OperatorWords {
  // The latest report comes last: after a change of leader it counts.
  const words = new Map<symbol, string>()
  const open = new Set<symbol>()
  const listeners: (() => void)[] = []
  let lastWordAt = now()
  const changed = (): void => listeners.forEach((listener) => listener())
  return {
    get connected() {
      return open.size
    },
    current: () => ({ expected: [...words.values()].at(-1), lastWordAt }),
    open: () => {
      const stream = Symbol('operator')
      open.add(stream)
      return {
        says: (expected) => {
          if (words.delete(stream) || expected !== '') lastWordAt = now()
          if (expected !== '') words.set(stream, expected)
          changed()
        },
        gone: () => {
          open.delete(stream)
          if (words.delete(stream)) lastWordAt = now()
          changed()
        },
      }
    },
    onChange: (listener) => void listeners.push(listener),
  }
}
