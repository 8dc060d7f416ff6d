// Writes Events, which `kubectl describe` shows.
import { hash, randomBytes } from 'node:crypto'
import { fieldManagers } from '@nauthera/proto/names'
import { clusterOf } from '@nauthera/rules/tenants'
import type { Log } from '@nauthera/runtime/log'
import { timeText } from '../api/time-text.ts'
import type { Clock } from '../time/clock.ts'
import { insteadWhen, isNotFound, isNamespaceEnding } from './api-error.ts'
import type { KubeConnection } from './connection.ts'
import { collectionPath, objectPath, resourceTypes } from './objects.ts'
import type { KubernetesObject } from './objects.ts'

export interface EventRecorder {
  /** Never throws and never waits for the API: nothing depends on events. */
  record(object: KubernetesObject, event: { type: 'Normal' | 'Warning'; reason: string; message: string }): void
  /** Resolves when what was recorded has been sent or given up. */
  flush(): Promise<void>
}

type ClientEvent = Parameters<EventRecorder['record']>[1]

const waitingLimit = 1000
const warnEveryMs = 10_000

/** Writes Events, one after the other. The same event within ten minutes only raises the count. Events of one object are limited, and so
 *  are Normal events of many objects at once, and all events of a joined cluster. */
export function createEventRecorder(options: {
  connection: Pick<KubeConnection, 'call'>
  component: string
  instance: string
  clock: Pick<Clock, 'now' | 'monotonic'>
  log: Log
}): EventRecorder {
  const { connection, clock, log } = options
  const told = createTold(clock)
  const allowance = createAllowance(clock)
  const mass = createMass(clock, massLimit)
  const ofClusters = createClusterMasses(clock)
  let waiting = 0
  let chain = Promise.resolve()
  let warnedAt = -Infinity

  const send = async (object: KubernetesObject, event: ClientEvent) => {
    const at = timeText(clock.now())
    const key = keyOf(object, event)
    const earlier = told.find(key)
    if (earlier && (await countUp(connection, object, { ...earlier, at }))) {
      earlier.count++
      return
    }
    const name = `${object.metadata.name.slice(0, 200)}.${randomBytes(8).toString('hex')}`
    await connection.call({
      method: 'POST',
      path: collectionPath(resourceTypes.events, namespaceOf(object)),
      query: { fieldManager: fieldManagers.operator },
      body: eventBody(object, event, { ...options, name, at }),
    })
    told.add(key, name)
  }

  const warn = (error: unknown) => {
    // events of a terminating namespace are dropped
    if (isNamespaceEnding(error)) return
    if (clock.monotonic() - warnedAt < warnEveryMs) return
    warnedAt = clock.monotonic()
    log.warn({ error }, 'event lost')
  }

  return {
    record: (object, event) => {
      if (waiting >= waitingLimit) return
      // the object's own limit comes first: an object with many events takes nothing from others
      if (!allowance.take(object.metadata.uid ?? '')) return
      const cluster = clusterOf(namespaceOf(object))
      if (cluster !== undefined ? !ofClusters.take(cluster) : event.type === 'Normal' && !mass.take()) return
      waiting++
      chain = chain
        .then(() => send(object, event))
        .catch(warn)
        .then(() => void waiting--)
    },
    flush: () => chain,
  }
}

/** A digest, since thousands of keys are stored. */
const keyOf = ({ metadata: { uid } }: KubernetesObject, { type, reason, message }: ClientEvent): string =>
  hash('sha1', [uid, type, reason, message].join('\n'), 'base64url')

const namespaceOf = ({ metadata: { namespace = 'default' } }: KubernetesObject): string => namespace

/** @returns false when the earlier event is gone: the API keeps them for an hour */
async function countUp(
  connection: Pick<KubeConnection, 'call'>,
  object: KubernetesObject,
  earlier: { name: string; count: number; at: string },
): Promise<boolean> {
  return await connection
    .call({
      method: 'PATCH',
      path: objectPath(resourceTypes.events, { namespace: namespaceOf(object), name: earlier.name }),
      query: { fieldManager: fieldManagers.operator },
      contentType: 'application/merge-patch+json',
      body: { count: earlier.count + 1, lastTimestamp: earlier.at },
    })
    .then(() => true)
    .catch(insteadWhen(isNotFound, false))
}

function eventBody(
  { apiVersion, kind, metadata }: KubernetesObject,
  event: ClientEvent,
  about: { name: string; at: string; component: string; instance: string },
): object {
  const { namespace, name, uid, resourceVersion } = metadata
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: about.name, namespace: namespace ?? 'default' },
    involvedObject: { apiVersion, kind, name, namespace, uid, resourceVersion },
    ...event,
    message: event.message.slice(0, 1024),
    count: 1,
    firstTimestamp: about.at,
    lastTimestamp: about.at,
    source: { component: about.component },
    reportingComponent: about.component,
    reportingInstance: about.instance,
  }
}

const rememberMs = 600_000
const rememberMost = 10_000

/** The events of the last ten minutes, by what they say. */
function createTold(clock: Pick<Clock, 'monotonic'>) {
  const events = new Map<string, { at: number; name: string; count: number }>()
  const isOld = ({ at }: { at: number }) => clock.monotonic() - at >= rememberMs
  return {
    find: (key: string) => {
      const event = events.get(key)
      return event && !isOld(event) ? event : undefined
    },
    add: (key: string, name: string) => {
      // The oldest come first, so the loop only visits what it deletes.
      for (const [each, event] of events) {
        if (!isOld(event) && events.size < rememberMost) break
        events.delete(each)
      }
      events.delete(key)
      events.set(key, { at: clock.monotonic(), name, count: 1 })
    },
  }
}

/** The limit of Normal events of all objects: this many at once, then ten a second. It spares the API server when thousands of clients
 *  arrive. */
const massLimit = { size: 200, refillMs: 100 }
/** The same for all events of one joined cluster, which may have any reason to change its clients as fast as it can: it takes nothing from
 *  others. */
const clusterLimit = { size: 50, refillMs: 1_000 }

/** How many more events of many objects may be written. */
function createMass(clock: Pick<Clock, 'monotonic'>, { size, refillMs }: typeof massLimit) {
  let [tokens, at] = [size, clock.monotonic()]
  return {
    /** @returns whether one more may be written */
    take: (): boolean => {
      const refilled = Math.floor((clock.monotonic() - at) / refillMs)
      tokens = Math.min(size, tokens + refilled)
      at += refilled * refillMs
      if (tokens === 0) return false
      tokens--
      return true
    },
  }
}

/** How many more events of each joined cluster may be written. */
function createClusterMasses(clock: Pick<Clock, 'monotonic'>) {
  const masses = new Map<string, ReturnType<typeof createMass>>()
  return {
    /** @returns whether one more may be written */
    take: (cluster: string): boolean => {
      const mass = masses.get(cluster) ?? createMass(clock, clusterLimit)
      masses.set(cluster, mass)
      return mass.take()
    },
  }
}

/** As client-go: 25 at once for an object, then one in five minutes. */
const bucketSize = 25
const bucketLimit = 5000
const refillMs = 300_000

/** How many more events of an object may be written, by its uid. */
function createAllowance(clock: Pick<Clock, 'monotonic'>) {
  const buckets = new Map<string, { tokens: number; at: number }>()
  return {
    /** @returns whether one more may be written */
    take: (uid: string): boolean => {
      if (buckets.size > bucketLimit) buckets.clear()
      const bucket = buckets.get(uid) ?? { tokens: bucketSize, at: clock.monotonic() }
      const refilled = Math.floor((clock.monotonic() - bucket.at) / refillMs)
      if (refilled > 0) {
        bucket.tokens = Math.min(bucketSize, bucket.tokens + refilled)
        bucket.at += refilled * refillMs
      }
      buckets.set(uid, bucket)
      if (bucket.tokens === 0) return false
      bucket.tokens--
      return true
    },
  }
}
