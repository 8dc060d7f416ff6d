// What the one word `spec.type` decides.
import type { AuthMethod } from './client-authentication.ts'
import type { GrantType } from './grants.ts'

export const clientTypes = ['Web', 'SPA', 'Native', 'M2M', 'Device'] as const
export type ClientType = (typeof clientTypes)[number]

interface Meaning {
  /** What a client may do that says nothing. */
  readonly grants: readonly GrantType[]
  /** How it authenticates where it says nothing. */
  readonly method: AuthMethod
  /** SPA and Native run on the machines of others, which can keep nothing secret. */
  readonly mayAuthenticate: boolean
  /** A person comes to it with a browser and is sent back. */
  readonly redirects: boolean
  readonly scopes: readonly string[]
}

const ofPeople = ['openid', 'profile', 'email', 'groups']
const codeFlow: readonly GrantType[] = ['authorization_code', 'refresh_token']

const meanings: Readonly<Record<ClientType, Meaning>> = {
  Web: { grants: codeFlow, method: 'client_secret', mayAuthenticate: true, redirects: true, scopes: ofPeople },
  SPA: { grants: codeFlow, method: 'none', mayAuthenticate: false, redirects: true, scopes: ofPeople },
  Native: {
    grants: [...codeFlow, 'device_code'],
    method: 'none',
    mayAuthenticate: false,
    redirects: true,
    scopes: ofPeople,
  },
  M2M: {
    grants: ['client_credentials'],
    method: 'client_secret',
    mayAuthenticate: true,
    redirects: false,
    scopes: [],
  },
  Device: {
    grants: ['device_code', 'refresh_token'],
    method: 'none',
    mayAuthenticate: true,
    redirects: false,
    scopes: ofPeople,
  },
}

export const meaningOf = (type: ClientType): Meaning => meanings[type]

/** @returns the types of which something holds, such as `({ redirects }) => redirects` */
export const typesWhere = (holds: (meaning: Meaning) => boolean): readonly ClientType[] =>
  clientTypes.filter((type) => holds(meanings[type]))
