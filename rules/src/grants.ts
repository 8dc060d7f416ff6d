// The grant types of an OIDCClient, and their names in the protocol. Implicit and password do not exist.

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
