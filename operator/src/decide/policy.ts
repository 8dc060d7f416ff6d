// What policies allow, require and default.
import type { OIDCClient } from '../api/oidc-client.ts'
import type { OIDCPolicy, OIDCPolicySpec } from '../api/oidc-policy.ts'

/** One policy as it holds for a client. The baseline of the settings is named `baseline`. */
export interface NamedPolicy {
  readonly name: string
  readonly spec: OIDCPolicySpec
}

/** All policies that hold for one client, baseline first, then by priority (highest first), then by name. */
export type Policies = readonly NamedPolicy[]

export interface Violation {
  readonly policy: string
  readonly enforcement: 'Deny' | 'Warn' | 'Audit'
  /** Milliseconds that the last compliant version serves on. */
  readonly graceMs: number
  readonly field: string
  readonly message: string
}

/** The client with every default that policy gives; nothing that the client says itself changes. */
export interface Effective {
  readonly spec: OIDCClient['spec']
  readonly minSpacingMs: number
  readonly maxOverlapMs: number
}

export declare function policiesFor(
  client: OIDCClient,
  input: {
    readonly baseline: OIDCPolicySpec
    readonly policies: readonly OIDCPolicy[]
    /** Labels of the client's namespace; undefined where the operator may not read them (only the baseline holds then). */
    readonly namespaceLabels: Readonly<Record<string, string>> | undefined
  },
): Policies
export declare function applyDefaults(client: OIDCClient, policies: Policies): Effective
/** @param olderInNamespace clients of the same namespace that are older, for limits.clientsPerNamespace */
export declare function checkPolicies(effective: OIDCClient, policies: Policies, olderInNamespace: number): readonly Violation[]
