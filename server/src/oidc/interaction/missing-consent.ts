import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ScopeOnPage } from '../../reply/on-page.ts'
import { personScopes, scopesAt } from '../apis/apis.ts'
import type { ClientInstances } from '../clients/instances.ts'
import { apiScopeOnPage, detailOnPage } from '../apis/details-on-page.ts'
import { judgeDetails } from '../apis/details.ts'
import type { AskedDetail, AskedDetails } from '../apis/details.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { refreshesInSession } from '../clients/refresh-terms.ts'
import { requestedOf, detailId, isPrompted, judgeConsent, usesStoredConsent } from './consent.ts'
import type { Asked } from './consent.ts'
import type { DetailToAllow, Interaction, MissingConsent, SignedIn } from './interaction.ts'
import type { LibraryPart } from './library-part.ts'
import { opened } from './open-interaction.ts'
import type { InteractionNeeds } from './open-interaction.ts'

/** Finds what a person must still consent to. */
export async function missingConsent(
  needs: InteractionNeeds,
  interaction: Interaction,
  account: SignedIn,
): Promise<MissingConsent> {
  const { library, people, client } = opened(interaction)
  const about = { mode: client.config.consent, prompted: isPrompted(library.params) }
  const person = usesStoredConsent(about)
    ? await people.find({ userId: account.accountId, clientUid: client.uid })
    : undefined
  const asked = requestedIn(library, client, needs.clients)
  const { open } = judgeConsent({ ...about, asked, stored: person?.consent, agreed: undefined })
  return {
    scopes: open === undefined ? [] : scopesOnPage(open, needs.clients),
    ...(open === undefined ? {} : detailsOnPage(open, needs.clients)),
    ...(refreshesInSession(client.config, asked.scopes.join(' ')) ? { inSession: true } : {}),
    canRemember: about.mode === ConsentMode.REMEMBER && !isOnlyOnce(open),
  }
}

/** Nothing of what the person is asked about could be remembered. */
const isOnlyOnce = (open: Asked | undefined): boolean =>
  open?.details !== undefined &&
  open.scopes.length === 0 &&
  Object.keys(open.resources).length === 0 &&
  open.details.every(({ canRemember }) => !canRemember)

/** What the request of an interaction asks for. */
export function requestedIn({ params }: LibraryPart, client: OidcClient, clients: ClientInstances): Asked {
  const identifiers = [params.resource ?? []].flat()
  const { authorization_details: text } = params
  return requestedOf(
    params,
    Object.fromEntries(identifiers.map((identifier) => [identifier, scopesAt(identifier, client) ?? []])),
    personScopes(client.config),
    typeof text === 'string' ? detailsIn({ text, resources: identifiers }, client, clients) : [],
  )
}

/** What cannot be granted any more is refused when the person comes back to the protocol. */
function detailsIn(asked: AskedDetails, client: OidcClient, clients: ClientInstances): readonly AskedDetail[] {
  const verdict = judgeDetails(asked, client, clients)
  return verdict.kind === 'allowed' ? verdict.details : []
}

export function detailsOnPage(
  { details }: Asked,
  clients: ClientInstances,
): { readonly details?: readonly DetailToAllow[] } {
  if (details === undefined) return {}
  return { details: details.map((one) => ({ ...detailOnPage(one, clients), id: detailId(one) })) }
}

export function scopesOnPage(asked: Asked, clients: ClientInstances): ScopeOnPage[] {
  const ofApis = Object.entries(asked.resources).flatMap(([identifier, scopes]) => {
    return scopes.map((scope) => apiScopeOnPage(scope, identifier, clients))
  })
  return [...asked.scopes.map((scope) => ({ scope })), ...ofApis]
}
