// Builds this release's entry in the status of a policy.
import type { Condition } from '../../api/client-status.ts'
import type { OIDCPolicy, PolicyReport } from '../../api/oidc-policy.ts'
import { checkPolicySpec } from '../client/check-spec.ts'
import { conditionOf, shorten } from './finding.ts'

/** How the clients of this release comply with one policy. */
export interface PolicyStanding {
  readonly matched: number
  /** How many break it. */
  readonly violating: number
  /** The first of them by `namespace/name`, and how. */
  readonly examples: readonly { readonly key: string; readonly message: string }[]
}

type Finding = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>

const whatFollows = {
  Deny: 'they are refused when their grace is over',
  Warn: 'they are served, and their conditions say so',
  Audit: 'they are served, and only this status says so',
} as const

/** @param about.now epoch milliseconds
 *  @returns what the status says; equal to what it said before when nothing is new */
export function describePolicy(
  policy: OIDCPolicy,
  standing: PolicyStanding,
  about: { readonly release: string; readonly now: number },
): PolicyReport {
  const before = policy.status?.releases?.find(({ release }) => release === about.release)
  const { generation = 1 } = policy.metadata
  const conditions = [accepted(policy), compliant(policy, standing)].map((finding) =>
    conditionOf(finding.type, finding, { before: before?.conditions, generation, now: about.now }),
  )
  return {
    release: about.release,
    observedGeneration: generation,
    matchedClients: standing.matched,
    violatingClients: standing.violating,
    violating: standing.examples.map(({ key, message }) => {
      const [namespace = '', name = ''] = key.split('/')
      return { namespace, name, message: shorten(message) }
    }),
    conditions,
  }
}

function accepted({ spec }: OIDCPolicy): Finding {
  const faults = checkPolicySpec(spec, 'spec')
  return faults.length === 0
    ? { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'the spec follows every rule' }
    : {
        type: 'Accepted',
        status: 'False',
        reason: 'InvalidSpec',
        message: shorten(faults.map(({ path, message }) => `${path}: ${message}`).join('; ')),
      }
}

function compliant({ spec }: OIDCPolicy, { matched, violating }: PolicyStanding): Finding {
  if (violating === 0) {
    const message = `${matched} of ${matched} clients meet the policy`
    return { type: 'Compliant', status: 'True', reason: 'Compliant', message }
  }
  const enforcement = spec.enforcement ?? 'Deny'
  const message = `${violating} of ${matched} clients break the policy; ${whatFollows[enforcement]}`
  return { type: 'Compliant', status: 'False', reason: enforcement, message }
}
