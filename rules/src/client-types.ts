// What `spec.type` decides: default grants, default authentication, whether there are redirects.
import type { AuthMethod } from './client-authentication.ts'
import type { GrantType } from './grants.ts'

export const clientTypes = ['Web', 'SPA', 'Native', 'M2M', 'Device'] as const
export type ClientType = (typeof clientTypes)[number]

interface Meaning {
  /** The default of `grants`. */
  readonly grants: readonly GrantType[]
  /** The default of `auth.method`. */
  readonly method: AuthMethod
  /** Whether a browser is redirected back to it. */
  readonly redirects: boolean
  readonly scopes: readonly string[]
}

const ofPeople = ['openid', 'profile', 'email', 'groups']
const codeFlow: readonly GrantType[] = ['authorization_code', 'refresh_token']

const meanings: Readonly<Record<ClientType, Meaning>> = {
  Web: { grants: codeFlow, method: 'client_secret', redirects: true, scopes: ofPeople },
  SPA: { grants: codeFlow, method: 'none', redirects: true, scopes: ofPeople },
  Native: {
    grants: [...codeFlow, 'device_code'],
    method: 'none',
    redirects: true,
    scopes: ofPeople,
  },
  M2M: {
    grants: ['client_credentials'],
    method: 'client_secret',
    redirects: false,
    scopes: [],
  },
  Device: {
    grants: ['device_code', 'refresh_token'],
    method: 'none',
    redirects: false,
    scopes: ofPeople,
  },
}

export const meaningOf = (type: ClientType): Meaning => meanings[type]

/** @returns the types of which something holds, such as `({ redirects }) => redirects` */
export const typesWhere = (holds: (meaning: Meaning) => boolean): readonly ClientType[] =>
  clientTypes.filter((type) => holds(meanings[type]))
