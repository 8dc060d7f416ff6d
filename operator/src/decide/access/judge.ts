// Judges one client by rules and policies, before its Secret is read. Each look does it once and passes the judgement on.
import { renderVersion } from '@nauthera/proto/client-version'
import type { ClientVersion } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { OIDCCluster } from '../../api/oidc-cluster.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { unreadFault } from '../client/acceptance.ts'
import type { Acceptance } from '../client/acceptance.ts'
import { applyDefaults } from '../client/apply-defaults.ts'
import { clusterLimits, namespaceLimits } from '@nauthera/rules/limits'
import { defaultClientId } from '@nauthera/rules/tenants'
import { sizeFaults } from '@nauthera/rules/version-size'
import { checkCluster, checkPolicies, knownViolations } from '../client/check-policies.ts'
import type { Violation } from '../client/check-policies.ts'
import { declaredApis } from './declared-api.ts'
import type { DeclaredApi } from './declared-api.ts'
import { denialsOf } from './judgement.ts'
import type { Breach, Judgement } from './judgement.ts'
import { renderConfig } from '../client/metadata.ts'
import { bindingOf, shardBytesOf, tokenLimitsOf } from '../client/policies.ts'
import type { BindingPolicies, Policies } from '../client/policies.ts'

/** What a client is judged by. */
interface AboutClient {
  /** Of this client (acceptance.ts). */
  readonly acceptance: Acceptance
  /** Those that hold for it (policies.ts). */
  readonly policies: Policies
  /** Whether its tenant has no place for it under a limit of clients. One that holds a place already keeps it. */
  readonly isFull: (limit: number) => boolean
  /** Servers have it already. */
  readonly isServed: boolean
  /** The joined cluster of a mirror, and whether that has no place for it. */
  readonly cluster?: { readonly object: OIDCCluster; readonly isFull: (limit: number) => boolean } | undefined
  /** Whether servers have it under a name. */
  readonly isHeld?: (name: string) => boolean
  /** The client id that servers have it under; undefined when they have nothing of it. */
  readonly servedAs?: string | undefined
  /** The version that servers keep while the present one is not served. */
  readonly carried?: ClientVersion | undefined
  /** Which version servers have when the present one is not refused: the present one, the earlier one, or either while replicas differ. */
  readonly servedOf?: (present: ClientVersion) => 'present' | 'earlier' | 'either'
  /** Violations of binding policies by earlier versions that servers have (served-policies.ts). */
  readonly servedBreaks?: (present: ClientVersion | undefined) => readonly Violation[]
  /** Epoch milliseconds. */
  readonly now: number
}

export function judgeClient(client: OIDCClient, about: AboutClient): Judgement {
  const { acceptance, policies, now, servedBreaks = () => [] } = about
  const names = namesOf(policies)
  const binding = bindingOf(policies)
  const declares = createDeclares(client, binding, about)
  // defaults apply only to a valid spec: any other may have values of any type
  const refuse = (why: Acceptance): Judgement => {
    const served = servedBreaks(undefined)
    const isServed = about.carried !== undefined || served.length > 0
    // of a client that a policy withdrew nothing is left to judge; an edit that breaks the rules does not make it compliant
    const violations = isServed ? served : knownViolations(client, binding)
    const { breaches, until } = graceOf(client, denialsOf({ violations }), now)
    const isOver = until !== undefined && now >= until
    return {
      ...refused(client, why),
      served: isOver ? undefined : about.servedAs,
      policies: names,
      binding,
      isJudged: isServed || violations.length > 0,
      violations,
      breaches,
      declared: declares(why, isOver ? 'over' : until === undefined ? 'no' : 'grace'),
      serve: isOver ? { kind: 'nothing' } : { kind: 'carry', until },
    }
  }
  if (acceptance.kind !== 'accepted') return refuse(acceptance)
  const effective = applyDefaults(client, binding)
  const config = renderConfig(effective.client, tokenLimitsOf(binding))
  const version = renderVersion(config)
  const [tooLarge] = sizeFaults(version)
  if (tooLarge) return refuse({ kind: 'too-large', wanted: acceptance.wanted, message: tooLarge.message })
  const own = [
    ...checkPolicies(effective.client, policies, about.isFull),
    ...(about.cluster ? checkCluster(about.cluster.object, about.cluster.isFull) : []),
  ]
  const isDenied = denialsOf({ violations: own }).length > 0
  const violations = [...own, ...servedBreaks(version)]
  const { breaches, until = Infinity } = graceOf(client, denialsOf({ violations }), now)
  const isOver = now >= until
  const serve: Judgement['serve'] = !isDenied
    ? { kind: 'desired', config, version }
    : isOver
      ? { kind: 'nothing' }
      : { kind: 'carry', until }
  return {
    ...effective,
    acceptance,
    served: isDenied ? (isOver ? undefined : about.servedAs) : acceptance.wanted,
    policies: names,
    binding,
    isJudged: true,
    shardBytes: shardBytesOf(binding),
    clusterBytes: about.cluster
      ? (about.cluster.object.spec.limits?.bytesPerShard ?? clusterLimits.shardBytes)
      : Infinity,
    violations,
    breaches,
    forbidsEarlier: !isDenied && isOver,
    declared: isDenied
      ? declares(acceptance, !isOver && about.isServed ? 'grace' : 'over')
      : declares(acceptance, 'no', version),
    serve,
  }
}

/** The APIs that a client declares, in the version that servers have. */
const createDeclares =
  (client: OIDCClient, binding: BindingPolicies, { servedOf, carried, isHeld = () => false }: AboutClient) =>
  (acceptance: Acceptance, denied: 'no' | 'grace' | 'over', present?: ClientVersion): readonly DeclaredApi[] => {
    const served = present ? (servedOf?.(present) ?? 'present') : 'earlier'
    const earlier = served === 'present' ? undefined : carried
    const { kind } = acceptance
    return declaredApis(client, {
      refused: kind === 'accepted' ? undefined : kind === 'conflict' ? 'taken' : 'invalid',
      policies: binding,
      denied,
      isHeld,
      earlier,
      mayBePresent: served === 'either',
    })
  }

/** By the list itself, which many clients share. */
const names = new WeakMap<Policies, readonly string[]>()

function namesOf(policies: Policies): readonly string[] {
  const known = names.get(policies)
  if (known) return known
  const found = policies.map(({ name }) => name)
  names.set(policies, found)
  return found
}

/** Refuses an unreadable object. No other client is affected. */
export function refuseClient(client: OIDCClient, why: string): Judgement {
  const acceptance: Acceptance = { kind: 'invalid', wanted: idOfUnread(client), faults: [unreadFault(why)] }
  return { ...refused(client, acceptance), breaches: knownBreaches(client) }
}

/** The client id that the object names, if readable. */
function idOfUnread({
  spec,
  metadata,
}: {
  readonly spec?: unknown
  readonly metadata: OIDCClient['metadata']
}): string {
  const named = typeof spec === 'object' && spec !== null && 'clientId' in spec ? spec.clientId : undefined
  return typeof named === 'string' ? named : defaultClientId(metadata)
}

/** Refuses the present version; the accepted one stays. */
const refused = (client: OIDCClient, acceptance: Acceptance): Judgement => ({
  client,
  spacings: [],
  maxOverlapMs: 0,
  acceptance,
  served: undefined,
  policies: [],
  binding: undefined,
  isJudged: false,
  declared: [],
  violations: [],
  breaches: [],
  forbidsEarlier: false,
  shardBytes: namespaceLimits.shardBytes,
  clusterBytes: clusterLimits.shardBytes,
  serve: { kind: 'carry', until: undefined },
})

/** What its status remembers. */
const knownBreaches = ({ status }: OIDCClient): readonly Breach[] =>
  (status?.breaches ?? []).map(({ policy, since }) => ({ policy, since: Date.parse(since) }))

/** The grace period of each policy begins when its breach is first seen. The status stores that time, so an edit or a restart does not
 *  extend it.
 *  @returns `until`: when the first of them is over, epoch milliseconds; undefined without a breach */
function graceOf(
  client: OIDCClient,
  denials: readonly Violation[],
  now: number,
): { readonly breaches: readonly Breach[]; readonly until: number | undefined } {
  const known = new Map(knownBreaches(client).map(({ policy, since }) => [policy, since]))
  const sinceOf = (policy: string): number => known.get(policy) ?? now
  const policies = [...new Set(denials.map(({ policy }) => policy))]
  return {
    breaches: policies.map((policy) => ({ policy, since: sinceOf(policy) })),
    until:
      denials.length === 0 ? undefined : Math.min(...denials.map(({ policy, graceMs }) => sinceOf(policy) + graceMs)),
  }
}
