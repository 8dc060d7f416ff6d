import type { Interaction, Interactions, Progress } from '../oidc/interaction/interaction.ts'
import type { Reply } from '../reply.ts'
import type { Audit } from '../store/audit/audit.ts'
import type { Agreed, Attempt, FormOutcome } from './attempt/attempt.ts'
import { auditFields } from './attempt/audit-fields.ts'
import type { Dispatch } from './dispatch.ts'
import { overPage } from './attempt/over-page.ts'

interface Needs {
  readonly interactions: Pick<Interactions, 'save' | 'finish'>
  readonly audit: Pick<Audit, 'record'>
  readonly dispatch: Dispatch
}

/** Does what follows from a form. A POST that changed something is answered with 303, so that reload and back button do not repeat it. */
export async function carryOut(needs: Needs, attempt: Attempt, outcome: FormOutcome): Promise<Reply> {
  const { request, interaction, paths } = attempt
  const toPage = { kind: 'redirect', location: paths.page } as const
  switch (outcome.kind) {
    case 'go-on':
      return goOn(needs, attempt, outcome.progress, outcome.agreed)
    case 'mistaken': {
      const { kind: _, progress = interaction.progress, ...said } = outcome
      await needs.interactions.save(request, interaction, { ...progress, said })
      return toPage
    }
    case 'unchanged':
      return toPage
    case 'leave':
      await needs.interactions.save(request, interaction, outcome.progress)
      return outcome.page
    case 'page':
      return outcome.page
    case 'refused':
      return refuse(needs, attempt, outcome)
    case 'over':
      await needs.interactions.save(request, interaction, {})
      return overPage({ kind: 'over', reason: 'ended', client: interaction.client })
  }
}

async function goOn(needs: Needs, attempt: Attempt, progress: Progress, agreed?: Agreed): Promise<Reply> {
  const { request, interaction, paths } = attempt
  const outcome = await needs.dispatch({ ...attempt, interaction: { ...interaction, progress }, agreed })
  if (outcome.kind === 'ended') return { kind: 'redirect', location: outcome.location }
  if (outcome.kind === 'spent') return spentPage(interaction)
  if (outcome.kind === 'leave') return carryOut(needs, attempt, outcome)
  await needs.interactions.save(request, interaction, progress)
  return { kind: 'redirect', location: paths.page }
}

async function refuse(
  { interactions, audit }: Needs,
  { request, interaction }: Attempt,
  { event, reason, description }: Extract<FormOutcome, { kind: 'refused' }>,
): Promise<Reply> {
  const refusal = { kind: 'refused', error: 'access_denied', description } as const
  const outcome = await interactions.finish(request, interaction, refusal)
  if (outcome.kind === 'spent') return spentPage(interaction)
  const userId = (interaction.progress.signedIn ?? interaction.session)?.accountId
  if (event !== undefined)
    audit.record({ ...auditFields(request, interaction), event, outcome: 'failure', reason, userId })
  return { kind: 'redirect', location: outcome.location }
}

export function spentPage(interaction: Interaction): Reply {
  return overPage({ kind: 'over', reason: 'finished', client: interaction.client })
}
