// How a client comes by tokens: the words of an OIDCClient, and those of the protocol. There is no implicit and no password.

export const grantTypes = [
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'device_code',
  'token_exchange',
] as const
export type GrantType = (typeof grantTypes)[number]

/** Those of later RFCs have longer names in the protocol. */
const longNames: Partial<Record<GrantType, string>> = {
  device_code: 'urn:ietf:params:oauth:grant-type:device_code',
  token_exchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
}

/** @returns the grant as `grant_types` has it (RFC 7591) */
export const wireGrant = (grant: GrantType): string => longNames[grant] ?? grant

export const wireGrants: readonly string[] = grantTypes.map(wireGrant)
