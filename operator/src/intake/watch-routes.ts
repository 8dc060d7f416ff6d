// Watches Ingresses, HTTPRoutes and Gateways of the whole cluster for the clients whose redirect URIs follow them.
import { describeError } from '@nauthera/runtime/log'
import { readHttpRoute, readIngress } from '../decide/client/route-hosts.ts'
import type { AboutParents, Gateway, HttpRoute, Ingress } from '../decide/client/route-hosts.ts'
import { isNotServed } from '../kubernetes/api-error.ts'
import { collectionPath, resourceTypes } from '../kubernetes/objects.ts'
import type { KubernetesObject } from '../kubernetes/objects.ts'
import type { Reflector, ReflectorOptions } from '../kubernetes/reflector.ts'
import { RouteBook } from './route-book.ts'
import type { RouteCollection } from './route-book.ts'

export interface RouteWatch {
  readonly book: RouteBook
  /** Resolves when each collection was read, or could not be: the Gateway API may not be there. */
  start(): Promise<void>
  stop(): Promise<void>
  /** The labels of a namespace are others: a listener may select by them. */
  onLabels(namespace: string): void
}

type Part<T> = Pick<ReflectorOptions<T>, 'keep' | 'onChange' | 'onRelist' | 'onListFailed'>

export function createRouteWatch(needs: {
  readonly reflect: <T extends KubernetesObject>(path: string, part: Part<T>) => Reflector<T>
  /** Of a namespace. */
  readonly labels: AboutParents['labels']
  /** Looks at these clients. */
  readonly tell: (keys: readonly string[]) => void
}): RouteWatch {
  const book = new RouteBook(needs.tell)
  const heard: Promise<void>[] = []
  const follow = (collection: RouteCollection) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    heard.push(promise)
    return faultsOf(collection, book, resolve)
  }

  const ingresses = needs.reflect<Ingress & KubernetesObject>(collectionPath(resourceTypes.ingresses), {
    keep: keepIngress,
    onChange: ({ key }) => {
      const found = ingresses.objects.get(key)
      book.set('Ingress', key, found && readIngress(found))
    },
    ...follow('Ingress'),
  })
  const gateways = needs.reflect<Gateway & KubernetesObject>(collectionPath(resourceTypes.gateways), {
    keep: ({ metadata, spec }) => ({ metadata, spec: { listeners: spec?.listeners ?? [] } }),
    onChange: (change) => {
      const before = change.kind === 'added' ? undefined : change.previous.spec
      const after = change.kind === 'deleted' ? undefined : change.object.spec
      // its status changes with each route
      if (JSON.stringify(before) === JSON.stringify(after)) return
      const isParent = ({ metadata, spec }: HttpRoute): boolean =>
        (spec?.parentRefs ?? []).some(
          ({ name, namespace = metadata.namespace }) => `${namespace}/${name}` === change.key,
        )
      readWhere(isParent)
    },
    ...follow('Gateway'),
  })
  const about: AboutParents = {
    gateway: (namespace, name) => gateways.objects.get(`${namespace}/${name}`),
    labels: needs.labels,
  }
  const httpRoutes = needs.reflect<HttpRoute & KubernetesObject>(collectionPath(resourceTypes.httpRoutes), {
    keep: ({ metadata, spec, status }) => ({
      metadata,
      spec: { hostnames: spec?.hostnames ?? [], parentRefs: spec?.parentRefs ?? [] },
      ...(status ? { status } : {}),
    }),
    onChange: ({ key }) => {
      const found = httpRoutes.objects.get(key)
      book.set('HTTPRoute', key, found && readHttpRoute(found, about))
    },
    ...follow('HTTPRoute'),
  })
  const readWhere = (isConcerned: (route: HttpRoute) => boolean) => {
    for (const [key, route] of httpRoutes.objects)
      if (isConcerned(route)) book.set('HTTPRoute', key, readHttpRoute(route, about))
  }

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
    onLabels: (namespace) => readWhere(({ metadata }) => metadata.namespace === namespace),
  }
}

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

/** Without its paths and backends. */
const keepIngress = ({ metadata, spec, status }: Ingress & KubernetesObject): Ingress & KubernetesObject => ({
  metadata,
  spec: {
    tls: (spec?.tls ?? []).map(({ hosts = [] }) => ({ hosts })),
    rules: (spec?.rules ?? []).map(({ host }) => (host === undefined ? {} : { host })),
  },
  ...(status ? { status } : {}),
})
