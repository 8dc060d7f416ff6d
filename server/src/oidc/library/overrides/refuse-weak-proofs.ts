import { errors } from 'oidc-provider'
import { isFapiClient, proofFault } from '../../artefacts/fapi.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { currentContext } from '../shapes.ts'
import type { Internals } from '../shapes.ts'

/** ReplayDetection.unique: refuses DPoP proofs with a weak key, or with an algorithm that FAPI 2.0 forbids. Only here the library knows both
 *  proof and client, at every endpoint. */
export function refuseWeakProofs({ ReplayDetection }: Internals, { clients }: Pick<OverrideNeeds, 'clients'>): void {
  replace(ReplayDetection, 'unique', (original) => async (clientId, jti, exp) => {
    const config = clients.registeredById(clientId)?.config
    const fault = proofFault(currentContext().get('DPoP'), { isFapi: config !== undefined && isFapiClient(config) })
    if (fault !== undefined) throw new errors.InvalidDpopProof(fault)
    return original.call(ReplayDetection, clientId, jti, exp)
  })
}
