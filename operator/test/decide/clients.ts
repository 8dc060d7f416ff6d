// Small OIDCClients and policies for tables.
import type { OIDCClient, OIDCClientSpec } from '../../src/api/oidc-client.ts'
import type { OIDCPolicy, OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import type { Policies } from '../../src/decide/policy.ts'

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
