import { createHash } from 'node:crypto'
import { fieldManagers } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import type { Clock } from '../time/clock.ts'
import { isNotFound } from './api-error.ts'
import type { Connection } from './connection.ts'
import { collectionPath, objectPath, resourceTypes } from './objects.ts'
import type { KubernetesObject } from './objects.ts'

export interface EventRecorder {
  /** Never throws and never waits for the API: an event tells a story, nothing depends on it. */
  record(object: KubernetesObject, event: { type: 'Normal' | 'Warning'; reason: string; message: string }): void
  /** Resolves when what was recorded has been sent or given up. */
  flush(): Promise<void>
}

const rememberMs = 600_000
const waitingLimit = 1000
/** As client-go: 25 at once for an object, then one in five minutes. */
const bucketSize = 25
const bucketLimit = 5000
const refillMs = 300_000

/** Writes Events. The same event within ten minutes raises the count of the first one; an object that talks too much
 *  is cut short. */
export function createEventRecorder(options: {
  connection: Connection
  component: string
  instance: string
  clock: Clock
  log: Log
}): EventRecorder {
  const { connection, clock, log } = options
  const seen = new Map<string, { at: number; name: string; count: number }>()
  const buckets = new Map<string, { tokens: number; at: number }>()
  let waiting = 0
  let chain = Promise.resolve()
  let warnedAt = -Infinity

  const takeToken = (uid: string): boolean => {
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
  }

  /** The oldest come first, so that this costs no more than what it forgets. */
  const forgetOld = () => {
    for (const [key, entry] of seen) {
      if (clock.monotonic() - entry.at <= rememberMs) break
      seen.delete(key)
    }
    if (buckets.size > bucketLimit) buckets.clear()
  }

  const send = async (object: KubernetesObject, event: { type: string; reason: string; message: string }) => {
    const { namespace = 'default', name, uid } = object.metadata
    const key = [uid, event.type, event.reason, event.message].join('\n')
    const time = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z')
    const earlier = seen.get(key)
    if (earlier && clock.monotonic() - earlier.at < rememberMs) {
      earlier.count++
      try {
        await connection.call({
          method: 'PATCH',
          path: objectPath(resourceTypes.events, { namespace, name: earlier.name }),
          query: { fieldManager: fieldManagers.operator },
          contentType: 'application/merge-patch+json',
          body: { count: earlier.count, lastTimestamp: time },
        })
        return
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
    }
    const suffix = createHash('sha256').update(`${key}\n${time}\n${Math.random()}`).digest('hex').slice(0, 16)
    const eventName = `${name.slice(0, 200)}.${suffix}`
    forgetOld()
    await connection.call({
      method: 'POST',
      path: collectionPath(resourceTypes.events, namespace),
      query: { fieldManager: fieldManagers.operator },
      body: {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: eventName, namespace },
        involvedObject: {
          apiVersion: object.apiVersion,
          kind: object.kind,
          name,
          namespace: object.metadata.namespace,
          uid,
          resourceVersion: object.metadata.resourceVersion,
        },
        ...event,
        message: event.message.slice(0, 1024),
        count: 1,
        firstTimestamp: time,
        lastTimestamp: time,
        source: { component: options.component },
        reportingComponent: options.component,
        reportingInstance: options.instance,
      },
    })
    seen.delete(key)
    seen.set(key, { at: clock.monotonic(), name: eventName, count: 1 })
  }

  return {
    record: (object, event) => {
      if (waiting >= waitingLimit || !takeToken(object.metadata.uid ?? '')) return
      waiting++
      chain = chain
        .then(() => send(object, event))
        .catch((error: unknown) => {
          if (clock.monotonic() - warnedAt < 10_000) return
          warnedAt = clock.monotonic()
          log.warn({ error }, 'event lost')
        })
        .finally(() => void waiting--)
    },
    flush: () => chain,
  }
}
