import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ScopeOnPage } from '../../reply.ts'
import { personScopes, scopesAt } from '../clients/apis.ts'
import type { ClientInstances } from '../clients/instances.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { askedOf, isPrompted, judgeConsent, usesStoredConsent } from './consent.ts'
import type { Asked } from './consent.ts'
import type { Interaction, MissingConsent, SignedIn } from './interaction.ts'
import type { LibraryPart } from './library-part.ts'
import { opened } from './open-interaction.ts'
import type { InteractionNeeds } from './open-interaction.ts'

/** What a person must still be asked to agree to. */
export async function missingConsent(
  needs: InteractionNeeds,
  interaction: Interaction,
  account: SignedIn,
): Promise<MissingConsent> {
  const { library, people } = opened(interaction)
  const client = needs.clients.registeredById(interaction.client.clientId)
  if (client === undefined) return { scopes: [], canRemember: false }
  const about = { mode: client.config.consent, prompted: isPrompted(library.params) }
  const person = usesStoredConsent(about)
    ? await people.find({ userId: account.accountId, clientUid: client.uid })
    : undefined
  const asked = askedIn(library, client, needs.clients)
  const { open } = judgeConsent({ ...about, asked, stored: person?.consent, agreed: undefined })
  return {
    scopes: open === undefined ? [] : scopesOnPage(open, needs.clients),
    canRemember: about.mode === ConsentMode.REMEMBER,
  }
}

/** What the request of an interaction asks for. */
export function askedIn({ params }: LibraryPart, client: OidcClient, clients: ClientInstances): Asked {
  const identifiers = [params.resource ?? []].flat()
  return askedOf(
    params,
    Object.fromEntries(identifiers.map((identifier) => [identifier, scopesAt(identifier, client, clients) ?? []])),
    personScopes(client.config),
  )
}

export function scopesOnPage(asked: Asked, clients: ClientInstances): ScopeOnPage[] {
  const ofApis = Object.entries(asked.resources).flatMap(([identifier, scopes]) => {
    const api = clients.findApi(identifier)?.config.clientName || identifier
    return scopes.map((scope) => ({ scope, api }))
  })
  return [...asked.scopes.map((scope) => ({ scope })), ...ofApis]
}
