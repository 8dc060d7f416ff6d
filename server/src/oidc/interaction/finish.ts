// Passes the result of an interaction to the library.
import type { PageRequest } from '../../reply.ts'
import { acrOf } from '../acr.ts'
import { setCookie } from '../cookies.ts'
import { auditedRequest } from '../request-context.ts'
import { agreedOf, isNothing } from './consent.ts'
import type { FinishOutcome, Interaction, InteractionResult, Login } from './interaction.ts'
import type { LibraryPart, Submission } from './library-part.ts'
import { keyOf } from '../load-account.ts'
import { requestedIn } from './missing-consent.ts'
import { opened, shownSession } from './open-interaction.ts'
import type { InteractionNeeds } from './open-interaction.ts'
import { addCookies, endsByRedirect } from './resume.ts'
import type { Resume } from './resume.ts'

/** Passes the result of an interaction to the library's resume endpoint: directly if possible, otherwise through the browser. */
export async function finishInteraction(
  needs: InteractionNeeds,
  page: PageRequest,
  interaction: Interaction,
  result: InteractionResult,
): Promise<FinishOutcome> {
  const found = await needs.cookies.read(page.raw, interaction.uid)
  if (found?.kind !== 'live') return { kind: 'spent' }
  const { library } = opened(interaction)
  const { part, leaves } = await submitted(needs, page, interaction, result)
  const back = leaves === 'dropped' ? undefined : await resumed(needs, page, interaction, part)
  if (back !== undefined && back !== 'unanswered') {
    addCookies(page.raw.response, back.cookies)
    return { kind: 'finished', location: back.location }
  }
  const left = back === undefined ? part : { ...part, result: { ...part.result, unanswered: true } as const }
  needs.cookies.write(page.raw, interaction.uid, left)
  return { kind: 'finished', location: library.returnTo }
}

/** @returns what the library said at once; undefined when the browser has to ask */
async function resumed(
  { resume, cookies }: InteractionNeeds,
  { raw }: PageRequest,
  interaction: Interaction,
  part: LibraryPart,
): ReturnType<Resume> {
  if (!endsByRedirect(part)) return undefined
  const { uid } = interaction
  return resume({
    returnTo: part.returnTo,
    uid,
    redirectUri: interaction.redirectUri,
    hand: (request) => cookies.passTo(raw, uid, part, request),
    account: loadedJustNow(interaction, part),
  })
}

/** The person who signed in, when this request has looked them up already. Who goes on with a session is looked up again, with it. */
function loadedJustNow(interaction: Interaction, { result }: LibraryPart): Parameters<Resume>[0]['account'] {
  const { people } = opened(interaction)
  const { clientUid } = interaction
  const userId = result?.login?.accountId
  const account = userId === undefined ? undefined : people.known(userId)
  return userId === undefined || account === undefined ? undefined : { key: keyOf({ userId, clientUid }), account }
}

/** @returns the answer to the library, and what becomes of the browser's session */
async function submitted(
  needs: InteractionNeeds,
  page: PageRequest,
  interaction: Interaction,
  given: InteractionResult,
): Promise<{ part: LibraryPart; leaves: Leaves }> {
  const { library, client } = opened(interaction)
  if (given.kind === 'refused')
    return {
      part: { ...library, result: { error: given.error, error_description: given.description } },
      leaves: 'stays',
    }
  const { login, consent } = given
  const asked = requestedIn(library, client, needs.clients)
  // nothing to agree to means no consent page; without an answer the library would ask again
  const agreed = consent ?? (isNothing(asked) ? { scopes: [], remember: false } : undefined)
  const result: Submission = {
    // a new sign-in discards earlier answers: they may be those of another person
    ...(login ? { login: submittedLogin(login) } : library.lastSubmission),
    select_account: {},
    ...(library.deviceCode === undefined ? {} : { deviceConfirmed: true }),
    ...(agreed ? { consent: agreedOf(agreed, asked) } : {}),
  }
  const leaves = login ? await leavesSession(needs, page, interaction, login) : 'stays'
  const { session: _session, ...withoutSession } = library
  return { part: { ...(leaves === 'stays' ? library : withoutSession), result }, leaves }
}

type Leaves = 'none' | 'stays' | 'dropped'

/** Drops the browser's session when another person signs in, or when it was ended elsewhere: the sign-in then begins a
 *  new session.
 *  @returns what became of it */
async function leavesSession(
  needs: InteractionNeeds,
  page: PageRequest,
  interaction: Interaction,
  { accountId }: Login,
): Promise<Leaves> {
  const session = shownSession(needs, page)
  if (session?.accountId === undefined) return 'none'
  if (session.accountId === accountId && interaction.session !== undefined) return 'stays'
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
  return 'dropped'
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
