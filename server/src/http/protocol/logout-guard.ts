import { paths } from '@nauthera/rules/endpoints'
import type { Audit } from '../../store/audit/audit.ts'
import { answerError } from '../pages/error-page.ts'
import { foreignFault } from '../pages/form-guard.ts'
import { pathOfTarget } from '../request/handler.ts'
import type { Handler } from '../request/handler.ts'
import type { Pages } from '../pages/pages.ts'
import { peerOf } from '../request/peer.ts'
import { correlationIdOf } from '../request/request-log.ts'

/** Refuses a sign-out form from another site. The form is the library's, and its own token stays the same for the whole session. */
export function createLogoutGuard(needs: {
  basePath: string
  /** Origin of the issuer. */
  origin: string
  pages: Pages
  audit: Pick<Audit, 'record'>
}): Handler {
  const path = `${needs.basePath}${paths.endSession}/confirm`
  return (request, response, next) => {
    const isForm = request.method === 'POST' && pathOfTarget(request.url ?? '') === path
    const fault = isForm ? foreignFault(request.headers, needs.origin) : undefined
    if (fault === undefined) return next()
    const peer = peerOf(request)
    needs.audit.record({
      event: 'signin.refused',
      outcome: 'failure',
      reason: `form-${fault}`,
      address: peer?.address,
      agent: peer?.userAgent,
      correlationId: correlationIdOf(request),
    })
    response.setHeader('cache-control', 'no-store')
    answerError(request, response, { status: 403, code: 'FORM_REFUSED', key: 'form-refused' }, needs.pages.render)
  }
}
