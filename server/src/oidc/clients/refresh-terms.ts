import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { lifetimes } from '../lifetimes.ts'
import { isPublic } from './oidc-client.ts'

// Who gets a refresh token, and for how long it may stay unused. Pure.

/** Whether the authorizations of a client get a refresh token. With `offline_access` it outlives the session, without it
 *  it ends with the session. */
export const mayRefresh = (config: Pick<ClientConfig, 'grantTypes'>): boolean =>
  config.grantTypes.includes('refresh_token')

export type RefreshConfig = Pick<ClientConfig, 'refreshTokenTtl' | 'tokenEndpointAuthMethod'>

/** How many seconds a refresh token of the client stays valid without use: of a public client without `offline_access` a day at most.
 *  @param scope of the code or refresh token */
export function idleLifetime(config: RefreshConfig, scope: string | undefined): number {
  const idle = config.refreshTokenTtl || lifetimes.refreshIdle
  return endsSoon(config, scope) ? Math.min(idle, lifetimes.refreshInSession) : idle
}

const endsSoon = (config: RefreshConfig, scope: string | undefined): boolean =>
  isPublic(config) && scope?.split(' ').includes('offline_access') !== true

/** Whether a request gives a public client a token that renews itself until the person signs out. */
export const refreshesInSession = (config: RefreshConfig & Pick<ClientConfig, 'grantTypes'>, scope: string): boolean =>
  mayRefresh(config) && endsSoon(config, scope)
