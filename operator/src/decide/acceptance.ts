// Which clients stand: the rules of the spec, and two clients with one id.
import type { Fault } from '@nauthera/runtime/coded-error'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { Policies } from './policy.ts'

/** What a client is refused for; conditions.ts gives the words. */
export type Acceptance =
  | { readonly kind: 'accepted'; readonly clientId: string }
  /** The spec breaks a rule: what was accepted before serves on. */
  | { readonly kind: 'invalid'; readonly clientId: string; readonly faults: readonly Fault[] }
  /** An older object has the client id, or the identifier of the resource server. Nothing of this one is served. */
  | {
      readonly kind: 'conflict'
      readonly clientId: string
      readonly field: 'spec.clientId' | 'spec.resourceServer.identifier'
      /** `namespace/name` of the older one. */
      readonly holder: string
    }
  /** The operator does not watch this namespace. */
  | { readonly kind: 'namespace-not-allowed'; readonly clientId: string }

/** @returns `<namespace>.<name>`, or `spec.clientId`. */
export function clientIdOf(client: OIDCClient): string {
  return client.spec.clientId ?? `${client.metadata.namespace}.${client.metadata.name}`
}

/** Judges all clients of this release together, since two may claim one id.
 *  @param clients those whose spec.serverName is ours, in any order
 *  @param policiesOf the policies that hold for a client (policy.ts): they lift the rule of the namespace prefix
 *  @returns by `namespace/name` */
export declare function judgeClients(
  clients: readonly OIDCClient[],
  policiesOf: (client: OIDCClient) => Policies,
): ReadonlyMap<string, Acceptance>
