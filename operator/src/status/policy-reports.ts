import { isDeepStrictEqual } from 'node:util'
import { fieldManagers } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import type { OIDCPolicy, PolicyReport } from '../api/oidc-policy.ts'
import { describePolicy } from '../decide/status/policy-report.ts'
import { isFinalRefusal } from '../kubernetes/api-error.ts'
import { applyStatus } from '../kubernetes/conditional-write.ts'
import type { KubeConnection } from '../kubernetes/connection.ts'
import { resourceTypes, withKind } from '../kubernetes/objects.ts'
import type { Clock } from '../time/clock.ts'
import { Loop } from '../time/loop.ts'
import type { PolicyTally } from './policy-tally.ts'

/** The time between two rounds over all policies. Milliseconds. */
const everyMs = 5_000
/** After this many rounds it writes even while clients are being judged. */
const patientLooks = 12
/** Longest name of a field manager. */
const managerLength = 128

interface Needs {
  readonly policies: () => readonly OIDCPolicy[]
  readonly tally: Pick<PolicyTally, 'version' | 'standing'>
  /** Whether clients wait to be judged, so that the counts are incomplete. */
  readonly isBusy: () => boolean
  readonly settings: { readonly namespace: string; readonly release: string }
  readonly connection: Pick<KubeConnection, 'call'>
  readonly clock: Clock
  readonly log: Log
  readonly onWrite?: () => void
}

/** Writes this release's entry in the status of each policy, when it changed. */
export class PolicyReports {
  readonly #needs: Needs
  readonly #loop: Loop
  readonly #release: string
  readonly #manager: string
  /** The last written entry by name of the policy, and its inputs. */
  readonly #written = new Map<string, { readonly of: string; readonly report: PolicyReport }>()
  #busyLooks = 0

  constructor(needs: Needs) {
    this.#needs = needs
    this.#loop = new Loop({ clock: needs.clock, firstMs: everyMs, round: () => this.#round() })
    const { namespace, release } = needs.settings
    this.#release = `${namespace}/${release}`
    // each release owns its own entry and no other
    this.#manager = `${fieldManagers.status}-${namespace}-${release}`.slice(0, managerLength)
  }

  start(): void {
    this.#loop.start()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  async #round(): Promise<number> {
    const isBusy = this.#needs.isBusy() && this.#busyLooks++ < patientLooks
    if (!isBusy) await this.#look()
    return everyMs
  }

  async #look(): Promise<void> {
    this.#busyLooks = 0
    const policies = this.#needs.policies()
    const names = new Set(policies.map(({ metadata }) => metadata.name))
    for (const name of this.#written.keys()) if (!names.has(name)) this.#written.delete(name)
    for (const policy of policies) {
      try {
        await this.#report(policy)
      } catch (error) {
        this.#needs.log.warn({ policy: policy.metadata.name, error }, 'status of a policy not written')
        // a refusal concerns only this policy; when the API is away, the round ends
        if (!isFinalRefusal(error)) return
      }
    }
  }

  async #report(policy: OIDCPolicy): Promise<void> {
    const { tally, clock, connection, onWrite } = this.#needs
    const { name, uid, generation } = policy.metadata
    const of = [uid, generation, tally.version(name)].join()
    const last = this.#written.get(name)
    if (last?.of === of) return
    const about = { release: this.#release, now: clock.now() }
    const report = describePolicy(policy, tally.standing(name), about)
    const stored = policy.status?.releases?.find(({ release }) => release === this.#release)
    if (!isDeepStrictEqual(stored, report)) {
      const object = withKind('OIDCPolicy', policy)
      const status = { releases: [report] }
      const version = await applyStatus(connection, resourceTypes.policies, object, status, this.#manager)
      // a conflict: the watch brings the change for the next round
      if (version === undefined) return
      onWrite?.()
    }
    this.#written.set(name, { of, report })
  }
}
