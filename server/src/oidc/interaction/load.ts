// Loads the interaction of an address from the browser's cookie.
import type { PageRequest } from '../../reply.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { FoundInteraction } from './interaction-cookie.ts'
import { requestedIn, detailsOnPage, scopesOnPage } from './missing-consent.ts'
import { factorStanding } from '../../users/factors/policy.ts'
import { personOnPage } from '../../users/person-on-page.ts'
import { clientOnPage } from '../clients/on-page.ts'
import type { DeviceAsking, Interaction, LoadedInteraction, Progress, SessionAccount } from './interaction.ts'
import { inside, shownSession } from './open-interaction.ts'
import type { InteractionNeeds, OpenInteraction } from './open-interaction.ts'
import type { LibraryPart } from './library-part.ts'
import { createPeople } from './people.ts'
import { acrNotReached, sessionEnded } from './what-is-asked.ts'

/** The interaction that an address names, from the browser's cookie. */
export async function loadInteraction(
  needs: InteractionNeeds,
  page: PageRequest,
  uid: string,
): Promise<LoadedInteraction> {
  const found = await needs.cookies.read(page.raw, uid)
  if (found === undefined) return { kind: 'absent' }
  if (found.kind === 'over') {
    const client = needs.clients.registeredById(found.clientId)
    return { kind: 'over', reason: found.reason, client: client && clientOnPage(client) }
  }
  const { payload: library, progress } = found
  const { params, prompt } = library
  const client = needs.clients.registeredById(params.client_id)
  if (client === undefined) return { kind: 'over', reason: 'expired' }
  const within = { library, people: createPeople(needs.users), client }
  const session = await liveSession(needs, page, within)
  const isEnded = progress.signedIn?.beside !== undefined && progress.signedIn.beside !== session?.uid
  const interaction: OpenInteraction = {
    [inside]: within,
    uid,
    client: clientOnPage(client),
    clientUid: client.uid,
    prompt: isEnded ? startsOver(prompt) : { name: prompt.name, reasons: prompt.reasons },
    session,
    stepUp: session !== undefined && isStepUp(prompt, session),
    loginHint: params.login_hint,
    uiLocales: wordsOf(params.ui_locales),
    acrValues: wordsOf(params.acr_values),
    maxAge: params.max_age === undefined ? undefined : Number(params.max_age),
    redirectUri: params.redirect_uri ?? '',
    device: library.deviceCode === undefined ? undefined : deviceOf(needs, found, client),
    progress: isEnded ? withoutSignIn(progress) : progress,
  }
  return { kind: 'live', interaction }
}

function deviceOf(
  { clients }: InteractionNeeds,
  { payload, progress }: Pick<Extract<FoundInteraction, { kind: 'live' }>, 'payload' | 'progress'>,
  client: OidcClient,
): DeviceAsking {
  const asked = requestedIn(payload, client, clients)
  return {
    userCode: payload.userCode ?? '',
    scopes: scopesOnPage(asked, clients),
    ...detailsOnPage(asked, clients),
    isConfirmed: progress.deviceConfirmed === true || payload.lastSubmission?.deviceConfirmed === true,
  }
}

/** The browser's session and its account; undefined when one of them is not valid any more. */
async function liveSession(
  needs: InteractionNeeds,
  page: PageRequest,
  { library, people, client }: OpenInteraction[typeof inside],
): Promise<SessionAccount | undefined> {
  const session = shownSession(needs, page)
  if (session?.accountId === undefined || session.loginTs === undefined) return undefined
  if (library.session && library.session.uid !== session.uid) return undefined
  const loaded = await people.find({
    userId: session.accountId,
    clientUid: client.uid,
    session: { uid: session.uid, version: session.version ?? 1, authTime: new Date(session.loginTs * 1000) },
  })
  if (!loaded?.sessionLive) return undefined
  return {
    uid: session.uid,
    accountId: session.accountId,
    authTime: session.loginTs,
    amr: session.amr ?? [],
    person: personOnPage(loaded.user),
    standing: loaded.standing,
    remember: session.transient !== true,
    factors: factorStanding(needs.secondFactor, { groups: loaded.user.groups, factors: loaded.factors }),
  }
}

/** A sign-in ends with the session beside which it was proved: the person proves who they are again. */
const startsOver = ({ reasons }: LibraryPart['prompt']): Interaction['prompt'] => ({
  name: 'login',
  reasons: [...reasons, sessionEnded],
})
const withoutSignIn = ({ deviceConfirmed, linking }: Progress): Progress => ({
  ...(deviceConfirmed === undefined ? {} : { deviceConfirmed }),
  ...(linking === undefined ? {} : { linking }),
})

/** Whoever has no second factor yet signs in again: nobody sets one up with a session alone. */
const isStepUp = ({ name, reasons }: LibraryPart['prompt'], { factors }: SessionAccount): boolean =>
  name === 'login' && reasons.every((reason) => reason === acrNotReached) && (factors?.kinds.length ?? 0) > 0

const wordsOf = (text: unknown): string[] => (typeof text === 'string' ? text.split(' ').filter(Boolean) : [])
