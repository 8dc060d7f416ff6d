// What a key may do at an instant. It follows from stored times alone, so all replicas agree without messages.

/** When a key becomes active. Each algorithm has a line of signing keys; cookie keys have one line. */
export interface KeyTimes {
  readonly id: string
  /** In a line each new key replaces the one before. */
  readonly line: string
  /** Epoch milliseconds. */
  readonly createdAt: number
  readonly activeAt: number
}

/** The line of the one key that is never replaced: pairwise subjects are made with it, and must stay what they are. */
export const pairwiseLine = 'pairwise'

export type KeyState = 'next' | 'active' | 'retiring' | 'removed'

/** Milliseconds. */
export interface KeyPolicy {
  /** How long a new key is published before it becomes active. */
  readonly publishBefore: number
  readonly rotateEvery: number
  /** How long a replaced key still verifies: the longest lifetime of what it signed, plus clock skew. */
  readonly retireFor: (line: string) => number
}

/** @param keys of every line
 *  @returns the state of each key by id. In a line the newest key whose `activeAt` has passed is active; the key before
 *  it still verifies for `retireFor`. */
export function keyStates(keys: readonly KeyTimes[], now: number, policy: KeyPolicy): ReadonlyMap<string, KeyState> {
  const states = new Map<string, KeyState>()
  for (const line of linesOf(keys).values()) {
    for (const [index, key] of line.entries()) {
      const successor = line[index + 1]
      if (key.activeAt > now) states.set(key.id, 'next')
      else if (successor === undefined || successor.activeAt > now) states.set(key.id, 'active')
      else states.set(key.id, successor.activeAt + policy.retireFor(key.line) > now ? 'retiring' : 'removed')
    }
  }
  return states
}

/** @returns the key of a line that was active at an instant; undefined before the first */
export function activeKeyAt<Key extends KeyTimes>(keys: readonly Key[], line: string, at: number): Key | undefined {
  return linesOf(keys)
    .get(line)
    ?.findLast((key) => key.activeAt <= at)
}

export interface KeyPlan {
  /** Lines that need a key, with the instant at which it becomes active. */
  readonly create: readonly { readonly line: string; readonly activeAt: number }[]
  readonly remove: readonly string[]
  /** Epoch milliseconds: the next instant at which something changes by itself. */
  readonly wakeAt: number
}

/** What is to be done now. A line without keys gets one that is active at once: nothing can have been signed before.
 *  @param forced lines whose next key is wanted now, whatever the age (`nauthera keys rotate`) */
export function planKeys(
  keys: readonly KeyTimes[],
  lines: readonly string[],
  now: number,
  policy: KeyPolicy,
  forced: ReadonlySet<string> = new Set(),
): KeyPlan {
  const states = keyStates(keys, now, policy)
  const create: { line: string; activeAt: number }[] = []
  const wakes: number[] = [now + policy.rotateEvery]
  for (const line of lines) {
    const ofLine = linesOf(keys).get(line) ?? []
    const newest = ofLine.at(-1)
    if (newest === undefined) create.push({ line, activeAt: now })
    else if (newest.activeAt <= now && line !== pairwiseLine) {
      const due = newest.activeAt + policy.rotateEvery - policy.publishBefore
      if (due <= now || forced.has(line)) create.push({ line, activeAt: now + policy.publishBefore })
      else wakes.push(due)
    }
  }
  for (const key of keys) if (key.activeAt > now) wakes.push(key.activeAt)
  const remove = keys.filter((key) => states.get(key.id) === 'removed').map((key) => key.id)
  return { create, remove, wakeAt: Math.min(...wakes) }
}

function linesOf<Key extends KeyTimes>(keys: readonly Key[]): ReadonlyMap<string, readonly Key[]> {
  const sorted = keys.toSorted((one, other) => one.activeAt - other.activeAt || (one.id < other.id ? -1 : 1))
  return Map.groupBy(sorted, (key) => key.line)
}
