/** What operators said on the streams that are open, or were. Times are of the monotonic clock, milliseconds. */
export interface OperatorWord {
  /** Digest of the manifest that an operator which is connected expects; undefined when none says. */
  readonly expected: string | undefined
  /** The last moment at which an operator had said what it expects, or the start of the agent. */
  readonly lastWordAt: number
}

/** Remembers what the operators that are connected expect. */
export interface OperatorWords {
  current(): OperatorWord
  readonly connected: number
  /** One for each stream. An empty digest is no expectation: that operator has rendered nothing yet. */
  open(): { says(expectedManifestDigest: string): void; gone(): void }
  onChange(listener: () => void): void
}

/** @param now the monotonic clock, milliseconds */
export function createOperatorWords(now: () => number): OperatorWords {
  // In the order of what was said last: after a change of leader the newer word counts.
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
