import type { Log } from '@nauthera/runtime/log'
import { createBackoff } from '../time/backoff.ts'
import { pause } from '../time/clock.ts'
import type { Clock } from '../time/clock.ts'
import { ApiError, isGone } from './api-error.ts'
import type { Connection } from './connection.ts'
import { keyOf } from './objects.ts'
import type { KubernetesObject, ListAnswer } from './objects.ts'

export type Change<T> =
  | { readonly kind: 'added'; readonly key: string; readonly object: T }
  | { readonly kind: 'updated'; readonly key: string; readonly object: T; readonly previous: T }
  | { readonly kind: 'deleted'; readonly key: string; readonly previous: T }

/** A copy of one collection that follows it for ever, whatever breaks in between. */
export interface Reflector<T> {
  start(): void
  stop(): Promise<void>
  /** Resolves after the first list. */
  readonly synced: Promise<void>
  readonly objects: ReadonlyMap<string, T>
}

export interface ReflectorTimes {
  readonly relistMs: number
  readonly backoffMs: number
  readonly backoffCapMs: number
}

const reflectorTimes: ReflectorTimes = { relistMs: 600_000, backoffMs: 800, backoffCapMs: 30_000 }

/** Lists in pages, then watches with bookmarks. A reset, a refused call, silence and 410 lead back to the watch or
 *  the list after a jittered wait; the server's Retry-After is obeyed.
 *  @param options.knownKeys what was there before this process, so that the first list is doubted too
 *  @param options.onChange one call for each difference, in order; an object re-created under its name is a deletion
 *    and an addition
 *  @param options.onRelist after each full list has been applied */
export function createReflector<T extends KubernetesObject>(options: {
  connection: Connection
  path: string
  query?: Readonly<Record<string, string>>
  clock: Clock
  random: () => number
  log: Log
  knownKeys?: ReadonlyMap<string, unknown>
  times?: ReflectorTimes
  onChange: (change: Change<T>) => void
  onRelist?: () => void
}): Reflector<T> {
  const { connection, path, clock, random } = options
  const times = options.times ?? reflectorTimes
  const log = options.log.child({ collection: path })
  const objects = new Map<string, T>()
  const stopping = new AbortController()
  const backoff = createBackoff({ baseMs: times.backoffMs, capMs: times.backoffCapMs, random })
  const synced = Promise.withResolvers<void>()
  const quiet = createQuietLog(log, clock)
  let listedOnce = false
  let unpaged = false
  let running: Promise<void> | undefined

  const listPages = async (): Promise<{ items: T[]; resourceVersion: string }> => {
    const items: T[] = []
    for (let next: string | undefined; ;) {
      const query = { ...options.query, limit: unpaged ? undefined : '500', continue: next }
      const page = await connection.call<ListAnswer<T>>({
        method: 'GET',
        path,
        query,
        lane: 'page',
        signal: stopping.signal,
      })
      if (!Array.isArray(page.items) && page.items !== null) {
        throw new ApiError('KUBERNETES_ANSWER_INVALID', { message: `${path}: a list without items` })
      }
      items.push(...(page.items ?? []))
      next = page.metadata?.continue || undefined
      if (next === undefined) {
        const resourceVersion = page.metadata?.resourceVersion
        if (!resourceVersion) {
          throw new ApiError('KUBERNETES_ANSWER_INVALID', { message: `${path}: a list without resourceVersion` })
        }
        return { items, resourceVersion }
      }
    }
  }

  /** A list after which most of what we know would be gone is believed only when a second one says the same. */
  const list = async () => {
    const first = await listPages()
    const known = [...((listedOnce ? objects : options.knownKeys)?.keys() ?? [])]
    const listed = new Set(first.items.map(keyOf))
    const lost = known.filter((key) => !listed.has(key)).length
    if (lost * 2 <= known.length) return first
    log.warn({ known: known.length, lost }, 'list doubted')
    return await listPages()
  }

  const put = (found: T) => {
    const key = keyOf(found)
    // Half of an object's bytes, and of no use to anybody here. Not `delete`: that leaves a hash table behind.
    const { managedFields: _unused, ...metadata } = found.metadata
    const object: T = { ...found, metadata }
    const previous = objects.get(key)
    if (previous && previous.metadata.uid !== object.metadata.uid) drop(key, previous)
    const replaced = objects.get(key)
    objects.set(key, object)
    if (!replaced) options.onChange({ kind: 'added', key, object })
    else if (replaced.metadata.resourceVersion !== object.metadata.resourceVersion) {
      options.onChange({ kind: 'updated', key, object, previous: replaced })
    }
  }
  const drop = (key: string, previous: T) => {
    objects.delete(key)
    options.onChange({ kind: 'deleted', key, previous })
  }

  const relist = async (): Promise<string> => {
    const { items, resourceVersion } = await list()
    const listed = new Set(items.map(keyOf))
    for (const [key, previous] of objects) if (!listed.has(key)) drop(key, previous)
    for (const object of items) put(object)
    listedOnce = true
    synced.resolve()
    options.onRelist?.()
    return resourceVersion
  }

  /** @returns where to go on: a resourceVersion, or undefined to list again */
  const watchFrom = async (from: string, relistAt: number): Promise<string | undefined> => {
    let resourceVersion = from
    const cut = new AbortController()
    const cancel = clock.after(Math.max(0, relistAt - clock.monotonic()), () => cut.abort())
    try {
      const lines = connection.watch({
        path,
        query: {
          ...options.query,
          resourceVersion,
          allowWatchBookmarks: 'true',
          timeoutSeconds: String(300 + Math.floor(random() * 301)),
        },
        signal: AbortSignal.any([stopping.signal, cut.signal]),
        // An API that answers is not a failing one, even when something cuts each watch a moment later.
        onOpen: () => backoff.reset(),
      })
      for await (const line of lines) {
        const event = parseEvent<T>(line, path)
        if (event.type !== 'BOOKMARK') applyEvent(event.type, event.object)
        resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion
      }
    } catch (error) {
      if (stopping.signal.aborted || cut.signal.aborted) return undefined
      if (isGone(error)) {
        log.info({ reason: 'expired' }, 'relist')
        return undefined
      }
      quiet('watch broken', error)
      await pause(clock, waitFor(error, backoff.next()), stopping.signal)
      return resourceVersion
    } finally {
      cancel()
    }
    return resourceVersion
  }

  const applyEvent = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T) => {
    if (type !== 'DELETED') return put(object)
    const previous = objects.get(keyOf(object))
    // A deletion of an earlier object of that name tells nothing about the present one.
    if (previous && previous.metadata.uid === object.metadata.uid) drop(keyOf(object), previous)
  }

  const run = async () => {
    let resourceVersion: string | undefined
    let relistAt = 0
    while (!stopping.signal.aborted) {
      if (resourceVersion === undefined || clock.monotonic() >= relistAt) {
        try {
          resourceVersion = await relist()
          relistAt = clock.monotonic() + times.relistMs
          backoff.reset()
        } catch (error) {
          if (stopping.signal.aborted) return
          resourceVersion = undefined
          // Pages that expire while we turn them are too many for this server: take the collection in one.
          unpaged = isGone(error)
          quiet('list failed', error)
          await pause(clock, waitFor(error, backoff.next()), stopping.signal)
          continue
        }
      }
      const opened = clock.monotonic()
      resourceVersion = await watchFrom(resourceVersion, relistAt)
      // A server that ends each watch at once is not asked again at once.
      if (clock.monotonic() - opened < times.backoffMs) await pause(clock, times.backoffMs, stopping.signal)
    }
  }

  return {
    start: () => {
      running ??= run()
    },
    stop: async () => {
      stopping.abort()
      await running
    },
    synced: synced.promise,
    objects,
  }
}

const waitFor = (error: unknown, backoffMs: number): number =>
  Math.max(backoffMs, error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0)

interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: T
}

function parseEvent<T extends KubernetesObject>(line: unknown, path: string): WatchEvent<T> {
  const event = line as { type?: string; object?: { code?: number; reason?: string; message?: string } & Partial<T> }
  if (event.type === 'ERROR') {
    throw new ApiError('KUBERNETES_REFUSED', {
      message: `watch of ${path}: ${event.object?.code ?? 500} ${event.object?.message ?? ''}`,
      status: event.object?.code ?? 500,
      ...(event.object?.reason ? { reason: event.object.reason } : {}),
    })
  }
  const kinds = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']
  if (!kinds.includes(event.type ?? '') || !event.object?.metadata) {
    throw new ApiError('KUBERNETES_ANSWER_INVALID', { message: `watch of ${path}: an event without type or object` })
  }
  return event as unknown as WatchEvent<T>
}

/** One line in ten seconds for a part that fails again and again. */
function createQuietLog(log: Log, clock: Clock): (message: string, error: unknown) => void {
  let last = -Infinity
  return (message, error) => {
    if (clock.monotonic() - last < 10_000) return
    last = clock.monotonic()
    log.warn({ error }, message)
  }
}
