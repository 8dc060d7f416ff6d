// Passes the result of an interaction to the library.
import type { PageRequest } from '../../reply.ts'
import { acrOf } from '../acr.ts'
import { setCookie } from '../cookies.ts'
import { agreedOf, isNothing } from './consent.ts'
import type { FinishOutcome, Interaction, InteractionResult, Login } from './interaction.ts'
import type { LibraryPart, Submission } from './library-part.ts'
import { keyOf, sessionBeside } from '../load-account.ts'
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
  const { part, leaves } = submitted(needs, page, interaction, result)
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
  const { accountId: userId, beside } = result?.login ?? {}
  const account = userId === undefined ? undefined : people.known(userId)
  if (userId === undefined || account === undefined) return undefined
  return { key: keyOf({ userId, clientUid, session: sessionBeside(beside) }), account }
}

/** @returns the answer to the library, and what becomes of the browser's session */
function submitted(
  needs: InteractionNeeds,
  page: PageRequest,
  interaction: Interaction,
  given: InteractionResult,
): { part: LibraryPart; leaves: Leaves } {
  const { library, client } = opened(interaction)
  if (given.kind === 'refused')
    return {
      part: { ...library, result: { error: given.error, error_description: given.description } },
      leaves: 'stays',
    }
  const { login, consent } = given
  const { leaves, former } = login ? leavesSession(needs, page, interaction, login) : stays
  const asked = requestedIn(library, client, needs.clients)
  // nothing to agree to means no consent page; without an answer the library would ask again
  const agreed = consent ?? (isNothing(asked) ? { scopes: [], remember: false } : undefined)
  const result: Submission = {
    // a new sign-in discards earlier answers: they may be those of another person
    ...(login ? { login: submittedLogin(login, former) } : library.lastSubmission),
    select_account: {},
    ...(library.deviceCode === undefined ? {} : { deviceConfirmed: true }),
    ...(agreed ? { consent: agreedOf(agreed, asked) } : {}),
  }
  const { session: _session, ...withoutSession } = library
  return { part: { ...(leaves === 'stays' ? library : withoutSession), result }, leaves }
}

type Leaves = 'none' | 'stays' | 'dropped'
interface Left {
  readonly leaves: Leaves
  /** The session of another person, which ends when the new one is stored. */
  readonly former?: FormerSession
}
type FormerSession = NonNullable<NonNullable<Submission['login']>['leaves']>
const stays: Left = { leaves: 'stays' }

/** Drops the browser's session when another person signs in, or when it was ended elsewhere: the sign-in then begins a
 *  new session.
 *  @returns what becomes of it */
function leavesSession(needs: InteractionNeeds, page: PageRequest, interaction: Interaction, login: Login): Left {
  const session = shownSession(needs, page)
  if (session?.accountId === undefined) return { leaves: 'none' }
  const { uid, accountId } = session
  const isOther = accountId !== login.accountId
  if (!isOther && interaction.session !== undefined) return stays
  setCookie(page.raw.response, needs.scope, { name: needs.scope.session, value: '', maxAge: 0 })
  return { leaves: 'dropped', ...(isOther ? { former: { uid, accountId } } : {}) }
}

function submittedLogin(login: Login, leaves?: FormerSession): NonNullable<Submission['login']> {
  const { accountId, authTime, amr, remember, attempt, standing, beside } = login
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
    ...(beside === undefined ? {} : { beside }),
    ...(leaves === undefined ? {} : { leaves }),
  }
}
