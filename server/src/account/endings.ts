// Describes what ends for a client with a session or a consent. Opaque tokens and refresh tokens end with their grant. A JWT access token
// is valid until it expires, since APIs check it alone. An application's own session ends only when the application supports back-channel
// logout.
import { createHash } from 'node:crypto'
import { signedTokenLife } from '../oidc/apis/api-tokens.ts'
import type { ClientInstances } from '../oidc/clients/instances.ts'
import { clientOnPage } from '../oidc/clients/on-page.ts'
import type { EndingOnPage } from '../reply/on-page.ts'

export interface KnownClient {
  readonly clientId: string
  readonly clientUid: string
  /** A session with the client ends: only then it gets a logout token. */
  readonly inSession?: true
  /** See `SessionClient`. */
  readonly keepsAccess?: boolean
}

/** @param known the last entry of each client counts
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
  // another object may have the id now
  if (client?.uid !== clientUid) return { name: clientId, minutes: 0, told: false }
  return {
    name: clientOnPage(client).name,
    minutes: Math.ceil(signedTokenLife(client, clients) / 60),
    told: inSession === true && client.config.backchannelLogoutUri !== '',
  }
}

/** Replaces an id in addresses and forms, which must not show it. */
export const handleOf = (id: string): string => createHash('sha256').update(id).digest('base64url').slice(0, 22)
