// What an OIDCClient can ask for from the start and the server does not do yet. It is refused with a reason: a field that is
// accepted and ignored would be a promise that nobody keeps.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { acrLevels } from './acr.ts'
import type { ClientFault } from './client-fault.ts'

interface NotServed {
  readonly field: string
  readonly asks: (config: ClientConfig) => boolean
  /** What to write instead. */
  readonly instead: string
}

const notServed: readonly NotServed[] = [
  {
    field: 'spec.access.requiredAcr',
    asks: ({ requiredAcr }) => requiredAcr.some((value) => !(acrLevels as readonly string[]).includes(value)),
    instead: `choose among ${acrLevels.join(' and ')}`,
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
