import type { ServerResponse } from 'node:http'
import type { KubeObject } from '../objects.ts'
import { Refusal } from '../refusals.ts'
import type { ApiState, OpenWatch } from '../state.ts'
import type { Resource } from '../store/resources.ts'
import { groupVersion } from '../store/resources.ts'
import type { StoreChange, ObjectStore } from '../store/store.ts'
import type { Call } from './call.ts'
import { present } from './call.ts'
import type { Scope } from './list.ts'
import { scopeOf } from './list.ts'
import { askedInitialEvents } from './options.ts'

/** The last bookmark comes this long before the time is up. */
const lastBookmarkMs = 2_000

/** Streams changes as lines of JSON until the caller or `timeoutSeconds` ends it. */
export function serveWatch(state: ApiState, call: Call, resource: Resource): void {
  const { request, response, user } = call
  const { query } = request
  const scope = scopeOf(request)
  const initialEvents = askedInitialEvents(query)
  const bookmarks = query.get('allowWatchBookmarks') === 'true'
  const from = query.get('resourceVersion') ?? ''
  const stream = new EventStream({
    store: state.store,
    resource,
    scope,
    response,
    from: Number(from),
    present: (object) => present(call, resource, object),
  })
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' })
  response.flushHeaders()
  let stopListening = () => {}
  try {
    const begins = from === '' || from === '0'
    if (initialEvents ?? begins) stream.tellAll({ mark: initialEvents === true && bookmarks })
    else if (!begins) stream.replay()
    stopListening = state.store.onChange((change) => stream.tell(change))
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    stream.fail(error)
  }
  const stopTimers = startTimers(stream, {
    bookmarkMs: bookmarks ? state.bookmarkMs : undefined,
    limitMs: Number(query.get('timeoutSeconds') ?? 1800) * 1000,
  })
  const open = openWatch(stream, { resource, scope, user, response })
  state.watches.add(open)
  response.once('close', () => {
    stopListening()
    stopTimers()
    state.watches.delete(open)
  })
}

interface Streamed {
  readonly store: ObjectStore
  readonly resource: Resource
  readonly scope: Scope
  readonly response: ServerResponse
  /** The version after which the caller wants to hear. */
  readonly from: number
  readonly present: (object: KubeObject) => object
}

/** The events of one watch. */
class EventStream {
  readonly #of: Streamed
  /** The version of the last bookmark. */
  #marked: number
  #muted = false

  constructor(of: Streamed) {
    this.#of = of
    this.#marked = of.from
  }

  /** Sends the objects that exist now; with `mark` also the bookmark that ends them, for callers that list by watching. */
  tellAll({ mark }: { mark: boolean }): void {
    const { store, resource, scope } = this.#of
    for (const object of store.all(resource, scope.namespace)) if (scope.filter(object)) this.#send('ADDED', object)
    if (mark) this.#mark({ 'k8s.io/initial-events-end': 'true' })
  }

  /** What changed since the version at which the caller begins.
   *  @throws Refusal 410 when the history does not reach back so far */
  replay(): void {
    for (const change of this.#of.store.since(this.#of.from)) this.tell(change)
  }

  tell(change: StoreChange): void {
    const { resource, scope } = this.#of
    if (change.resource.plural !== resource.plural || change.resource.group !== resource.group) return
    if (scope.namespace !== undefined && change.object.metadata.namespace !== scope.namespace) return
    const matches = change.type !== 'DELETED' && scope.filter(change.object)
    const matched = change.previous !== undefined && scope.filter(change.previous)
    if (matches) this.#send(matched ? 'MODIFIED' : 'ADDED', change.object)
    else if (matched) this.#send('DELETED', change.object)
  }

  /** As the API server: a bookmark that tells nothing new is not sent. */
  bookmark(): void {
    if (Number(this.#of.store.version) > this.#marked) this.#mark()
  }

  fail(refusal: Refusal): void {
    this.#write('ERROR', refusal.toStatus())
    this.end()
  }

  end(): void {
    this.#of.response.end()
  }

  mute(): void {
    this.#muted = true
  }

  #mark(annotations?: Readonly<Record<string, string>>): void {
    const { store, resource } = this.#of
    this.#marked = Number(store.version)
    const metadata = {
      resourceVersion: store.version,
      creationTimestamp: null,
      ...(annotations ? { annotations } : {}),
    }
    this.#write('BOOKMARK', { kind: resource.kind, apiVersion: groupVersion(resource), metadata })
  }

  #send(type: string, object: KubeObject): void {
    this.#write(type, this.#of.present(object))
  }

  #write(type: string, object: unknown): void {
    const { response } = this.#of
    if (!this.#muted && !response.writableEnded) response.write(`${JSON.stringify({ type, object })}\n`)
  }
}

/** @param times.bookmarkMs pause between bookmarks; undefined: none were asked for
 *  @returns stops them */
function startTimers(stream: EventStream, times: { bookmarkMs: number | undefined; limitMs: number }): () => void {
  const { bookmarkMs, limitMs } = times
  const bookmark = () => stream.bookmark()
  const limit = setTimeout(() => stream.end(), limitMs)
  const beat = bookmarkMs === undefined ? undefined : setInterval(bookmark, bookmarkMs)
  // so that a caller that continues afterwards has a recent version
  const last = bookmarkMs === undefined ? undefined : setTimeout(bookmark, Math.max(0, limitMs - lastBookmarkMs))
  return () => {
    clearTimeout(limit)
    clearInterval(beat)
    clearTimeout(last)
  }
}

const openWatch = (
  stream: EventStream,
  { resource, scope, user, response }: { resource: Resource; scope: Scope; user: string; response: ServerResponse },
): OpenWatch => ({
  resource,
  ...(scope.namespace === undefined ? {} : { namespace: scope.namespace }),
  user,
  reset: () => response.socket?.resetAndDestroy(),
  end: () => stream.end(),
  mute: () => stream.mute(),
  expire: () => stream.fail(new Refusal(410, 'Expired', 'too old resource version')),
})
