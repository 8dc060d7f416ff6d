// Derives the state of each key from stored times, so that all replicas agree without messages.
import { cachesHold } from '../../jwks-age.ts'

/** When a key becomes active. Each algorithm has a line of signing keys; cookie keys have one line. */
export interface KeyTimes {
  readonly id: string
  /** In a line each new key replaces the one before. */
  readonly line: string
  /** Epoch milliseconds. */
  readonly createdAt: number
  /** Of a key from a file: it signs no earlier. */
  readonly activeAt: number
  /** Of a key whose algorithm somebody took out of the settings: it is published until then. */
  readonly removeAt?: number
  /** Of a key whose private part is in a mounted file. */
  readonly file?: FilePlace
  /** Of a key whose row does not open. It is left as it is, and no new key waits for it. `held`: this process opened the row before. */
  readonly unreadable?: 'held' | 'lost'
}

export interface FilePlace {
  /** Smaller comes first. Undefined where this process does not have the private part. */
  readonly place: number | undefined
  /** Epoch milliseconds. It is published at least until then; whoever has the file moves it on. */
  readonly until: number
}

export const cookieLine = 'cookie'
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
  /** Whether the settings of this process have the algorithm of a line no more. Default: they have each. */
  readonly isLeftOut?: (line: string) => boolean
}

/** @param keys of every line
 *  @param now by the clock of the database, as in all of this file: replicas that each took their own would undo one another's work
 *  @returns the state of each key by id. In a line the newest key whose `activeAt` has passed is active; the key before
 *  it still verifies for `retireFor`. Of keys in a file the first whose `activeAt` has passed is active, and comes before all others.
 *  A key that does not open makes nothing where another one can. */
export function keyStates(keys: readonly KeyTimes[], now: number, policy: KeyPolicy): ReadonlyMap<string, KeyState> {
  const states = new Map<string, KeyState>()
  for (const line of linesOf(keys).values()) {
    const active = activeOf(line, now, policy)
    for (const [index, key] of line.entries()) {
      if (key === active) states.set(key.id, 'active')
      else if (key.file) states.set(key.id, stateInFile(key, key.file, active, now))
      else if (policy.isLeftOut?.(key.line))
        states.set(key.id, (key.removeAt ?? Infinity) > now ? 'retiring' : 'removed')
      else if (key.activeAt > now) states.set(key.id, 'next')
      else {
        const later = line.slice(index + 1)
        const successor = key.unreadable ? later[0] : later.find(({ unreadable }) => !unreadable)
        const end = (successor?.activeAt ?? now) + policy.retireFor(key.line)
        states.set(key.id, end > now ? 'retiring' : 'removed')
      }
    }
  }
  return states
}

function activeOf(all: readonly KeyTimes[], now: number, policy: KeyPolicy): KeyTimes | undefined {
  const line = all.filter((key) => key.file !== undefined || policy.isLeftOut?.(key.line) !== true)
  const inFile = line
    .filter(({ file }) => file?.place !== undefined)
    .toSorted((one, other) => one.file!.place! - other.file!.place!)
  const stored = line.filter(({ file, unreadable }) => file === undefined && unreadable !== 'lost')
  const begun = stored.filter(({ activeAt }) => activeAt <= now)
  // one that is in memory alone goes on until caches have the one that follows it
  const inUse = begun.findLast(({ unreadable }) => unreadable === undefined) ?? begun.at(-1)
  // where all keys are too new, one of them signs: there is nothing else
  return inFile.find((key) => key.activeAt <= now) ?? inUse ?? inFile[0] ?? stored[0]
}

function stateInFile(key: KeyTimes, { place, until }: FilePlace, active: KeyTimes | undefined, now: number): KeyState {
  if (place === undefined) return until <= now ? 'removed' : key.activeAt > now ? 'next' : 'retiring'
  const activePlace = active?.file?.place ?? Infinity
  return key.activeAt > now || place < activePlace ? 'next' : 'retiring'
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
  /** Keys of algorithms that some replica does not have in its settings, and until when each is to be published. */
  readonly leave: readonly { readonly id: string; readonly activeAt: number; readonly until: number }[]
  /** Epoch milliseconds: the next instant at which something changes by itself. */
  readonly wakeAt: number
  /** Epoch milliseconds: `wakeAt`, or when the first key that is to be created now was due. */
  readonly dueAt: number
}

/** What is to be done now. A line without keys of our own gets one that is active at once: nothing else can sign.
 *  @param lines those that get new keys
 *  @param forced lines whose next key is wanted now, whatever the age (`nauthera keys rotate`) */
export function planKeys(
  keys: readonly KeyTimes[],
  lines: readonly string[],
  now: number,
  policy: KeyPolicy,
  forced: ReadonlySet<string> = new Set(),
): KeyPlan {
  const states = keyStates(keys, now, policy)
  const moments: number[] = [now + policy.rotateEvery]
  const create = lines.flatMap((line) => {
    const ofLine = (linesOf(keys).get(line) ?? []).filter(({ file }) => file === undefined)
    const next = nextOf(ofLine, now, policy)
    if (next === undefined) return []
    moments.push(next.due)
    return next.due <= now || forced.has(line) ? [{ line, activeAt: next.activeAt }] : []
  })
  for (const key of keys) if (key.activeAt > now) moments.push(key.activeAt)
  const remove = keys.filter((key) => !key.unreadable && states.get(key.id) === 'removed').map((key) => key.id)
  const wakeAt = Math.min(...moments.filter((at) => at > now))
  return { create, remove, leave: leavingOf(keys, now, policy), wakeAt, dueAt: Math.min(...moments) }
}

/** The key that a line gets next.
 *  @param ofLine in the order of their times
 *  @returns when it is to be made, and when it becomes active; undefined where one waits already, or none is ever made again */
function nextOf(
  ofLine: readonly KeyTimes[],
  now: number,
  { publishBefore, rotateEvery }: KeyPolicy,
): { due: number; activeAt: number } | undefined {
  const [first] = ofLine
  if (first === undefined) return { due: now, activeAt: now }
  // another one would make other subjects
  if (first.line === pairwiseLine) return undefined
  const readable = ofLine.filter(({ unreadable }) => !unreadable)
  // a key that a clock made too far ahead is none to wait for
  const newest = readable.findLast(({ activeAt }) => activeAt <= now + publishBefore + aheadMost)
  if (newest !== undefined) {
    if (newest.activeAt > now) return undefined
    return { due: newest.activeAt + rotateEvery - publishBefore, activeAt: now + publishBefore }
  }
  const due = Math.min(now, first.createdAt)
  if (readable.length > 0) return { due, activeAt: now + publishBefore }
  // nobody caches keys for cookies; those that have the lost signing key in memory use it until caches have this one
  return { due, activeAt: first.line === cookieLine ? now : now + Math.min(publishBefore, cachesHold) }
}

/** Whoever has not the algorithm of a key writes down when the key goes, once; whoever still signs with it moves that on. */
function leavingOf(keys: readonly KeyTimes[], now: number, policy: KeyPolicy): KeyPlan['leave'] {
  return keys.flatMap(({ id, line, activeAt, removeAt, file, unreadable }) => {
    const lastEnds = now + policy.retireFor(line)
    const isTold = policy.isLeftOut?.(line) ? removeAt !== undefined : removeAt === undefined || removeAt >= lastEnds
    return file !== undefined || unreadable !== undefined || isTold
      ? []
      : [{ id, activeAt, until: lastEnds + keepEvery }]
  })
}

export interface FilePlan {
  /** Keys of the file that nobody knows yet, with the instant from which on each may sign. */
  readonly add: readonly { readonly id: string; readonly activeAt: number }[]
  /** Keys of the file, and until when each is to be published. */
  readonly keep: readonly { readonly id: string; readonly activeAt: number; readonly until: number }[]
}

/** Milliseconds. A key that becomes active later than the next one is made with, and by more than this, was made by a clock that was ahead. */
const aheadMost = 60_000

/** Milliseconds. That a file still has a key, or that a key still signs, is written down again after this time. */
const keepEvery = 3_600_000

/** What is to be written down of the keys in a file. A key that joins others in its line is published before it signs.
 *  @param known every key that is stored, those of files included */
export function planFile(
  listed: readonly { readonly id: string; readonly line: string }[],
  known: readonly KeyTimes[],
  now: number,
  policy: KeyPolicy,
): FilePlan {
  const byId = new Map(known.map((key) => [key.id, key]))
  const startOf = (line: string) => (known.some((key) => key.line === line) ? now + policy.publishBefore : now)
  return {
    add: listed.filter(({ id }) => !byId.has(id)).map(({ id, line }) => ({ id, activeAt: startOf(line) })),
    keep: listed.flatMap(({ id, line }) => {
      const key = byId.get(id)
      const until = now + policy.retireFor(line)
      if (key?.file === undefined || key.file.until > until - keepEvery) return []
      return [{ id, activeAt: key.activeAt, until }]
    }),
  }
}

function linesOf<Key extends KeyTimes>(keys: readonly Key[]): ReadonlyMap<string, readonly Key[]> {
  const sorted = keys.toSorted((one, other) => one.activeAt - other.activeAt || (one.id < other.id ? -1 : 1))
  return Map.groupBy(sorted, (key) => key.line)
}
