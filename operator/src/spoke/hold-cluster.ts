// The Lease in the hub that says which operator of which cluster writes there: two that have one name would else delete each other's mirrors.
import { spokeName } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import { isConflict, isForbidden } from '../kubernetes/api-error.ts'
import type { KubeConnection } from '../kubernetes/connection.ts'
import { findObject } from '../kubernetes/find-object.ts'
import { microTime } from '../kubernetes/lease-record.ts'
import type { LeaseObject } from '../kubernetes/lease-record.ts'
import { objectPath, resourceTypes } from '../kubernetes/objects.ts'
import type { Clock } from '../time/clock.ts'
import { Loop } from '../time/loop.ts'
import type { HubState } from './hub-state.ts'

/** The pause between two renewals: without one the hub soon counts as silent. Milliseconds. */
const renewMs = 5_000

/** Who writes in the hub. */
export interface SpokeHolder {
  /** Uid of kube-system, which no two clusters share. */
  readonly uid: string
  /** `<namespace>/<release>` of the operator: two of one cluster may watch different namespaces. */
  readonly release: string
}

/** @returns what the Lease says of it */
const holderText = ({ uid, release }: SpokeHolder): string => `${uid}/${release}`

interface HoldNeeds {
  readonly hub: Pick<KubeConnection, 'call'>
  readonly namespace: string
  readonly self: SpokeHolder
  readonly state: HubState
  readonly clock: Clock
  readonly log: Log
  /** The hub became usable, or is no longer. */
  readonly onChange: () => void
}

/** Holds our place in the hub, and finds out by that whether the hub answers. */
export class HoldCluster {
  readonly #needs: HoldNeeds
  readonly #loop: Loop
  #held: LeaseObject | undefined
  #stopListening = () => {}

  constructor(needs: HoldNeeds) {
    this.#needs = needs
    this.#loop = new Loop({ clock: needs.clock, round: () => this.#round() })
  }

  start(): void {
    this.#stopListening = this.#needs.state.listen(() => this.#report())
    this.#loop.start()
  }

  stop(): Promise<void> {
    this.#stopListening()
    return this.#loop.stop()
  }

  async #round(): Promise<number> {
    const { state, log } = this.#needs
    await this.#renew().catch((error: unknown) => {
      if (isForbidden(error)) state.recordHolder({ kind: 'refused' })
      log.debug({ error }, 'lease of the hub not renewed')
    })
    state.look()
    return renewMs
  }

  #report(): void {
    const { state, log, onChange } = this.#needs
    const { fault } = state
    if (this.#loop.stopping.aborted) return
    if (fault) log.warn({ reason: fault.reason, why: fault.message }, 'the hub cannot be used')
    else if (state.mayWrite) log.info({}, 'the hub answers')
    onChange()
  }

  async #renew(): Promise<void> {
    const { hub, namespace, self, state, clock } = this.#needs
    const identity = holderText(self)
    const path = objectPath(resourceTypes.leases, { namespace, name: spokeName })
    const found = this.#held ?? (await findObject<LeaseObject>(hub, path, { lane: 'lease' }))
    this.#held = undefined
    if (!found) return state.recordHolder({ kind: 'none' })
    const { holderIdentity, acquireTime } = found.spec ?? {}
    if (holderIdentity && holderIdentity !== identity) return state.recordHolder(otherHolder(holderIdentity, self))
    const renewTime = microTime(clock.now())
    const spec = {
      ...found.spec,
      holderIdentity: identity,
      acquireTime: (holderIdentity && acquireTime) || renewTime,
      renewTime,
      leaseDurationSeconds: 60,
    }
    try {
      this.#held = await hub.call<LeaseObject>({ method: 'PUT', path, lane: 'lease', body: { ...found, spec } })
      state.recordHolder({ kind: 'ours' })
    } catch (error) {
      if (!isConflict(error)) throw error
      // somebody else wrote it, and may hold it now
      await this.#renew()
    }
  }
}

/** @param text of a Lease that we do not hold */
function otherHolder(text: string, self: SpokeHolder): Parameters<HubState['recordHolder']>[0] {
  const [uid = '', ...release] = text.split('/')
  return uid === self.uid ? { kind: 'other-release', release: release.join('/') } : { kind: 'other', uid }
}
