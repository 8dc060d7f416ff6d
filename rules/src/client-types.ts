// What `spec.type` decides: default authentication and scopes, whether there are redirects. The default grants are in grants.ts.
import type { AuthMethod } from './client-authentication.ts'

export const clientTypes = ['Web', 'SPA', 'Native', 'M2M', 'Device'] as const
export type ClientType = (typeof clientTypes)[number]

interface Meaning {
  /** The default of `auth.method`. */
  readonly method: AuthMethod
  /** Whether a browser is redirected back to it. */
  readonly redirects: boolean
  readonly scopes: readonly string[]
}

const ofPeople = ['openid', 'profile', 'email', 'groups']

const meanings: Readonly<Record<ClientType, Meaning>> = {
  Web: { method: 'client_secret', redirects: true, scopes: ofPeople },
  SPA: { method: 'none', redirects: true, scopes: ofPeople },
  Native: { method: 'none', redirects: true, scopes: ofPeople },
  M2M: { method: 'client_secret', redirects: false, scopes: [] },
  Device: { method: 'none', redirects: false, scopes: ofPeople },
}

export const meaningOf = (type: ClientType): Meaning => meanings[type]

/** @returns the types of which something holds, such as `({ redirects }) => redirects` */
export const typesWhere = (holds: (meaning: Meaning) => boolean): readonly ClientType[] =>
  clientTypes.filter((type) => holds(meanings[type]))
