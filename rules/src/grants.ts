// The grant types of an OIDCClient: their names in the protocol, and which clients may have them. Implicit and password do not exist.
import type { ClientType } from './client-types.ts'

interface GrantRule {
  /** The grant as `grant_types` has it (RFC 7591). */
  readonly wire: string
  /** The types that may have it. */
  readonly types: readonly ClientType[]
  /** The types that have it where the spec names no grants. */
  readonly usual: readonly ClientType[]
  /** Whether the client must authenticate itself. */
  readonly isProven?: boolean
  /** Whether the client must be an API. */
  readonly isOfApi?: boolean
}

const ofBrowsers: readonly ClientType[] = ['Web', 'SPA', 'Native']
const ofPeople: readonly ClientType[] = [...ofBrowsers, 'Device']
const ofDevices: readonly ClientType[] = ['Native', 'Device']
/** Of the grants of later RFCs. */
const urn = 'urn:ietf:params:oauth:grant-type'

/** In the order in which they are listed. For a new grant add a line. */
const rules = {
  authorization_code: { wire: 'authorization_code', types: ofBrowsers, usual: ofBrowsers },
  refresh_token: { wire: 'refresh_token', types: ofPeople, usual: ofPeople },
  client_credentials: { wire: 'client_credentials', types: ['Web', 'M2M'], usual: ['M2M'], isProven: true },
  device_code: { wire: `${urn}:device_code`, types: ofDevices, usual: ofDevices },
  token_exchange: { wire: `${urn}:token-exchange`, types: ['Web', 'M2M'], usual: [], isProven: true, isOfApi: true },
} satisfies Readonly<Record<string, GrantRule>>

export type GrantType = keyof typeof rules

const isGrantType = (name: string): name is GrantType => Object.hasOwn(rules, name)
export const grantTypes: readonly GrantType[] = Object.keys(rules).filter(isGrantType)

export const ruleOfGrant = (grant: GrantType): GrantRule => rules[grant]

/** @returns the grants of a client whose spec names none */
export const usualGrants = (type: ClientType): readonly GrantType[] =>
  grantTypes.filter((grant) => ruleOfGrant(grant).usual.includes(type))

/** @returns the grant as `grant_types` has it (RFC 7591) */
export const wireGrant = (grant: GrantType): string => rules[grant].wire

export const wireGrants: readonly string[] = grantTypes.map(wireGrant)
