import type { AuditEvent } from '../../store/audit/audit-event.ts'
import { auditedRequest } from '../request-context.ts'
import { currentRequest } from './current-request.ts'

/** An audit event of the request that runs now.
 *  @param about a code, token or session */
export function audited(
  event: Pick<AuditEvent, 'event' | 'outcome'>,
  about: { readonly accountId?: string; readonly clientId?: string },
): AuditEvent {
  return {
    ...event,
    userId: about.accountId,
    clientId: about.clientId,
    ...auditedRequest(currentRequest()),
  }
}
