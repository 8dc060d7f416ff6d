import { deviceGrant } from '@nauthera/harness/device'
import { configs, entry } from '@nauthera/harness/server'

/** The clients that are registered while the contracts are tested. */
export const clients = [
  entry('app.web', configs.web),
  entry('app.machine', configs.machine),
  entry('app.device', {
    ...configs.spa,
    type: 'Device',
    redirectUris: [],
    corsOrigins: [],
    grantTypes: [deviceGrant, 'refresh_token'],
  }),
  entry('app.opaque', { ...configs.machine, audiences: [] }),
  entry('app.roles', {
    ...configs.web,
    claims: [{ name: 'roles', join: 'Array', fromGroups: [{ group: 'engineers', values: ['dev'] }] }],
  }),
]
