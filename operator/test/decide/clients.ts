// Small OIDCClients and policies for tables.
import { renderVersion } from '@nauthera/proto/client-version'
import type { OIDCClient, OIDCClientSpec } from '../../src/api/oidc-client.ts'
import type { OIDCPolicy, OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import type { Judgement } from '../../src/decide/access/judgement.ts'
import { renderConfig } from '../../src/decide/client/metadata.ts'
import { bindingOf } from '../../src/decide/client/policies.ts'
import type { BindingPolicies, Policies } from '../../src/decide/client/policies.ts'

/** @param change what differs from a Web client named demo/app */
export function client(
  change: Partial<OIDCClientSpec> = {},
  metadata: Partial<OIDCClient['metadata']> = {},
): OIDCClient {
  const { name = 'app', namespace = 'demo' } = metadata
  const isWeb = (change.type ?? 'Web') === 'Web'
  return {
    metadata: {
      name,
      namespace,
      uid: `uid-of-${namespace}-${name}`,
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec: { type: 'Web', ...(isWeb ? { redirectURIs: ['https://app.example.com/callback'] } : {}), ...change },
  }
}

export const policy = (name: string, spec: OIDCPolicySpec): OIDCPolicy => ({ metadata: { name }, spec })

/** @returns policies as they hold for a client, the last one being the baseline */
export const holding = (...specs: OIDCPolicySpec[]): Policies =>
  specs.map((spec, index) => ({ name: index === specs.length - 1 ? 'baseline' : `policy-${index + 1}`, spec }))

/** @returns those of them that bind */
export const binding = (...specs: OIDCPolicySpec[]): BindingPolicies => bindingOf(holding(...specs))

/** Shards that have never had a client. */
export const emptyShards = {
  stored: () => undefined,
  holders: () => [],
  isLeaving: () => false,
  isUnheardOf: () => true,
  noRoom: () => undefined,
}

/** @param change what differs from an accepted client that breaks no policy; what follows from it for the servers is given as
 *    `serve`, or is `desired` unless the change refuses the client */
export function judged(change: Partial<Judgement> = {}): Judgement {
  const base = {
    client: client({}, { generation: 4 }),
    spacings: [],
    maxOverlapMs: 0,
    acceptance: { kind: 'accepted', wanted: 'demo.app' },
    policies: ['baseline'],
    binding: binding({}),
    isJudged: true,
    declared: [],
    violations: [],
    breaches: [],
    forbidsEarlier: false,
    shardBytes: 65_536,
    clusterBytes: Infinity,
    ...change,
  } as const
  const isRefused = base.acceptance.kind !== 'accepted' || base.violations.some((one) => one.enforcement === 'Deny')
  const serve: Judgement['serve'] = isRefused
    ? { kind: 'carry', until: undefined }
    : { kind: 'desired', config: renderConfig(base.client), version: renderVersion(renderConfig(base.client)) }
  const served = serve.kind === 'desired' ? base.acceptance.wanted : undefined
  return { serve, served, ...base }
}
