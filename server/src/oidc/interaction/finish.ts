import type { PageRequest } from '../../reply.ts'
import { acrOf } from '../acr.ts'
import { setCookie } from '../cookies.ts'
import { auditedRequest } from '../request-context.ts'
import { agreedOf, isNothing } from './consent.ts'
import type { FinishOutcome, Interaction, InteractionResult, Login } from './interaction.ts'
import type { LibraryPart, Submission } from './library-part.ts'
import { askedIn } from './missing-consent.ts'
import { opened, shownSession } from './open-interaction.ts'
import type { InteractionNeeds } from './open-interaction.ts'

/** Hands the result of an interaction to the library, which continues at its resume endpoint. */
export async function finishInteraction(
  needs: InteractionNeeds,
  page: PageRequest,
  interaction: Interaction,
  result: InteractionResult,
): Promise<FinishOutcome> {
  const found = await needs.cookies.read(page.raw, interaction.uid)
  if (found?.kind !== 'live') return { kind: 'spent' }
  const { library } = opened(interaction)
  const next =
    result.kind === 'refused'
      ? { ...library, result: { error: result.error, error_description: result.description } }
      : await signedIn(needs, page, interaction, result)
  needs.cookies.write(page.raw, interaction.uid, next)
  return { kind: 'finished', location: library.returnTo }
}

type SignedInResult = Extract<InteractionResult, { kind: 'signed-in' }>

async function signedIn(
  needs: InteractionNeeds,
  page: PageRequest,
  interaction: Interaction,
  { login, consent }: SignedInResult,
): Promise<LibraryPart> {
  const { library } = opened(interaction)
  const client = needs.clients.registeredById(interaction.client.clientId)!
  const asked = askedIn(library, client, needs.clients)
  const result: Submission = {
    // a new sign-in discards earlier answers: they may be those of another person
    ...(login ? { login: submittedLogin(login) } : library.lastSubmission),
    select_account: {},
    ...(library.deviceCode === undefined ? {} : { deviceConfirmed: true }),
    ...(consent ? { consent: agreedOf(consent, asked) } : {}),
    // nothing to agree to means no consent page; without this answer the library would ask again
    ...(isNothing(asked) ? { consent: { scopes: [], resources: {}, remember: false } } : {}),
  }
  if (login && (await leavesSession(needs, page, interaction, login))) {
    const { session: _session, ...withoutSession } = library
    return { ...withoutSession, result }
  }
  return { ...library, result }
}

/** Drops the browser's session when another person signs in, or when it was ended elsewhere: the sign-in then begins a
 *  new session.
 *  @returns whether the old session was dropped, or there was none */
async function leavesSession(
  needs: InteractionNeeds,
  page: PageRequest,
  interaction: Interaction,
  { accountId }: Login,
): Promise<boolean> {
  const session = shownSession(needs, page)
  if (session?.accountId === undefined) return true
  if (session.accountId === accountId && interaction.session !== undefined) return false
  if (session.accountId !== accountId) {
    await needs.store.devices.endSession(session.uid, [
      {
        event: 'session.ended',
        outcome: 'success',
        reason: 'another account',
        userId: session.accountId,
        ...auditedRequest(page),
      },
    ])
  }
  setCookie(page.raw.response, needs.scope, { name: needs.scope.session, value: '', maxAge: 0 })
  return true
}

function submittedLogin(login: Login): NonNullable<Submission['login']> {
  const { accountId, authTime, amr, remember, attempt, standing } = login
  const acr = acrOf(amr)
  return {
    accountId,
    ts: authTime,
    // no claim at all, rather than an empty one
    ...(amr.length === 0 ? {} : { amr }),
    ...(acr === undefined ? {} : { acr }),
    remember,
    ...(attempt === undefined ? {} : { attempt }),
    ...(standing === undefined ? {} : { standing }),
  }
}
