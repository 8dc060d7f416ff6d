import { errors } from 'oidc-provider'
import { fapiProofFault, isFapiClient } from '../../artefacts/fapi.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { currentContext } from '../shapes.ts'
import type { Internals } from '../shapes.ts'

/** ReplayDetection.unique: the one place where the library has read a DPoP proof and knows whose it is, at every endpoint. It takes the
 *  same algorithms from all clients, and FAPI 2.0 fewer. */
export function refuseWeakProofs({ ReplayDetection }: Internals, { clients }: Pick<OverrideNeeds, 'clients'>): void {
  replace(ReplayDetection, 'unique', (original) => async (clientId, jti, exp) => {
    const config = clients.registeredById(clientId)?.config
    const fault = config && isFapiClient(config) ? fapiProofFault(currentContext().get('DPoP')) : undefined
    if (fault !== undefined) throw new errors.InvalidDpopProof(fault)
    return original.call(ReplayDetection, clientId, jti, exp)
  })
}
