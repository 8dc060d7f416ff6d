import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'

export type Access = { readonly kind: 'allowed' } | { readonly kind: 'refused'; readonly reason: 'groups' }

/** Whether a person may use a client; checked at each sign-in, each issue of a token and each refresh.
 *  @param groups of the person, by name */
export function accessOf(config: Pick<ClientConfig, 'allowedGroups'>, groups: readonly string[]): Access {
  const { allowedGroups } = config
  if (allowedGroups.length === 0 || allowedGroups.some((group) => groups.includes(group))) return { kind: 'allowed' }
  return { kind: 'refused', reason: 'groups' }
}
