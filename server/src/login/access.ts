import type { Interactions } from '../oidc/interaction/interaction.ts'
import type { Audit } from '../store/audit.ts'
import { languagesOf } from './attempt.ts'
import type { Attempt, Step, StepOutcome } from './attempt.ts'
import { auditFields } from './audit-fields.ts'

/** Whether the account may use the client (`access.allowedGroups`). The same rule holds again wherever a token is issued;
 *  here a person is told, and may take another account or go back. */
export function createAccess(needs: {
  interactions: Pick<Interactions, 'isAllowed'>
  audit: Pick<Audit, 'record'>
}): Step {
  return async (attempt: Attempt): Promise<StepOutcome> => {
    const { account, interaction, paths, request } = attempt
    if (!account || (await needs.interactions.isAllowed(interaction, account))) return { kind: 'passed', attempt }
    // a POST only leads to the page that says so
    if (request.method === 'GET') {
      needs.audit.record({
        ...auditFields(request, interaction),
        event: 'authorization.refused',
        outcome: 'failure',
        reason: 'account-not-allowed',
        userId: account.accountId,
      })
    }
    return {
      kind: 'ask',
      page: {
        kind: 'page',
        view: 'refused',
        status: 403,
        languages: languagesOf(interaction, account.person),
        formTargets: [interaction.redirectUri],
        model: {
          client: interaction.client,
          person: account.person,
          switchAction: paths.switch,
          cancelAction: paths.cancel,
        },
      },
    }
  }
}
