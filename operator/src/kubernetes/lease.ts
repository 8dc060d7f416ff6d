import type { Log } from '@nauthera/runtime/log'
import { pause } from '../time/clock.ts'
import type { Clock } from '../time/clock.ts'
import { ApiError, isAlreadyExists, isConflict, isNotFound } from './api-error.ts'
import type { Connection } from './connection.ts'
import { collectionPath, objectPath, resourceTypes } from './objects.ts'
import type { KubernetesObject } from './objects.ts'

interface LeaseObject extends KubernetesObject {
  spec: {
    holderIdentity?: string
    leaseDurationSeconds?: number
    acquireTime?: string
    renewTime?: string
    leaseTransitions?: number
  }
}

export interface LeaseTimes {
  readonly durationMs: number
  readonly renewWithinMs: number
  readonly retryMs: number
}

const leaseTimes: LeaseTimes = { durationMs: 15_000, renewWithinMs: 10_000, retryMs: 2_000 }

export interface Lease {
  /** Resolves once this process leads. */
  acquire(): Promise<void>
  /** Whether the last renewal is young enough that nobody else can lead. Asked before each write. */
  isHeld(): boolean
  /** Gives it back, so that the next one need not wait for its end. Stops renewing. */
  release(): Promise<void>
}

/** Leadership by a Lease. When another holds it, its end is judged by our own monotonic clock from the moment at which
 *  we last saw the record change: the clocks of two machines are never compared.
 *  @param options.onLost called once when it could not be renewed in time or somebody else has it: end the process */
export function createLease(options: {
  connection: Connection
  namespace: string
  name: string
  identity: string
  clock: Clock
  log: Log
  times?: LeaseTimes
  onLost: (reason: string) => void
}): Lease {
  const { connection, namespace, name, identity, clock, log } = options
  const times = options.times ?? leaseTimes
  const path = objectPath(resourceTypes.leases, { namespace, name })
  const stopping = new AbortController()
  let record: LeaseObject | undefined
  let recordSeenAt = -Infinity
  let renewedAt = -Infinity
  let leading = false
  let loop: Promise<void> | undefined

  const observe = (seen: LeaseObject) => {
    const changed = record?.metadata.resourceVersion !== seen.metadata.resourceVersion
    record = seen
    if (changed) recordSeenAt = clock.monotonic()
  }

  const ours = (transitions: number, acquireTime: string): LeaseObject['spec'] => ({
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(times.durationMs / 1000),
    acquireTime,
    renewTime: microTime(clock.now()),
    leaseTransitions: transitions,
  })

  const mayTake = (): boolean => {
    const holder = record?.spec.holderIdentity
    if (!holder || holder === identity) return true
    const durationMs = (record?.spec.leaseDurationSeconds ?? 0) * 1000
    return clock.monotonic() - recordSeenAt >= durationMs
  }

  /** @returns whether we hold it now */
  const tryOnce = async (): Promise<boolean> => {
    const startedAt = clock.monotonic()
    try {
      if (!leading || record === undefined) observe(await connection.call({ method: 'GET', path, lane: 'lease' }))
    } catch (error) {
      if (!isNotFound(error)) throw error
      const created = await create().catch(ignoreLostRace)
      if (!created) return false
      observe(created)
      renewedAt = startedAt
      return true
    }
    if (!mayTake() || record === undefined) return false
    const mine = record.spec.holderIdentity === identity
    const transitions = (record.spec.leaseTransitions ?? 0) + (mine ? 0 : 1)
    const acquireTime = mine ? (record.spec.acquireTime ?? microTime(clock.now())) : microTime(clock.now())
    const body = { ...record, spec: ours(transitions, acquireTime) }
    const written = await connection
      .call<LeaseObject>({ method: 'PUT', path, body, lane: 'lease' })
      .catch(ignoreLostRace)
    if (!written) {
      record = undefined
      return false
    }
    observe(written)
    renewedAt = startedAt
    return true
  }

  const create = (): Promise<LeaseObject> =>
    connection.call({
      method: 'POST',
      path: collectionPath(resourceTypes.leases, namespace),
      lane: 'lease',
      body: {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace },
        spec: ours(0, microTime(clock.now())),
      },
    })

  const attempt = async (): Promise<boolean> => {
    try {
      return await tryOnce()
    } catch (error) {
      // What we know may be old now: read before the next write.
      record = undefined
      log.warn({ error }, 'lease failed')
      return false
    }
  }

  const keep = async () => {
    while (!stopping.signal.aborted) {
      await pause(clock, times.retryMs, stopping.signal)
      if (stopping.signal.aborted) return
      if (await attempt()) continue
      if (stopping.signal.aborted) return
      const holder = record?.spec.holderIdentity
      const taken = holder !== undefined && holder !== '' && holder !== identity
      if (taken || clock.monotonic() - renewedAt >= times.renewWithinMs) {
        leading = false
        options.onLost(taken ? `held by ${holder}` : `not renewed for ${times.renewWithinMs} ms`)
        return
      }
    }
  }

  return {
    acquire: async () => {
      while (!stopping.signal.aborted) {
        if (await attempt()) {
          leading = true
          log.info({ lease: name, identity }, 'leading')
          loop = keep()
          return
        }
        await pause(clock, times.retryMs, stopping.signal)
      }
      // Stopped before it led: the caller is going away and must not begin.
      return new Promise(() => {})
    },
    isHeld: () => leading && clock.monotonic() - renewedAt < times.durationMs,
    release: async () => {
      stopping.abort()
      await loop
      if (!leading || record === undefined) return
      leading = false
      const body = { ...record, spec: { ...record.spec, holderIdentity: '', leaseDurationSeconds: 1 } }
      await connection.call({ method: 'PUT', path, body, lane: 'lease' }).catch((error: unknown) => {
        log.warn({ error }, 'lease kept')
      })
    },
  }
}

/** A connection that writes only while the Lease is held. It narrows the moment in which a paused leader could write;
 *  the preconditions of each write close it. */
export function writeWhileHeld(connection: Connection, lease: Pick<Lease, 'isHeld'>): Connection {
  return {
    ...connection,
    call: async (call) => {
      if (call.method !== 'GET' && !lease.isHeld()) {
        throw new ApiError('LEASE_LOST', { message: `${call.method} ${call.path} was not sent` })
      }
      return connection.call(call)
    },
  }
}

/** Somebody else was faster: not a fault. */
function ignoreLostRace(error: unknown): undefined {
  if (isConflict(error) || isAlreadyExists(error)) return undefined
  throw error
}

/** MicroTime of the API: six digits. */
const microTime = (epochMs: number): string => new Date(epochMs).toISOString().replace('Z', '000Z')
