// What is decided about one client before anything of its Secret is read. It is decided once in each look, and handed on: who is
// told this value asks neither the rules nor the policies again.
import { renderVersion } from '@nauthera/proto/client-version'
import type { ClientConfig, ClientVersion } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { OIDCClient } from '../api/oidc-client.ts'
import { unreadFault } from './acceptance.ts'
import type { Acceptance } from './acceptance.ts'
import { applyDefaults } from './apply-defaults.ts'
import type { Effective } from './apply-defaults.ts'
import { checkPolicies } from './check-policies.ts'
import type { Violation } from './check-policies.ts'
import { declaredApi } from './declared-api.ts'
import type { DeclaredApi } from './declared-api.ts'
import { renderConfig } from './metadata.ts'
import type { Policies } from './policies.ts'

export interface Judgement extends Effective {
  /** The rules: of the spec, and of ids that two clients claim. */
  readonly acceptance: Acceptance
  /** Names of the policies that hold for it. */
  readonly policies: readonly string[]
  /** Of these policies; none is looked for in a client that is not accepted. */
  readonly violations: readonly Violation[]
  /** The same policies with what they say; undefined when the object cannot even be asked about. */
  readonly holding: Policies | undefined
  /** What it says as an API; undefined when it is none. */
  readonly declared: DeclaredApi | undefined
  /** What follows: what servers may be told about it. */
  readonly serve:
    | { readonly kind: 'desired'; readonly config: ClientConfig; readonly version: ClientVersion }
    /** The last accepted version serves on; when it is for a policy's grace, until then (epoch milliseconds). */
    | { readonly kind: 'carry'; readonly until: number | undefined }
    | { readonly kind: 'nothing' }
}

/** @param about.acceptance of this client (acceptance.ts)
 *  @param about.policies that hold for it (policies.ts)
 *  @param about.countOlder how many clients of its namespace are older; asked only when a policy limits their number
 *  @param about.now epoch milliseconds */
export function judgeClient(
  client: OIDCClient,
  about: {
    readonly acceptance: Acceptance
    readonly policies: Policies
    readonly countOlder: () => number
    readonly now: number
  },
): Judgement {
  const { acceptance, policies, now } = about
  const names = policies.map(({ name }) => name)
  // defaults are laid only under a spec that follows the rules: any other may hold values of any shape
  const declares = (isDenied: boolean) => declaredApi(client, { acceptance, policies, isDenied })
  if (acceptance.kind === 'invalid') {
    return { ...invalid(client, acceptance), policies: names, holding: policies, declared: declares(false) }
  }
  const effective = applyDefaults(client, policies)
  const base = { ...effective, acceptance, policies: names, holding: policies, violations: [] }
  switch (acceptance.kind) {
    case 'conflict':
      return { ...base, declared: declares(false), serve: { kind: 'nothing' } }
    case 'accepted': {
      const isCounted = policies.some(({ spec }) => spec.limits?.clientsPerNamespace !== undefined)
      const violations = checkPolicies(effective.client, policies, isCounted ? about.countOlder() : 0)
      const declared = declares(denialsOf({ violations }).length > 0)
      return { ...base, violations, declared, serve: serveUnder(violations, effective.client, now) }
    }
  }
}

/** An object that the rules cannot even be asked about is refused; it concerns no other client. */
export function refuseClient(client: OIDCClient, why: string): Judgement {
  return invalid(client, { kind: 'invalid', clientId: idOfUnread(client), faults: [unreadFault(why)] })
}

/** What the object names, where that can be read. */
function idOfUnread({
  spec,
  metadata,
}: {
  readonly spec?: unknown
  readonly metadata: OIDCClient['metadata']
}): string {
  const named = typeof spec === 'object' && spec !== null && 'clientId' in spec ? spec.clientId : undefined
  return typeof named === 'string' ? named : `${metadata.namespace}.${metadata.name}`
}

/** What was accepted before serves on, for as long as it takes. */
const invalid = (client: OIDCClient, acceptance: Acceptance): Judgement => ({
  client,
  minSpacingMs: 0,
  maxOverlapMs: 0,
  acceptance,
  policies: [],
  holding: undefined,
  declared: undefined,
  violations: [],
  serve: { kind: 'carry', until: undefined },
})

/** @returns the version that servers may be told; undefined when this generation is refused */
export const configOf = ({ serve }: Pick<Judgement, 'serve'>): ClientConfig | undefined =>
  serve.kind === 'desired' ? serve.config : undefined

/** @returns the same as servers are told it */
export const versionOf = ({ serve }: Pick<Judgement, 'serve'>): ClientVersion | undefined =>
  serve.kind === 'desired' ? serve.version : undefined

/** @returns what policies forbid; the other violations are warnings */
export const denialsOf = ({ violations }: Pick<Judgement, 'violations'>): readonly Violation[] =>
  violations.filter(({ enforcement }) => enforcement === 'Deny')

function serveUnder(violations: readonly Violation[], client: OIDCClient, now: number): Judgement['serve'] {
  const denials = denialsOf({ violations })
  if (denials.length === 0) {
    const config = renderConfig(client)
    return { kind: 'desired', config, version: renderVersion(config) }
  }
  const until = deniedSince(client, now) + Math.min(...denials.map(({ graceMs }) => graceMs))
  return now < until ? { kind: 'carry', until } : { kind: 'nothing' }
}

/** The grace counts from the moment at which the status first said so. */
function deniedSince(client: OIDCClient, now: number): number {
  const condition = client.status?.conditions?.find(({ type }) => type === 'PolicyCompliant')
  return condition?.status === 'False' ? Date.parse(condition.lastTransitionTime) : now
}
