import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { describeError } from '@nauthera/runtime/log'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { OIDCPolicySpec } from '../api/oidc-policy.ts'
import { judgeClients, keyOf } from '../decide/acceptance.ts'
import type { Acceptance } from '../decide/acceptance.ts'
import { renderConfig } from '../decide/metadata.ts'
import { applyDefaults, checkPolicies, policiesFor } from '../decide/policy.ts'
import type { Effective, Policies, Violation } from '../decide/policy.ts'
import type { Watch } from './watch.ts'

/** What is decided about a client before anything is read of its Secret. */
export interface Judgement {
  readonly acceptance: Acceptance
  readonly policies: Policies
  readonly violations: readonly Violation[]
  /** With every default of policy. */
  readonly client: OIDCClient
  readonly effective: Effective
  /** Undefined when nothing of this generation may be served. */
  readonly config: ClientConfig | undefined
  readonly serve:
    | { readonly kind: 'desired'; readonly config: ClientConfig }
    /** The last accepted version serves on; when it is for a policy's grace, until then (epoch milliseconds). */
    | { readonly kind: 'carry'; readonly until: number | undefined }
    | { readonly kind: 'nothing' }
}

interface Needs {
  readonly watch: Pick<Watch, 'clients' | 'policies' | 'namespaceLabels'>
  readonly baseline: OIDCPolicySpec
  /** Epoch milliseconds. */
  readonly now: number
}

/** Never throws: an object that cannot even be judged is refused, and concerns nobody else.
 *  @param onPoison told of such an object */
export function judgeClient(client: OIDCClient, needs: Needs, onPoison: (error: unknown) => void): Judgement {
  try {
    return judge(client, needs)
  } catch (error) {
    onPoison(error)
    const clientId = `${client.metadata.namespace}.${client.metadata.name}`
    const message = `cannot be understood (${describeError(error)}); write it anew`
    return {
      acceptance: { kind: 'invalid', clientId, faults: [{ path: 'spec', message }] },
      policies: [],
      violations: [],
      client,
      effective: { client, minSpacingMs: 0, maxOverlapMs: 0 },
      config: undefined,
      serve: { kind: 'carry', until: undefined },
    }
  }
}

function judge(client: OIDCClient, needs: Needs): Judgement {
  const { watch, baseline, now } = needs
  const key = keyOf(client)
  const all = watch.policies()
  const policiesOf = (one: OIDCClient): Policies =>
    policiesFor(one, { baseline, policies: all, namespaceLabels: watch.namespaceLabels(one.metadata.namespace) })
  const policies = policiesOf(client)
  const effective = applyDefaults(client, policies)
  const complete = effective.client
  const acceptance = judgeClients(watch.clients.rivals(key), policiesOf).get(key)
  if (!acceptance) throw new Error(`${key} was not judged`)
  const base = { acceptance, policies, client: complete, effective }

  if (acceptance.kind === 'invalid') {
    return { ...base, violations: [], config: undefined, serve: { kind: 'carry', until: undefined } }
  }
  if (acceptance.kind !== 'accepted') {
    return { ...base, violations: [], config: undefined, serve: { kind: 'nothing' } }
  }
  const counted = policies.some(({ spec }) => spec.limits?.clientsPerNamespace !== undefined)
  const violations = checkPolicies(complete, policies, counted ? watch.clients.olderInNamespace(client) : 0)
  const denials = violations.filter(({ enforcement }) => enforcement === 'Deny')
  if (denials.length === 0) {
    const config = renderConfig(complete)
    return { ...base, violations, config, serve: { kind: 'desired', config } }
  }
  const until = deniedSince(client, now) + Math.min(...denials.map(({ graceMs }) => graceMs))
  const serve = now < until ? ({ kind: 'carry', until } as const) : ({ kind: 'nothing' } as const)
  return { ...base, violations, config: undefined, serve }
}

/** The grace counts from the moment at which the status first said so. */
function deniedSince(client: OIDCClient, now: number): number {
  const condition = client.status?.conditions?.find(({ type }) => type === 'PolicyCompliant')
  return condition?.status === 'False' ? Date.parse(condition.lastTransitionTime) : now
}
