// Decides which application gets its logout token next, so that failing ones of one namespace do not delay others. Each replica decides
// for itself.
import { addNewest } from '@nauthera/runtime/add-newest'

/** The application of a logout token. */
interface Told {
  readonly uid: string
  readonly namespace: string
}

/** `unknown`: the fault was ours. */
type End = 'answered' | 'failed' | 'unknown'

export type Turn =
  /** The caller must call `end` after the try. */
  | { readonly kind: 'now'; readonly end: (how: End) => void }
  | { readonly kind: 'put-off'; readonly reason: string; readonly delayMs: number }

export interface LogoutTurns {
  next(client: Told): Turn
}

/** Milliseconds: the pause after a failure, doubled at each failure in a row. */
const pause = { first: 10_000, longest: 600_000 }
/** Milliseconds: the wait for a turn. Waits are spread, so that many waiting logouts cause few tries. */
const queue = { first: 250, step: 25, longest: 30_000 }

/** @param failures in a row, at least 1
 *  @returns milliseconds from the beginning of the last try
 *  @internal read by a test alone */
export const pauseAfter = (failures: number): number => Math.min(pause.first * 2 ** (failures - 1), pause.longest)

interface Failed {
  readonly failures: number
  readonly until: number
  /** Whether a try runs that finds out whether it answers again. */
  readonly isTried: boolean
}

/** @param needs.share the most concurrent tries of one namespace
 *  @param needs.now milliseconds, monotonic */
export function createLogoutTurns(needs: { share: number; now: () => number }): LogoutTurns {
  const failed = new Map<string, Failed>()
  const underWay = new Map<string, number>()
  const wait = createQueues(needs.now)

  function end({ uid, namespace }: Told, begun: { at: number; failures: number }, how: End): void {
    addTo(underWay, namespace, -1)
    const before = failed.get(uid)
    if (how === 'answered') failed.delete(uid)
    else if (how === 'failed') {
      // concurrent failures count once
      const failures = begun.failures + 1
      addNewest(failed, uid, { failures, until: begun.at + pauseAfter(failures), isTried: false }, mostRemembered)
    } else if (before) failed.set(uid, { ...before, isTried: false })
  }

  return {
    next(client) {
      const { uid, namespace } = client
      const at = needs.now()
      const before = failed.get(uid)
      if (before && before.until > at)
        return { kind: 'put-off', reason: 'the application failed a moment ago', delayMs: before.until - at }
      if (before?.isTried === true)
        return { kind: 'put-off', reason: 'the application is being tried', delayMs: wait(namespace) }
      if ((underWay.get(namespace) ?? 0) >= needs.share)
        return { kind: 'put-off', reason: 'others of its namespace are being told', delayMs: wait(namespace) }
      addTo(underWay, namespace, 1)
      if (before) failed.set(uid, { ...before, isTried: true })
      const begun = { at, failures: before?.failures ?? 0 }
      return { kind: 'now', end: (how) => end(client, begun, how) }
    },
  }
}

/** @returns how long the next one of a namespace waits, in milliseconds */
function createQueues(now: () => number): (namespace: string) => number {
  const last = new Map<string, number>()
  return (namespace) => {
    const earliest = now() + queue.first
    const next = Math.min(Math.max(earliest, (last.get(namespace) ?? -Infinity) + queue.step), now() + queue.longest)
    addNewest(last, namespace, next, mostRemembered)
    return next - now()
  }
}

/** The most entries: removed applications leave theirs behind. */
const mostRemembered = 10_000

function addTo(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
