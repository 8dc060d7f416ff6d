import type { Log } from '@nauthera/runtime/log'
import { createBackoff } from '../time/backoff.ts'
import { pause } from '../time/clock.ts'
import type { Clock } from '../time/clock.ts'
import { ApiError, insteadWhen, isAlreadyExists, isConflict } from './api-error.ts'
import type { KubeConnection } from './connection.ts'
import { findObject } from './find-object.ts'
import {
  afterDoubt,
  afterRead,
  afterWrite,
  givenBack,
  lossOf,
  mustRead,
  nextMove,
  nothingKnown,
  waitAfterLoss,
} from './lease-record.ts'
import type { LeaseMove, LeaseObject } from './lease-record.ts'
import { collectionPath, objectPath, resourceTypes } from './objects.ts'

export interface LeaseTimes {
  readonly durationMs: number
  readonly renewWithinMs: number
  readonly retryMs: number
}

/** Longest wait of a candidate between two tries while the API fails; 10 s with jitter. */
const longestRetryMs = 8_000

const leaseTimes: LeaseTimes = { durationMs: 15_000, renewWithinMs: 10_000, retryMs: 2_000 }

export interface Lease {
  /** Resolves once this process leads. */
  acquire(): Promise<void>
  /** Whether the last renewal is recent enough that nobody else can lead. Checked before each write. */
  isHeld(): boolean
  /** Releases the Lease, so that the next leader need not wait for its expiry. Stops renewing. */
  release(): Promise<void>
}

/** Leadership by a Lease.
 *  @param options.onLost called once when the Lease is lost: wait for `backOffMs`, then exit */
export function createLease(options: {
  connection: KubeConnection
  namespace: string
  name: string
  identity: string
  clock: Clock
  random: () => number
  log: Log
  times?: LeaseTimes
  onLost: (reason: string, backOffMs: number) => void
}): Lease {
  const { identity, clock, log } = options
  const times = options.times ?? leaseTimes
  const calls = createLeaseCalls(options.connection, options)
  const candidate = createCandidate(calls, { identity, clock, log, durationMs: times.durationMs })
  const stopping = new AbortController()
  let renewing: Promise<void> | undefined
  /** The record as we took it. */
  let taken: LeaseObject | undefined

  const renew = async () => {
    while (!stopping.signal.aborted) {
      await pause(clock, times.retryMs, stopping.signal)
      if (stopping.signal.aborted || (await candidate.attempt()) === 'held') continue
      if (stopping.signal.aborted) return
      const loss = lossOf(candidate.view(), identity, times.renewWithinMs, clock.monotonic())
      if (loss === undefined) continue
      candidate.lead(false)
      options.onLost(loss, waitAfterLoss(taken, clock.now(), options.random))
      return
    }
  }

  return {
    acquire: async () => {
      const failing = createBackoff({ baseMs: times.retryMs, capMs: longestRetryMs, random: options.random })
      while (!stopping.signal.aborted) {
        const outcome = await candidate.attempt()
        if (outcome === 'held') {
          taken = candidate.view().record
          candidate.lead(true)
          log.info({ lease: options.name, identity }, 'leads now')
          renewing = renew()
          return
        }
        // no extra calls to an API that does not answer
        if (outcome === 'not-held') failing.reset()
        await pause(clock, outcome === 'failed' ? failing.next() : times.retryMs, stopping.signal)
      }
      // Stopped before it led: the caller must not start.
      return new Promise(() => {})
    },
    isHeld: () => {
      const { isLeading, renewedAt } = candidate.view()
      return isLeading && clock.monotonic() - renewedAt < times.durationMs
    },
    release: async () => {
      stopping.abort()
      await renewing
      const { isLeading, record } = candidate.view()
      if (!isLeading || record === undefined) return
      candidate.lead(false)
      await calls.send({ kind: 'replace', record: givenBack(record) }).catch((error: unknown) => {
        log.warn({ error }, 'lease not given back')
      })
    },
  }
}

/** One process as a candidate: its view of the Lease, and its attempts. */
function createCandidate(
  calls: LeaseCalls,
  { identity, clock, log, durationMs }: { identity: string; clock: Clock; log: Log; durationMs: number },
) {
  let view = nothingKnown
  return {
    view: () => view,
    lead: (isLeading: boolean): void => {
      view = { ...view, isLeading }
    },
    /** @returns whether we hold it now; `failed`: the API did not answer */
    attempt: async (): Promise<'held' | 'not-held' | 'failed'> => {
      const begunAt = clock.monotonic()
      try {
        if (mustRead(view)) view = afterRead(view, await calls.find(), clock.monotonic())
        const time = { now: clock.now(), monotonic: clock.monotonic() }
        const move = nextMove(view, identity, durationMs, time)
        if (move.kind === 'wait') return 'not-held'
        const written = await calls.send(move)
        view = written ? afterWrite(view, written, begunAt, clock.monotonic()) : afterDoubt(view)
        return written ? 'held' : 'not-held'
      } catch (error) {
        view = afterDoubt(view)
        log.warn({ error }, 'lease failed')
        return 'failed'
      }
    },
  }
}

interface LeaseCalls {
  /** @returns undefined when there is none. @throws ApiError */
  find(): Promise<LeaseObject | undefined>
  /** @returns the record as it is now; undefined when somebody else was faster. @throws ApiError */
  send(move: Exclude<LeaseMove, { kind: 'wait' }>): Promise<LeaseObject | undefined>
}

function createLeaseCalls(connection: KubeConnection, at: { namespace: string; name: string }): LeaseCalls {
  const { namespace, name } = at
  const path = objectPath(resourceTypes.leases, { namespace, name })
  const collection = collectionPath(resourceTypes.leases, namespace)
  const lane = 'lease'
  return {
    find: () => findObject<LeaseObject>(connection, path, { lane }),
    send: (move) => {
      const sent =
        move.kind === 'create'
          ? connection.call<LeaseObject>({
              method: 'POST',
              path: collection,
              lane,
              body: {
                apiVersion: 'coordination.k8s.io/v1',
                kind: 'Lease',
                metadata: { name, namespace },
                spec: move.spec,
              },
            })
          : connection.call<LeaseObject>({ method: 'PUT', path, lane, body: move.record })
      return sent.catch(insteadWhen((error) => isConflict(error) || isAlreadyExists(error), undefined))
    },
  }
}

/** A connection that writes only while the Lease is held. A leader that pauses after the check could still write; the resourceVersion of
 *  each write prevents that. */
export function writeWhileHeld(connection: KubeConnection, lease: Pick<Lease, 'isHeld'>): KubeConnection {
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
