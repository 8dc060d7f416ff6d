import type { PageRequest } from '../../reply.ts'
import { setCookie } from '../cookies.ts'
import { auditedRequest } from '../request-context.ts'
import { agreedOf, isNothing } from './consent.ts'
import type { FinishOutcome, Interaction, InteractionResult, Login } from './interaction.ts'
import type { LibraryPart, Submission } from './library-part.ts'
import { askedIn } from './missing-consent.ts'
import { opened, shownSession } from './open-interaction.ts'
import type { InteractionNeeds } from './open-interaction.ts'

/** Hands the outcome of an interaction to the library, which goes on at its resume endpoint. */
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
  await needs.cookies.write(page.raw, interaction.uid, next)
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
    // who signs in anew is bound by nothing that was agreed to in the sign-in before
    ...(login ? { login: submittedLogin(login) } : library.lastSubmission),
    select_account: {},
    ...(consent ? { consent: agreedOf(consent, asked) } : {}),
    // no page asks about nothing, and the library would wait for the answer
    ...(isNothing(asked) ? { consent: { ...asked, remember: false } } : {}),
  }
  if (login && (await leavesSession(needs, page, interaction, login))) {
    const { session: _session, ...withoutSession } = library
    return { ...withoutSession, result }
  }
  return { ...library, result }
}

/** Signing in as another person, or after the session was ended elsewhere, begins a session of its own.
 *  @returns whether the browser's session was left */
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
    await needs.store.grants.revokeOfSession(session.uid, { keepOffline: true })
  }
  setCookie(page.raw.response, needs.scope, { name: needs.scope.session, value: '', maxAge: 0 })
  return true
}

function submittedLogin(login: Login): NonNullable<Submission['login']> {
  const { accountId, authTime, amr, acr, remember, attempt, standing } = login
  return {
    accountId,
    ts: authTime,
    amr,
    ...(acr === undefined ? {} : { acr }),
    remember,
    ...(attempt === undefined ? {} : { attempt }),
    ...(standing === undefined ? {} : { standing }),
  }
}
