// What an OIDCClient can ask for from the start and the server does not do yet. It is refused with a reason: a field that is
// accepted and ignored would be a promise that nobody keeps.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { acrLevels } from './acr.ts'
import { tlsMethods, wireMethods } from './client-authentication.ts'
import type { ClientFault } from './client-fault.ts'

interface NotServed {
  readonly field: string
  readonly asks: (config: ClientConfig) => boolean
  /** What to write instead. */
  readonly instead: string
}

export const servedMethods = wireMethods.filter((method) => !tlsMethods.includes(method))

const notServed: readonly NotServed[] = [
  {
    field: 'spec.auth.method',
    asks: ({ tokenEndpointAuthMethod }) => tlsMethods.includes(tokenEndpointAuthMethod),
    instead: 'choose private_key_jwt or client_secret',
  },
  {
    field: 'spec.access.requiredAcr',
    asks: ({ requiredAcr }) => requiredAcr.some((value) => !(acrLevels as readonly string[]).includes(value)),
    instead: `choose among ${acrLevels.join(' and ')}`,
  },
  { field: 'spec.subjectType', asks: ({ subjectType }) => subjectType === 'pairwise', instead: 'choose public' },
  {
    field: 'spec.sectorIdentifierURI',
    asks: ({ sectorIdentifierUri }) => sectorIdentifierUri !== '',
    instead: 'leave it out',
  },
]

/** @returns a fault for each field that this version of the server does not serve */
export function notServedFaults(config: ClientConfig): readonly ClientFault[] {
  return notServed
    .filter(({ asks }) => asks(config))
    .map(({ field, instead }) => ({
      field,
      code: 'CLIENT_FEATURE_UNSUPPORTED',
      message: `is not served by this version yet; ${instead}`,
    }))
}
