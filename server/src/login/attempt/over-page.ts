import type { LoadedInteraction } from '../../oidc/interaction/interaction.ts'
import type { Page } from '../../reply.ts'

/** The page for a sign-in that has expired, is complete or was stopped. It offers to start again at the client. 403 when this browser does
 *  not have the sign-in (it may be somebody else's), else 400. */
export function overPage(loaded: Exclude<LoadedInteraction, { kind: 'live' }>): Page {
  const client = loaded.kind === 'over' ? loaded.client : undefined
  return {
    kind: 'page',
    view: 'error',
    status: loaded.kind === 'absent' ? 403 : 400,
    model: { ...texts[loaded.kind === 'over' ? loaded.reason : 'expired'], client },
  }
}

const texts = {
  expired: { key: 'interaction-expired', code: 'INTERACTION_EXPIRED' },
  finished: { key: 'interaction-spent', code: 'INTERACTION_SPENT' },
  ended: { key: 'sign-in-ended', code: 'SIGN_IN_ENDED' },
} as const
