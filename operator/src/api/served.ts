// What the CRD has from the start and the server does not do yet. It is refused with a reason: a field that is accepted
// and ignored would be a promise that nobody keeps.
import type { Fault } from '@nauthera/runtime/coded-error'
import type { GrantType, OIDCClientSpec } from './oidc-client.ts'

interface Unserved {
  readonly field: string
  readonly asks: (spec: OIDCClientSpec) => boolean
  /** What to write instead. */
  readonly instead: string
}

const unserved: readonly Unserved[] = [
  {
    field: 'spec.type',
    asks: (spec) => spec.type === 'Device',
    instead: 'choose Native with a loopback redirect URI',
  },
  {
    field: 'spec.grantTypes',
    asks: (spec) => spec.grantTypes?.includes('device_code') === true,
    instead: 'leave device_code out',
  },
  {
    field: 'spec.auth.method',
    asks: (spec) => ['tls_client_auth', 'self_signed_tls_client_auth'].includes(spec.auth?.method ?? ''),
    instead: 'choose private_key_jwt or client_secret_basic',
  },
  { field: 'spec.profile', asks: (spec) => spec.profile === 'FAPI2', instead: 'choose Standard with par and dpop' },
  {
    field: 'spec.access.requiredAcr',
    asks: (spec) => (spec.access?.requiredAcr ?? []).length > 0,
    instead: 'leave it out; allowedGroups is served',
  },
  { field: 'spec.subjectType', asks: (spec) => spec.subjectType === 'pairwise', instead: 'choose public' },
  {
    field: 'spec.logout.backchannelURI',
    asks: (spec) => spec.logout?.backchannelURI !== undefined,
    instead: 'leave it out',
  },
]

/** Grants that a type may get by default; the others are left out until the server has them. */
export const servedGrants: readonly GrantType[] = ['authorization_code', 'refresh_token', 'client_credentials']

/** Response modes that a client gets by default. */
export const servedResponseModes = ['query', 'fragment', 'form_post'] as const

/** @returns a fault for each field that this version of the server does not serve. */
export function checkServed(spec: OIDCClientSpec): readonly Fault[] {
  return unserved
    .filter(({ asks }) => asks(spec))
    .map(({ field, instead }) => ({ path: field, message: `is not served by this version yet; ${instead}` }))
}
