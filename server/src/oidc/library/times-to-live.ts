import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { accessTokenLifetime } from '../apis/api-tokens.ts'
import { lifetimes } from '../lifetimes.ts'
import type { LibraryNeeds } from './needs.ts'

interface ApiBound {
  readonly resourceServer?: { readonly accessTokenTTL?: number | undefined } | undefined
}

interface TimedSession {
  readonly accountId?: string | undefined
  readonly until?: number
  readonly transient?: boolean | undefined
}

/** How long artefacts live, in seconds. The functions are not async, because the library takes no async ones here. */
export function timesToLive({ clients, now }: Pick<LibraryNeeds, 'clients' | 'now'>) {
  const configOf = (client: object | undefined): Partial<ClientConfig> =>
    client === undefined ? {} : clients.registered(client).config
  const ofAccessToken = (_context: unknown, token: ApiBound, client?: object) =>
    token.resourceServer?.accessTokenTTL ||
    (client === undefined ? lifetimes.accessToken : accessTokenLifetime(clients.registered(client).config))
  return {
    AccessToken: ofAccessToken,
    ClientCredentials: ofAccessToken,
    IdToken: (_context: unknown, _token: unknown, client?: object) => configOf(client).idTokenTtl || lifetimes.idToken,
    // a token says the time of its family (overrides/rotate-refresh-tokens)
    RefreshToken: lifetimes.refreshIdle,
    AuthorizationCode: lifetimes.code,
    DeviceCode: lifetimes.deviceCode,
    Grant: lifetimes.refreshAbsolute,
    Interaction: lifetimes.interaction,
    Session: (_context: unknown, session: TimedSession) => {
      if (session.accountId === undefined) return lifetimes.sessionAnonymous
      const left = (session.until ?? 0) - Math.floor(now() / 1000)
      return Math.max(1, session.transient ? Math.min(lifetimes.sessionIdle, left) : left)
    },
  }
}
