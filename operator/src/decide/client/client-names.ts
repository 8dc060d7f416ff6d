// What a client is called, and which of two that want one name is older.
import { defaultClientId } from '@nauthera/rules/tenants'
import type { OIDCClient } from '../../api/oidc-client.ts'

/** @returns `namespace/name`. */
export function keyOf(client: Pick<OIDCClient, 'metadata'>): string {
  return `${client.metadata.namespace}/${client.metadata.name}`
}

/** @returns `spec.clientId`, else `<namespace>.<name>`; of a mirror `<cluster>_<namespace>.<name>`. */
export function clientIdOf(client: OIDCClient): string {
  return client.spec.clientId ?? defaultClientId(client.metadata)
}

/** Older first; in the same second the UID decides, so every operator agrees. */
export function byAge(left: OIDCClient, right: OIDCClient): number {
  const [a, b] = [Date.parse(left.metadata.creationTimestamp), Date.parse(right.metadata.creationTimestamp)]
  return a - b || (left.metadata.uid < right.metadata.uid ? -1 : 1)
}
