import { createHash } from 'node:crypto'
import { signedTokenLife } from '../oidc/apis/api-tokens.ts'
import type { ClientInstances } from '../oidc/clients/instances.ts'
import { clientOnPage } from '../oidc/clients/on-page.ts'
import type { EndingOnPage } from '../reply/on-page.ts'

// What ends for a client when a session or a consent ends, and what does not at once. Opaque tokens and refresh tokens are looked up, so
// they end with their grant. An API that checks a signed token by itself asks nobody, so it takes it until it expires. The session that an
// application has with the person's browser is its own: it ends when the application is told, and wants to be.

export interface KnownClient {
  readonly clientId: string
  readonly clientUid: string
  /** A session that it was used in ends: only then is it told. */
  readonly inSession?: true
  /** See `SessionClient`. */
  readonly keepsAccess?: boolean
}

/** @param known each client counts once: as the last entry of it says
 *  @returns by name */
export function endingsOf(known: readonly KnownClient[], clients: ClientInstances): readonly EndingOnPage[] {
  const byUid = new Map(known.map((one) => [one.clientUid, one]))
  const endings = [...byUid.values()].map((one) => ({
    ...endingOf(one, clients),
    ...(one.keepsAccess ? { stays: true } : {}),
  }))
  return endings.toSorted((a, b) => a.name.localeCompare(b.name))
}

export function endingOf({ clientId, clientUid, inSession }: KnownClient, clients: ClientInstances): EndingOnPage {
  const client = clients.registeredById(clientId)
  // the id may belong to another object by now
  if (client?.uid !== clientUid) return { name: clientId, minutes: 0, told: false }
  return {
    name: clientOnPage(client).name,
    minutes: Math.ceil(signedTokenLife(client, clients) / 60),
    told: inSession === true && client.config.backchannelLogoutUri !== '',
  }
}

/** Stands for an id in addresses and forms: the id itself stays here. */
export const handleOf = (id: string): string => createHash('sha256').update(id).digest('base64url').slice(0, 22)
