import type { PageRequest } from '../reply.ts'
import type { AuditEvent } from '../store/audit.ts'

/** What every audit event of the account area has about its request. */
export function auditFields({
  peer,
  correlationId,
}: PageRequest): Pick<AuditEvent, 'address' | 'agent' | 'correlationId'> {
  return { address: peer.address, agent: peer.userAgent, correlationId }
}
