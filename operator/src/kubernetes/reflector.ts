import type { Log } from '@nauthera/runtime/log'
import { createBackoff } from '../time/backoff.ts'
import { pause } from '../time/clock.ts'
import type { Clock } from '../time/clock.ts'
import { askedWaitMs, isGone, isNotServed } from './api-error.ts'
import { changesOfEvent, changesOfList, listAll, lostMost, parseEvent } from './collection.ts'
import type { CollectionChange, CollectionEvent, Keep, Listed } from './collection.ts'
import type { KubeConnection } from './connection.ts'
import { NamespaceRoom } from './namespace-room.ts'
import type { Room } from './namespace-room.ts'
import type { KubernetesObject } from './objects.ts'

/** A copy of one collection, kept up to date across errors. */
export interface Reflector<T> {
  start(): void
  stop(): Promise<void>
  /** Resolves after the first list. */
  readonly synced: Promise<void>
  readonly objects: ReadonlyMap<string, T>
  /** Whether the copy lacks objects of the namespace, for which it has no room. */
  isCut(namespace: string): boolean
}

export interface ReflectorTimes {
  readonly relistMs: number
  readonly backoffMs: number
  readonly backoffCapMs: number
}

const tellEveryMs = 10_000
/** The same for a kind that the API server does not serve, which may be for good. */
const tellAbsentEveryMs = 600_000

const reflectorTimes: ReflectorTimes = { relistMs: 600_000, backoffMs: 800, backoffCapMs: 30_000 }

export interface ReflectorOptions<T> {
  readonly connection: Pick<KubeConnection, 'call' | 'watch'>
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  /** What existed before this process started: also the first list is checked against it. */
  readonly knownKeys?: ReadonlyMap<string, unknown>
  readonly times?: ReflectorTimes
  /** After each broken watch a full list: the server may have been restored to an older state. */
  readonly listsAfterBreak?: boolean
  readonly keep?: Keep<T>
  /** What the copy has of each object, and of one namespace at most; default: everything. Each full list begins with a new one, and
   *  brings what has room again. */
  readonly room?: () => Room<T>
  /** One call for each difference, in order; an object re-created under its name is a deletion and an addition. */
  readonly onChange: (change: CollectionChange<T>) => void
  /** After each full list has been applied. */
  readonly onRelist?: () => void
  /** After a list that failed; another one follows. */
  readonly onListFailed?: (error: unknown) => void
}

/** From when a full list is wanted, such as for objects that have room again, until it is made. Milliseconds. */
const wantedMs = 30_000

/** The position between two calls. */
type Position = ListPosition | WatchPosition
interface ListPosition {
  readonly kind: 'list'
  /** A page token expired during the list, so everything is read in one answer. */
  readonly unpaged: boolean
}
interface WatchPosition extends Omit<ListPosition, 'kind'> {
  readonly kind: 'watch'
  /** The resourceVersion to go on from. */
  readonly from: string
  /** When a full list is due, monotonic milliseconds. */
  readonly relistAt: number
}

/** Lists in pages, then watches with bookmarks. After a reset, a refusal, silence or 410 it watches or lists again, after a wait with
 *  jitter. It obeys Retry-After. */
export function createReflector<T extends KubernetesObject>(options: ReflectorOptions<T>): Reflector<T> {
  const { clock } = options
  const times = options.times ?? reflectorTimes
  const copy = createCopy(options)
  const stopping = new AbortController()
  const { signal } = stopping
  const synced = Promise.withResolvers<void>()
  const trouble = createTrouble(options, times, signal)
  let running: Promise<void> | undefined

  const takeList = async (position: ListPosition): Promise<Position> => {
    const { unpaged } = position
    try {
      const { items, resourceVersion, room } = await listSurely(options, copy.expected(), { unpaged, signal })
      copy.replace(items, room)
      synced.resolve()
      options.onRelist?.()
      trouble.over()
      return { kind: 'watch', from: resourceVersion, relistAt: clock.monotonic() + times.relistMs, unpaged }
    } catch (error) {
      if (signal.aborted) return position
      options.onListFailed?.(error)
      await trouble.wait('list failed', error)
      return { kind: 'list', unpaged: isGone(error) }
    }
  }

  const takeWatch = async (position: WatchPosition): Promise<Position> => {
    const due = createDue(clock, position.relistAt)
    let { from } = position
    try {
      // An API that answers does not count as failing, even when each watch breaks soon.
      const call = { ...watchCall(options, from), signal: AbortSignal.any([signal, due.signal]), onOpen: trouble.over }
      for await (const line of options.connection.watch(call)) {
        const event = parseEvent<T>(line, options.path)
        copy.apply(event)
        from = event.object.metadata.resourceVersion ?? from
        if (copy.wantsList()) due.hasten()
      }
    } catch (error) {
      if (signal.aborted || due.signal.aborted) return { kind: 'list', unpaged: position.unpaged }
      if (isGone(error) || isNotServed(error)) {
        trouble.log.info({ reason: isGone(error) ? 'expired' : 'not served' }, 'relist')
        return { kind: 'list', unpaged: position.unpaged }
      }
      await trouble.wait('watch broken', error)
      if (options.listsAfterBreak) return { kind: 'list', unpaged: position.unpaged }
    } finally {
      due.cancel()
    }
    return { ...position, from }
  }

  const run = async () => {
    let position: Position = { kind: 'list', unpaged: false }
    while (!signal.aborted) {
      if (position.kind === 'list') position = await takeList(position)
      else if (clock.monotonic() >= position.relistAt) position = { kind: 'list', unpaged: position.unpaged }
      else {
        const openedAt = clock.monotonic()
        position = await takeWatch(position)
        // When the server ends each watch at once, wait before the next.
        if (clock.monotonic() - openedAt < times.backoffMs) await pause(clock, times.backoffMs, signal)
      }
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
    objects: copy.objects,
    isCut: copy.isCut,
  }
}

const watchCall = (
  { path, query, random }: Omit<ReflectorOptions<never>, 'keep' | 'room'>,
  resourceVersion: string,
) => ({
  path,
  query: {
    ...query,
    resourceVersion,
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(300 + Math.floor(random() * 301)),
  },
})

/** A list that lacks most known objects counts only when a second list confirms it. */
async function listSurely<T extends KubernetesObject>(
  { connection, path, query = {}, log, room: of }: ReflectorOptions<T>,
  known: ReadonlyMap<string, unknown>,
  how: { unpaged: boolean; signal: AbortSignal },
): Promise<Listed<T> & { readonly room: NamespaceRoom<T> | undefined }> {
  const list = async () => {
    const room = of && new NamespaceRoom(of())
    return { ...(await listAll<T>(connection, { path, query, ...how, room })), room }
  }
  const first = await list()
  const lost = lostMost(known.keys(), first.items)
  if (lost === undefined) return first
  log.warn({ collection: path, known: known.size, lost }, 'list lacks most objects, reading it again')
  return await list()
}

/** @returns `signal`: the next full list is due; `hasten`: it is due soon
 *  @param at by the steady clock */
function createDue(clock: Clock, at: number) {
  const due = new AbortController()
  const cancel = clock.after(Math.max(0, at - clock.monotonic()), () => due.abort())
  let cancelSoon: (() => void) | undefined
  return {
    signal: due.signal,
    hasten() {
      cancelSoon ??= clock.after(wantedMs, () => due.abort())
    },
    cancel() {
      cancel()
      cancelSoon?.()
    },
  }
}

/** The copy. `onChange` is called after each difference is applied. */
function createCopy<T extends KubernetesObject>({ path, knownKeys, onChange, keep, log }: ReflectorOptions<T>) {
  const objects = new Map<string, T>()
  let isListed = false
  let room: NamespaceRoom<T> | undefined
  const remove = (key: string) => {
    const previous = objects.get(key)
    room?.remove(key)
    if (objects.delete(key) && previous) onChange({ kind: 'deleted', key, previous })
  }
  const put = (change: Exclude<CollectionChange<T>, { kind: 'deleted' }>) => {
    objects.set(change.key, change.object)
    onChange(change)
  }
  /** Of another object, which has no room any more. */
  const trim = (key: string) => {
    const previous = objects.get(key)
    const object = previous && room?.trim(previous)
    if (!object) remove(key)
    else if (object !== previous) put({ kind: 'updated', key, object, previous })
  }
  const take = (changes: readonly CollectionChange<T>[]) => {
    for (const change of changes) {
      if (change.kind === 'deleted') {
        remove(change.key)
        continue
      }
      const out = room?.place(change.object) ?? []
      for (const key of out) if (key !== change.key) trim(key)
      const object = out.includes(change.key) ? room?.trim(change.object) : change.object
      if (object) put({ ...change, object })
      else remove(change.key)
    }
  }
  return {
    objects,
    /** The objects that a list is checked against. */
    expected: (): ReadonlyMap<string, unknown> => (isListed ? objects : (knownKeys ?? objects)),
    replace: (items: readonly T[], listed: NamespaceRoom<T> | undefined) => {
      room = listed
      take(changesOfList(objects, items, keep))
      isListed = true
      const cut = room?.cutGroups() ?? []
      if (cut.length > 0)
        log.warn({ collection: path, count: cut.length, of: cut.slice(0, 10) }, 'no room for all objects')
    },
    apply: ({ type, object: found }: CollectionEvent<T>) => {
      if (type === 'DELETED') room?.forget(found)
      const isThere = type === 'ADDED' || type === 'MODIFIED'
      const object = isThere ? (room?.cut(found) ?? found) : found
      take(changesOfEvent(objects, { type, object }, keep))
    },
    isCut: (namespace: string) => room?.isCut(namespace) === true,
    wantsList: () => room?.wantsList() === true,
  }
}

/** Waits longer at each failure, and logs it once in ten seconds. */
function createTrouble(
  options: Omit<ReflectorOptions<never>, 'keep' | 'room'>,
  times: ReflectorTimes,
  signal: AbortSignal,
) {
  const { clock } = options
  const log = options.log.child({ collection: options.path })
  const backoff = createBackoff({ baseMs: times.backoffMs, capMs: times.backoffCapMs, random: options.random })
  let toldAt = -Infinity
  return {
    log,
    over: () => backoff.reset(),
    wait: async (message: string, error: unknown) => {
      if (clock.monotonic() - toldAt >= (isNotServed(error) ? tellAbsentEveryMs : tellEveryMs)) {
        toldAt = clock.monotonic()
        log.warn({ error }, message)
      }
      await pause(clock, backoff.next(askedWaitMs(error)), signal)
    },
  }
}
