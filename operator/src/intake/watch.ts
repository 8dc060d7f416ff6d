import type { Log } from '@nauthera/runtime/log'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { OIDCCluster } from '../api/oidc-cluster.ts'
import { timeOf } from '../api/time-text.ts'
import type { FindCluster } from '../decide/client/mirror.ts'
import { movedKeys } from '../decide/client/move.ts'
import type { OIDCPolicy } from '../api/oidc-policy.ts'
import { clusterOf, namespaceOfCluster } from '@nauthera/rules/tenants'
import { EndingNamespaces } from './ending-namespaces.ts'
import { createAsSeen } from './mirrors.ts'
import { roomForClients } from './without-bulk.ts'
import { createClientIndex } from './client-index.ts'
import type { WatchedClients } from './client-index.ts'
import type { Clock } from '../time/clock.ts'
import type { KubeConnection } from '../kubernetes/connection.ts'
import { collectionPath, resourceTypes } from '../kubernetes/objects.ts'
import type { KubernetesObject, NamespaceObject, PodObject } from '../kubernetes/objects.ts'
import { createReflector } from '../kubernetes/reflector.ts'
import type { CollectionChange, Keep } from '../kubernetes/collection.ts'
import type { Room } from '../kubernetes/namespace-room.ts'
import type { Reflector, ReflectorTimes } from '../kubernetes/reflector.ts'
import type { OperatorSettings } from '../settings.ts'
import type { RouteBook } from './route-book.ts'
import { createNameRights } from './name-rights.ts'
import { createShareClient } from './share.ts'
import { createRouteWatch } from './watch-routes.ts'

export interface WatchListeners {
  /** These clients are to be looked at. */
  readonly onClients: (keys: Iterable<string>) => void
  /** The same after a full list, which may bring missed events. */
  readonly onResync: (keys: readonly string[]) => void
  /** The server pods as they are now; at first once all is listed. */
  readonly onPods: (pods: readonly PodObject[]) => void
  /** A client of a joined cluster was created or changed there. */
  readonly onMirror?: (client: OIDCClient, previous: OIDCClient | undefined) => void
}

/** Watches clients, policies, namespaces and pods, and what redirect URIs follow. It never watches Secrets. */
export interface Watch {
  /** Starts the watches. Resolves when every collection was listed once; listeners get the changes after that. */
  start(listeners: WatchListeners): Promise<void>
  stop(): Promise<void>
  /** Clients of this release by `namespace/name`. */
  readonly clients: WatchedClients
  policies(): readonly OIDCPolicy[]
  /** What redirect URIs follow; undefined when the operator follows nothing. */
  readonly routes: Pick<RouteBook, 'formerOf' | 'resolve' | 'remove'> | undefined
  /** The joined clusters, and the one of a name. None where the operator does not watch the whole cluster. */
  clusters(): readonly OIDCCluster[]
  readonly findCluster: FindCluster
  /** Labels of a namespace. Undefined while they are unknown: the operator may not read them, or the namespace is not in its list yet. */
  namespaceLabels(namespace: string): Readonly<Record<string, string>> | undefined
  /** Whether the operator may read labels of namespaces. */
  readonly readsNamespaces: boolean
  /** Those that are terminating. Without the right to watch namespaces only refused creates show it. */
  readonly endings: EndingNamespaces
  /** When it was created, epoch milliseconds; undefined when unknown. */
  namespaceBornAt(namespace: string): number | undefined
}

interface ReflectNeeds {
  readonly connection: KubeConnection
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  readonly times?: ReflectorTimes
}

/** What differs between the collections. */
interface Part<T extends KubernetesObject> {
  readonly query?: Readonly<Record<string, string>>
  readonly knownKeys?: ReadonlyMap<string, unknown>
  readonly keep?: Keep<T>
  readonly room?: () => Room<T>
  readonly onChange: (change: CollectionChange<T>) => void
  readonly onRelist?: () => void
  readonly onListFailed?: (error: unknown) => void
}

type Reflect = <T extends KubernetesObject>(path: string, part: Part<T>) => Reflector<T>

const createReflect =
  ({ connection, clock, random, log, times }: ReflectNeeds): Reflect =>
  (path, part) =>
    createReflector({ connection, clock, random, log, ...(times ? { times } : {}), path, ...part })

interface WatchOptions extends ReflectNeeds {
  readonly settings: Pick<
    OperatorSettings,
    'release' | 'namespace' | 'serverName' | 'watch' | 'mode' | 'policy' | 'redirectURIsFrom'
  >
  /** Clients in the stored shards, so that an empty first list is doubted. */
  readonly knownKeys: ReadonlyMap<string, unknown>
  /** Whether a client stands in a shard. */
  readonly isStored: (key: string) => boolean
}

/** Turns events of all watches into keys of clients. */
export function createWatch(options: WatchOptions): Watch {
  const { settings, knownKeys } = options
  // its hub decides about names
  const isSpoke = settings.mode === 'spoke'
  const clients = createClientIndex(isSpoke ? () => false : (client, name) => mayClaim(client, name))
  const servedBy = `${settings.namespace}/${settings.release}`
  /** Undefined during the first lists: they call no listener. */
  let listeners: WatchListeners | undefined

  const reflect = createReflect(options)
  const tell = (keys: Iterable<string>) => listeners?.onClients(keys)

  const findCluster: FindCluster = (name) => around?.clusters?.objects.get(name)
  const asSeen = createAsSeen(findCluster, () => around?.clusters?.objects.values() ?? [])

  const onClient = (change: CollectionChange<OIDCClient & KubernetesObject>) => {
    const object = change.kind === 'deleted' ? undefined : change.object
    const ours = object !== undefined && isOurs(object, settings.serverName, servedBy)
    const touched = clients.set(change.key, ours ? asSeen(object) : undefined)
    // Our own status write changes nothing.
    if (change.kind === 'updated' && sameSpec(change.previous, change.object)) return
    if (ours && clusterOf(object.metadata.namespace) !== undefined)
      listeners?.onMirror?.(object, change.kind === 'updated' ? change.previous : undefined)
    tell(touched)
  }

  const kept = { keep: createShareClient(), room: () => roomForClients(options.isStored) }
  const clientReflectors = namespacesToWatch(settings).map((namespace) =>
    reflect<OIDCClient & KubernetesObject>(collectionPath(resourceTypes.clients, namespace), {
      knownKeys: keysIn(knownKeys, namespace),
      ...kept,
      onChange: onClient,
      onRelist: () => listeners?.onResync(clients.keysIn(namespace)),
    }),
  )
  /** Its clients change with it, and their rivals; those that have an id that begins with its name may have to give that up. */
  const onCluster = (name: string, isNew: boolean, moved: readonly string[]) => {
    const own = new Set([...clients.keysIn(namespaceOfCluster(name)), ...moved.filter((key) => clients.find(key))])
    // of one that joins or leaves, an id that begins with its name may be anybody's
    clients.reconsider(isNew ? undefined : [...own])
    const touched = [...own].flatMap((key) => {
      const object = clientReflectors[0]?.objects.get(key)
      return [key, ...(object ? clients.set(key, asSeen(object)) : [])]
    })
    tell(isNew ? clients.keysIn(undefined) : new Set(touched))
  }
  const around =
    settings.watch.mode === 'cluster' ? reflectCluster(reflect, settings, { clients, tell, onCluster }) : undefined
  const pods: Reflector<PodObject> = reflect<PodObject>(collectionPath(resourceTypes.pods, settings.namespace), {
    query: { labelSelector: serverPods(settings.release) },
    onChange: () => listeners?.onPods([...pods.objects.values()]),
  })
  const all = [
    ...clientReflectors,
    ...(settings.mode === 'hub' ? [pods] : []),
    ...[around?.policies, around?.clusters, around?.namespaces].filter((one) => one !== undefined),
  ]
  const routes = around?.routes

  const watch: Watch = {
    start: async (told) => {
      for (const reflector of all) reflector.start()
      await Promise.all([...all.map((reflector) => reflector.synced), routes?.start()])
      listeners = told
      told.onPods([...pods.objects.values()])
    },
    stop: async () => {
      await Promise.all([...all, ...(routes ? [routes] : [])].map((one) => one.stop()))
    },
    clients,
    routes: routes?.book,
    policies: () => around?.policies?.all() ?? none,
    clusters: () => [...(around?.clusters?.objects.values() ?? [])],
    findCluster,
    ...labelsFrom(around?.namespaces.objects, options.clock),
  }
  const mayClaim = createNameRights({ watch, baseline: settings.policy })
  return watch
}

const none: readonly OIDCPolicy[] = []

/** What a release of the whole cluster watches beside its clients. A spoke has no policies and no clusters: its hub has them. */
function reflectCluster(
  reflect: Reflect,
  { mode, redirectURIsFrom }: Pick<OperatorSettings, 'mode' | 'redirectURIsFrom'>,
  on: {
    readonly clients: Pick<WatchedClients, 'keysIn' | 'around' | 'reconsider'>
    /** Looks at these clients. */
    readonly tell: (keys: Iterable<string>) => void
    readonly onCluster: (name: string, isNew: boolean, moved: readonly string[]) => void
  },
) {
  const isHub = mode === 'hub'
  const { clients } = on
  const onPolicy = () => {
    clients.reconsider()
    on.tell(clients.keysIn(undefined))
  }
  const namespaces: ReturnType<typeof reflectNamespaces> = reflectNamespaces(reflect, (namespace) => {
    const keys = clients.keysIn(namespace)
    clients.reconsider(keys)
    on.tell(clients.around(keys))
    routes?.onLabels(namespace)
  })
  const labels = (name: string) => namespaces.objects.get(name)?.metadata.labels
  const routes = redirectURIsFrom ? createRouteWatch({ reflect, labels, tell: on.tell }) : undefined
  return {
    namespaces,
    routes,
    policies: isHub ? reflectPolicies(reflect, onPolicy) : undefined,
    clusters: isHub ? reflectClusters(reflect, on.onCluster) : undefined,
  }
}

/** @returns the path of each collection of clients that is watched */
export const watchedPaths = (settings: Pick<OperatorSettings, 'watch' | 'namespace'>): readonly string[] =>
  namespacesToWatch(settings).map((namespace) => collectionPath(resourceTypes.clients, namespace))

/** Undefined: the whole cluster. */
function namespacesToWatch({
  watch,
  namespace,
}: Pick<OperatorSettings, 'watch' | 'namespace'>): readonly (string | undefined)[] {
  if (watch.mode === 'cluster') return [undefined]
  return watch.mode === 'release' ? [namespace] : [...new Set(watch.namespaces)]
}

function reflectPolicies(reflect: Reflect, onNews: () => void) {
  let all: readonly OIDCPolicy[] | undefined
  const policies = reflect<OIDCPolicy & KubernetesObject>(collectionPath(resourceTypes.policies), {
    onChange: (change) => {
      all = undefined
      if (change.kind !== 'updated' || !sameSpec(change.previous, change.object)) onNews()
    },
  })
  /** One list while none of them changes, so that a comparison is short. */
  return { ...policies, all: (): readonly OIDCPolicy[] => (all ??= [...policies.objects.values()]) }
}

/** @param onNews a cluster has joined, left or changed */
const reflectClusters = (reflect: Reflect, onNews: (name: string, isNew: boolean, moved: readonly string[]) => void) =>
  reflect<OIDCCluster & KubernetesObject>(collectionPath(resourceTypes.clusters), {
    onChange: (change) => {
      if (change.kind === 'updated' && sameSpec(change.previous, change.object)) return
      const before = change.kind === 'added' ? [] : [change.previous]
      const after = change.kind === 'deleted' ? [] : [change.object]
      onNews(change.key, change.kind !== 'updated', movedKeys([...before, ...after]))
    },
  })

/** @param onNews the labels of a namespace are others than before */
const reflectNamespaces = (reflect: Reflect, onNews: (namespace: string) => void) =>
  reflect<NamespaceObject>(collectionPath(resourceTypes.namespaces), {
    onChange: (change) => {
      const before = change.kind === 'added' ? undefined : change.previous.metadata.labels
      const after = change.kind === 'deleted' ? undefined : change.object.metadata.labels
      if (change.kind !== 'updated' || JSON.stringify(before) !== JSON.stringify(after)) onNews(change.key)
    },
  })

/** One object, so that a comparison by identity finds no change. */
const noLabels: Readonly<Record<string, string>> = {}

/** @param namespaces undefined where the operator may not read them */
function labelsFrom(
  namespaces: ReadonlyMap<string, NamespaceObject> | undefined,
  clock: Clock,
): Pick<Watch, 'namespaceLabels' | 'readsNamespaces' | 'endings' | 'namespaceBornAt'> {
  return {
    // one that is missing has unknown labels, not none: a policy that restricts it must not be dropped meanwhile
    namespaceLabels: (name) => {
      const found = namespaces?.get(name)
      return found && (found.metadata.labels ?? noLabels)
    },
    readsNamespaces: namespaces !== undefined,
    endings: new EndingNamespaces({
      watched: (name) => namespaces?.get(name)?.metadata.deletionTimestamp !== undefined,
      clock,
    }),
    namespaceBornAt: (name) => timeOf(namespaces?.get(name)?.metadata.creationTimestamp),
  }
}

const serverPods = (release: string): string =>
  `app.kubernetes.io/name=nauthera,app.kubernetes.io/instance=${release},app.kubernetes.io/component=server`

/** A client that another release serves already stays with it, even when its serverName changes. One that is being deleted counts as
 *  deleted. */
function isOurs(client: OIDCClient, serverName: string, servedBy: string): boolean {
  if (client.metadata.deletionTimestamp !== undefined) return false
  // Without our schema in the CRD the API server lets anything in.
  if (typeof client.spec !== 'object' || client.spec === null) return false
  if ((client.spec.serverName ?? 'default') !== serverName) return false
  const served = client.status?.servedBy
  return served === undefined || served === '' || served === servedBy
}

function sameSpec(one: KubernetesObject, other: KubernetesObject): boolean {
  const about = ({ metadata }: KubernetesObject) =>
    JSON.stringify([
      metadata.generation,
      metadata.labels,
      metadata.annotations,
      metadata.deletionTimestamp,
      metadata.refused,
    ])
  return about(one) === about(other)
}

function keysIn(keys: ReadonlyMap<string, unknown>, namespace: string | undefined): ReadonlyMap<string, unknown> {
  if (namespace === undefined) return keys
  return new Map([...keys].filter(([key]) => key.startsWith(`${namespace}/`)))
}
