import type { Interactions } from '../../oidc/interaction/interaction.ts'
import type { Page } from '../../reply.ts'
import type { Audit } from '../../store/audit/audit.ts'
import { pageOf } from '../attempt/attempt.ts'
import type { Attempt, KnownAccount, Step } from '../attempt/attempt.ts'
import { auditFields } from '../attempt/audit-fields.ts'

/** Whether the account may use the client (`access.allowedGroups`). The same rule applies wherever a token is issued. Here the person gets
 *  a page, and can use another account or go back. */
export function createAccess(needs: {
  interactions: Pick<Interactions, 'isAllowed' | 'countRefusal'>
  audit: Pick<Audit, 'record'>
}): Step {
  return {
    async run(attempt) {
      const { account, interaction, request } = attempt
      if (!account || (await needs.interactions.isAllowed(interaction, account))) return { kind: 'passed', attempt }
      // only once: the POST before was answered with a redirect to this page
      if (request.method === 'GET') {
        needs.audit.record({
          ...auditFields(request, interaction),
          event: 'authorization.refused',
          outcome: 'failure',
          reason: 'account-not-allowed',
          userId: account.accountId,
        })
        needs.interactions.countRefusal(interaction)
      }
      return { kind: 'ask', page: refusedPage(attempt, account) }
    },
  }
}

function refusedPage({ interaction, paths }: Attempt, { person }: KnownAccount): Page {
  return {
    ...pageOf(interaction, person),
    view: 'refused',
    status: 403,
    model: {
      client: interaction.client,
      person,
      switchAction: paths.form('switch'),
      cancelAction: paths.form('cancel'),
    },
  }
}
