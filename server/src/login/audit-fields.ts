import type { Interaction } from '../oidc/interaction/interaction.ts'
import type { PageRequest } from '../reply.ts'
import type { AuditEvent } from '../store/audit.ts'

/** What every audit event of a sign-in has about its request. */
export function auditFields(
  request: PageRequest,
  interaction?: Interaction,
): Pick<AuditEvent, 'clientId' | 'address' | 'agent' | 'correlationId'> {
  const { peer, correlationId } = request
  return { clientId: interaction?.client.clientId, address: peer.address, agent: peer.userAgent, correlationId }
}
