// How a client comes by tokens: the words of an OIDCClient, and those of the protocol. There is no implicit and no password.

export const grantTypes = ['authorization_code', 'refresh_token', 'client_credentials', 'device_code'] as const
export type GrantType = (typeof grantTypes)[number]

/** @returns the grant as `grant_types` has it (RFC 7591); only that of RFC 8628 has a longer name there. */
export const wireGrant = (grant: GrantType): string =>
  grant === 'device_code' ? 'urn:ietf:params:oauth:grant-type:device_code' : grant

export const wireGrants: readonly string[] = grantTypes.map(wireGrant)
