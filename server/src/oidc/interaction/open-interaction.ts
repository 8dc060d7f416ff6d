import type { SeenRefusal } from '../../clients/refusals.ts'
import type { PageRequest } from '../../reply.ts'
import type { Devices } from '../../store/sessions/devices.ts'
import type { Grants } from '../../store/tokens/grants.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import type { UserSources } from '../../users/sources/user-sources.ts'
import type { ClientInstances } from '../clients/instances.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { readCookies } from '../cookies.ts'
import type { CookieScope } from '../cookies.ts'
import type { SessionCookies, SessionPayload } from '../session-cookie.ts'
import type { InteractionCookies } from './interaction-cookie.ts'
import type { Interaction } from './interaction.ts'
import type { LibraryPart } from './library-part.ts'
import type { PeopleLookup } from './people.ts'
import type { Resume } from './resume.ts'

export interface InteractionNeeds {
  readonly cookies: InteractionCookies
  readonly sessions: SessionCookies
  readonly scope: CookieScope
  readonly store: { readonly devices: Devices; readonly grants: Grants }
  readonly users: Pick<UserSources, 'load'>
  readonly clients: ClientInstances
  readonly secondFactor: SecondFactorPolicy
  readonly resume: Resume
  /** A request in the name of a client was refused. */
  readonly refused: (client: OidcClient, refusal: SeenRefusal) => void
  /** Without a slash at the end. */
  readonly issuer: string
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** A loaded interaction, with the data that only this folder needs. */
export interface OpenInteraction extends Interaction {
  readonly [inside]: { readonly library: LibraryPart; readonly people: PeopleLookup; readonly client: OidcClient }
}
export const inside = Symbol('inside of an interaction')

const isOpen = (interaction: Interaction): interaction is OpenInteraction => inside in interaction

/** @throws TypeError for an interaction that was not loaded here */
export function opened(interaction: Interaction): OpenInteraction[typeof inside] {
  if (!isOpen(interaction)) throw new TypeError('this interaction was not loaded by loadInteraction')
  return interaction[inside]
}

/** The session in the browser's cookie. Only the database knows whether it has ended. */
export function shownSession(needs: InteractionNeeds, page: PageRequest): SessionPayload | undefined {
  return needs.sessions.verify(readCookies(page.raw.request).get(needs.scope.session) ?? '')
}
