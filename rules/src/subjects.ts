// Checks the sector of a client with pairwise subjects (OpenID Connect Core section 8.1). The CRD has the same rule in CEL, with the same
// message.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { invalid } from './client-fault.ts'
import type { ClientFault } from './client-fault.ts'
import { wireGrant } from './grants.ts'
import { isHttpsUrl } from './uris.ts'

export const pairwiseWants = {
  people: 'must be public for type M2M, which knows no people',
  sector: 'must be set for pairwise subjects, unless all redirectURIs are on one https host',
  noSector: 'must be absent unless subjectType is pairwise; remove it',
  devices: 'must be without device_code for pairwise subjects, unless auth.method is private_key_jwt with auth.jwksURI',
} as const

export function subjectFaults(config: ClientConfig): readonly ClientFault[] {
  const { subjectType, sectorIdentifierUri, redirectUris, tokenEndpointAuthMethod: method, jwksUri } = config
  const faults: ClientFault[] = []
  if (!['', 'public', 'pairwise'].includes(subjectType))
    faults.push(invalid('subjectType', 'must be public or pairwise'))
  if (subjectType !== 'pairwise') {
    if (sectorIdentifierUri === '') return faults
    return [...faults, invalid('sectorIdentifierURI', pairwiseWants.noSector)]
  }
  if (config.type === 'M2M') faults.push(invalid('subjectType', pairwiseWants.people))
  if (sectorIdentifierUri !== '' && !isHttpsUrl(sectorIdentifierUri))
    faults.push(invalid('sectorIdentifierURI', 'must be an https URL, such as https://app.example.com/path'))
  if (sectorIdentifierUri === '' && redirectUris.length > 0 && !areOfOneHost(redirectUris))
    faults.push(invalid('sectorIdentifierURI', pairwiseWants.sector))
  // the device flow has no redirect URI that could prove the sector
  const hasDevices = config.grantTypes.includes(wireGrant('device_code'))
  if (hasDevices && !(method === 'private_key_jwt' && jwksUri !== ''))
    faults.push(invalid('grantTypes', pairwiseWants.devices))
  return faults
}

const areOfOneHost = (uris: readonly string[]): boolean =>
  uris.every((uri) => isHttpsUrl(uri)) && new Set(uris.map((uri) => new URL(uri).host)).size === 1
