// Watches Ingresses, HTTPRoutes and Gateways of the whole cluster for the clients whose redirect URIs follow them.
import { describeError } from '@nauthera/runtime/log'
import type { RouteKind } from '../api/redirect-sources.ts'
import { present } from '../decide/client/present.ts'
import { readHttpRoute, readIngress } from '../decide/client/route-hosts.ts'
import type { AboutParents, Gateway, HttpRoute, Ingress } from '../decide/client/route-hosts.ts'
import type { Room } from '../kubernetes/namespace-room.ts'
import { isNotServed } from '../kubernetes/api-error.ts'
import { collectionPath, resourceTypes } from '../kubernetes/objects.ts'
import type { KubernetesObject } from '../kubernetes/objects.ts'
import type { Reflector, ReflectorOptions } from '../kubernetes/reflector.ts'
import { roomForGateways, roomForHttpRoutes, roomForIngresses } from './cut-routes.ts'
import { KeysBy } from './keys-by.ts'
import { RouteBook } from './route-book.ts'
import type { RouteCollection } from './route-book.ts'
import { UnreadHosts } from './unread-hosts.ts'

export interface RouteWatch {
  readonly book: RouteBook
  /** Resolves when each collection was read, or could not be: the Gateway API may not be there. */
  start(): Promise<void>
  stop(): Promise<void>
  /** The labels of a namespace are others: a listener may select by them. */
  onLabels(namespace: string): void
}

type Part<T> = Pick<ReflectorOptions<T>, 'room' | 'onChange' | 'onRelist' | 'onListFailed'>

export function createRouteWatch(needs: {
  readonly reflect: <T extends KubernetesObject>(path: string, part: Part<T>) => Reflector<T>
  /** Of a namespace. */
  readonly labels: AboutParents['labels']
  /** Looks at these clients. */
  readonly tell: (keys: readonly string[]) => void
}): RouteWatch {
  const book = new RouteBook({ tell: needs.tell, isCut: (kind, namespace) => reflectors[kind].isCut(namespace) })
  const heard: Promise<void>[] = []
  /** Keys of HTTPRoutes by their Gateways. */
  const children = new KeysBy()
  const follow = (collection: RouteCollection) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    heard.push(promise)
    return faultsOf(collection, book, resolve)
  }

  const ingresses = needs.reflect<Ingress & KubernetesObject>(collectionPath(resourceTypes.ingresses), {
    ...withLeftOut<Ingress & KubernetesObject>('Ingress', book, roomForIngresses, follow('Ingress')),
    onChange: ({ key }) => {
      const found = ingresses.objects.get(key)
      book.set('Ingress', key, found && readIngress(found))
    },
  })
  const gateways = needs.reflect<Gateway & KubernetesObject>(collectionPath(resourceTypes.gateways), {
    room: () => roomForGateways,
    onChange: (change) => {
      const before = change.kind === 'added' ? undefined : change.previous.spec
      const after = change.kind === 'deleted' ? undefined : change.object.spec
      // its status changes with each route
      if (JSON.stringify(before) === JSON.stringify(after)) return
      for (const key of children.of(change.key)) readRoute(key)
    },
    ...follow('Gateway'),
  })
  const about: AboutParents = {
    gateway: (namespace, name) => gateways.objects.get(`${namespace}/${name}`),
    labels: needs.labels,
  }
  const httpRoutes = needs.reflect<HttpRoute & KubernetesObject>(collectionPath(resourceTypes.httpRoutes), {
    ...withLeftOut<HttpRoute & KubernetesObject>('HTTPRoute', book, roomForHttpRoutes, follow('HTTPRoute')),
    onChange: (change) => {
      if (change.kind !== 'added') for (const parent of parentsOf(change.previous)) children.remove(parent, change.key)
      if (change.kind !== 'deleted') for (const parent of parentsOf(change.object)) children.add(parent, change.key)
      readRoute(change.key)
    },
  })
  const readRoute = (key: string) => {
    const found = httpRoutes.objects.get(key)
    book.set('HTTPRoute', key, found && readHttpRoute(found, about))
  }

  const reflectors = { Ingress: ingresses, HTTPRoute: httpRoutes }
  const all = [ingresses, gateways, httpRoutes]
  return {
    book,
    start: async () => {
      for (const reflector of all) reflector.start()
      await Promise.all(heard)
    },
    stop: async () => {
      await Promise.all(all.map((reflector) => reflector.stop()))
    },
    onLabels: (namespace) => {
      for (const [key, { metadata }] of httpRoutes.objects) if (metadata.namespace === namespace) readRoute(key)
    },
  }
}

/** Each list tells anew what it leaves out: once it is whole, that holds. */
function withLeftOut<T>(
  kind: RouteKind,
  book: RouteBook,
  roomOf: (unread: UnreadHosts) => Room<T>,
  { onRelist, onListFailed }: Pick<Part<T>, 'onRelist' | 'onListFailed'>,
) {
  let unread = new UnreadHosts(kind, book)
  return {
    room: () => roomOf((unread = new UnreadHosts(kind, book))),
    onRelist: () => {
      book.setLeftOut(kind, unread)
      onRelist?.()
    },
    ...present({ onListFailed }),
  }
}

/** @returns `namespace/name` of each */
const parentsOf = ({ metadata, spec }: HttpRoute): readonly string[] =>
  (spec?.parentRefs ?? []).map(({ name, namespace = metadata.namespace ?? '' }) => `${namespace}/${name}`)

/** Writes into the book whether a collection can be read. Once it was read, its copy counts until the API server no longer serves it.
 *  @param onHeard called once it was read, or could not be */
function faultsOf(
  collection: RouteCollection,
  book: RouteBook,
  onHeard: () => void,
): Pick<Part<unknown>, 'onRelist' | 'onListFailed'> {
  let isRead = false
  return {
    onRelist: () => {
      isRead = true
      book.setFault(collection, undefined)
      onHeard()
    },
    onListFailed: (error) => {
      const isAbsent = isNotServed(error)
      if (isAbsent) book.setFault(collection, 'is of a kind that the API server does not serve', isAbsent)
      else if (!isRead) book.setFault(collection, `cannot be read (${describeError(error)})`)
      onHeard()
    },
  }
}
