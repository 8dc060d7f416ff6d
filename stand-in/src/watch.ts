import type { ServerResponse } from 'node:http'
import type { KubeObject } from './objects.ts'
import { Refusal, invalid } from './objects.ts'
import type { Resource } from './resources.ts'
import { groupVersion } from './resources.ts'
import type { Change, Filter, Store } from './store.ts'

/** The last bookmark comes this long before the time is up. */
const lastBookmarkMs = 2_000

/** A watch that is open now; tests break it in the ways in which networks and servers do. */
export interface OpenWatch {
  readonly resource: Resource
  readonly namespace?: string
  readonly user: string
  /** The connection is reset. */
  reset(): void
  /** The stream ends as it does after timeoutSeconds. */
  end(): void
  /** Says nothing any more, not even bookmarks, but stays open. */
  mute(): void
  /** Ends with the event ERROR 410. */
  expire(): void
}

/** Streams changes as lines of JSON until the caller or `timeoutSeconds` ends it.
 *  @param options.from the version to go on after; undefined or 0: what there is now comes first
 *  @param options.initialEvents whether what there is comes first, whatever `from` says; undefined: nothing was asked */
export function serveWatch(options: {
  store: Store
  resource: Resource
  namespace?: string
  filter: Filter
  from: string | null
  initialEvents: boolean | undefined
  bookmarks: boolean
  bookmarkMs: number
  timeoutSeconds: number
  response: ServerResponse
  user: string
  /** How an object is shown: as it is, or as a row of a table. */
  render: (objects: readonly KubeObject[]) => unknown
}): OpenWatch {
  const { store, resource, response, filter, render, namespace } = options
  let muted = false
  const send = (type: string, object: unknown) => {
    if (!muted && !response.writableEnded) response.write(`${JSON.stringify({ type, object })}\n`)
  }
  const tell = (change: Change) => {
    if (change.resource.plural !== resource.plural || change.resource.group !== resource.group) return
    if (namespace !== undefined && change.object.metadata.namespace !== namespace) return
    const matches = change.type !== 'DELETED' && filter(change.object)
    const matched = change.previous !== undefined && filter(change.previous)
    if (matches) send(matched ? 'MODIFIED' : 'ADDED', render([change.object]))
    else if (matched) send('DELETED', render([change.object]))
  }
  let marked = Number(options.from ?? 0)
  const mark = (annotations?: Readonly<Record<string, string>>) => {
    marked = Number(store.version)
    const metadata = {
      resourceVersion: store.version,
      creationTimestamp: null,
      ...(annotations ? { annotations } : {}),
    }
    send('BOOKMARK', { kind: resource.kind, apiVersion: groupVersion(resource), metadata })
  }
  const bookmark = () => {
    // as the API server: a bookmark that tells nothing new is not sent
    if (Number(store.version) > marked) mark()
  }
  const expire = (refusal: Refusal) => {
    send('ERROR', refusal.toStatus())
    response.end()
  }

  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' })
  response.flushHeaders()
  let stopListening = () => {}
  try {
    const begins = options.from === null || options.from === '' || options.from === '0'
    if (options.initialEvents ?? begins) {
      for (const object of store.all(resource, namespace)) if (filter(object)) send('ADDED', render([object]))
      // whoever lists by watching waits for this one
      if (options.initialEvents && options.bookmarks) mark({ 'k8s.io/initial-events-end': 'true' })
    } else if (!begins) {
      for (const change of store.since(Number(options.from))) tell(change)
    }
    stopListening = store.onChange(tell)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    expire(error)
  }
  const beat = options.bookmarks ? setInterval(bookmark, options.bookmarkMs) : undefined
  const limitMs = options.timeoutSeconds * 1000
  const limit = setTimeout(() => response.end(), limitMs)
  // so that whoever goes on afterwards need not begin from an old version
  const last = options.bookmarks ? setTimeout(bookmark, Math.max(0, limitMs - lastBookmarkMs)) : undefined
  response.once('close', () => {
    stopListening()
    clearInterval(beat)
    clearTimeout(limit)
    clearTimeout(last)
  })
  return {
    resource,
    ...(namespace === undefined ? {} : { namespace }),
    user: options.user,
    reset: () => response.socket?.resetAndDestroy(),
    end: () => response.end(),
    mute: () => {
      muted = true
    },
    expire: () => expire(new Refusal(410, 'Expired', 'too old resource version')),
  }
}

/** @returns whether the caller wants what there is first; undefined when it says nothing
 *  @throws Refusal 422 for what only together makes sense */
export function askedInitialEvents(query: URLSearchParams): boolean | undefined {
  const asked = query.get('sendInitialEvents')
  const match = query.get('resourceVersionMatch') ?? ''
  if (asked === null && match === '') return undefined
  if (asked === null) {
    const why = 'Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'
    throw invalidOptions('resourceVersionMatch', why)
  }
  if (match !== 'NotOlderThan') {
    const why = 'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'
    throw invalidOptions('resourceVersionMatch', why)
  }
  return asked === 'true'
}

export const invalidOptions = (field: string, message: string): Refusal =>
  invalid({ group: 'meta.k8s.io', kind: 'ListOptions', plural: '' }, '', [
    { reason: 'FieldValueForbidden', field, message },
  ])
