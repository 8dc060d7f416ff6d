import type { Interaction } from '../../oidc/interaction/interaction.ts'
import { auditedRequest } from '../../oidc/request-context.ts'
import type { PageRequest } from '../../reply.ts'
import type { AuditEvent } from '../../store/audit/audit-event.ts'

/** What every audit event of a sign-in has about its request. */
export function auditFields(
  request: PageRequest,
  interaction?: Interaction,
): Pick<AuditEvent, 'clientId' | 'address' | 'agent' | 'correlationId'> {
  return { clientId: interaction?.client.clientId, ...auditedRequest(request) }
}
