import { hasCode } from '@nauthera/runtime/coded-error'
import { freshFor } from '../../oidc/acr.ts'
import type { Interaction, Progress, SentUpstream } from '../../oidc/interaction/interaction.ts'
import { acrNotReached } from '../../oidc/interaction/what-is-asked.ts'
import type { Page } from '../../reply.ts'
import { suggestedName } from '../attempt/attempt.ts'
import type { Attempt, FormOutcome, Leave } from '../attempt/attempt.ts'
import type { Federation } from './federation.ts'
import { randomValue } from './relying-party.ts'
import type { Upstream } from './upstream.ts'

interface Needs {
  readonly federation: Pick<Federation, 'log'>
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** The longest hint that is handed on: the longest e-mail address. */
const longestHint = 320

/** Sends the browser to another provider. State, nonce and the PKCE verifier stay in the encrypted cookie of the interaction, so that only
 *  this browser can come back with the answer.
 *  @param options.anew the person has to sign in there again, even with a session there; @param options.newName the person wants a new account */
export async function leave(
  { federation, now }: Needs,
  attempt: Attempt,
  upstream: Upstream,
  options: { anew?: boolean; newName?: boolean } = {},
): Promise<Leave | Extract<FormOutcome, { kind: 'mistaken' }>> {
  const { interaction, request } = attempt
  const { progress } = interaction
  const sent: SentUpstream = {
    id: upstream.id,
    state: randomValue(),
    nonce: randomValue(),
    verifier: randomValue(),
    at: Math.floor(now() / 1000),
    remember: request.form.get('remember') !== null || (options.anew === true && progress.upstream?.remember === true),
    ...(options.anew ? { anew: true } : {}),
    ...(options.newName ? { newName: true } : {}),
  }
  try {
    const location = await upstream.start({
      ...sent,
      state: stateOf(interaction.uid, sent),
      loginHint: hintOf(attempt),
      prompt: promptOf(attempt, sent),
      maxAge: wantedAge(interaction),
      uiLocales: interaction.uiLocales,
      acrValues: (interaction.acrValues ?? []).filter((value) => upstream.acrValues.includes(value)),
    })
    return {
      kind: 'leave',
      progress: { ...withoutWayIn(progress), upstream: sent },
      page: movingOnPage(location.href, upstream.name),
    }
  } catch (error) {
    if (!hasCode(error, 'UPSTREAM_UNAVAILABLE', 'UPSTREAM_ANSWER_INVALID', 'SETTINGS_INVALID')) throw error
    federation.log.warn({ error, upstream: upstream.id }, 'nobody can be sent to this provider')
    return awayMistake(upstream, withoutWayIn(progress))
  }
}

/** The `state` that the provider returns. It names the interaction: the cookie of an interaction is sent to its own pages only. */
export const stateOf = (uid: string, { state }: Pick<SentUpstream, 'state'>): string => `${uid}.${state}`

export const awayMistake = ({ name }: Upstream, progress: Progress) =>
  ({ kind: 'mistaken', mistakes: [{ key: 'upstream-away', values: { name } }], progress }) as const

/** What is kept when the person chooses another way to sign in. */
export const withoutWayIn = ({ switching, linking, anew, wanted }: Progress): Progress => ({
  ...(wanted === undefined ? {} : { wanted }),
  ...(anew === undefined ? {} : { anew }),
  ...(switching === undefined ? {} : { switching }),
  ...(linking === undefined ? {} : { linking }),
})

/** A page, and no redirect: browsers apply the policy of the page with the form to every redirect that follows (`form-action`), and the
 *  provider may lead on to anywhere. */
export function movingOnPage(location: string, name?: string): Page {
  return { kind: 'page', view: 'moving-on', model: { location, name } }
}

function hintOf({ request, interaction }: Attempt): string | undefined {
  const hint = request.form.get('username')?.trim() || suggestedName(interaction)
  return hint !== undefined && hint.length <= longestHint ? hint : undefined
}

function promptOf({ interaction }: Attempt, { anew }: SentUpstream): 'login' | 'select_account' | undefined {
  if (anew || wantsLogin(interaction)) return 'login'
  return interaction.progress.switching && !interaction.progress.linking ? 'select_account' : undefined
}

type Wanting = Pick<Interaction, 'prompt' | 'maxAge' | 'progress'>

/** Whether the person must sign in there again: for `prompt=login`, or since this sign-in may set up a second factor. */
export const wantsLogin = ({ prompt: { reasons }, progress }: Pick<Wanting, 'prompt' | 'progress'>): boolean =>
  progress.anew === true || reasons.includes('login_prompt') || reasons.includes(acrNotReached)

/** Seconds: how old a sign-in there may be. */
export const wantedAge = ({ maxAge, progress }: Pick<Wanting, 'maxAge' | 'progress'>): number | undefined =>
  progress.anew === true ? Math.min(maxAge ?? freshFor, freshFor) : maxAge
