// Decides who gets a refresh token, and how long it may stay unused. Pure.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { lifetimes } from '../lifetimes.ts'
import { isPublic } from './oidc-client.ts'

/** Whether a client gets refresh tokens. With `offline_access` they outlive the session, otherwise they end with it. */
export const mayRefresh = (config: Pick<ClientConfig, 'grantTypes'>): boolean =>
  config.grantTypes.includes('refresh_token')

export type RefreshConfig = Pick<ClientConfig, 'refreshTokenTtl' | 'tokenEndpointAuthMethod'>

/** The idle lifetime of a refresh token, seconds: for a public client without `offline_access` at most a day.
 *  @param scope of the code or refresh token */
export function idleLifetime(config: RefreshConfig, scope: string | undefined): number {
  const idle = config.refreshTokenTtl || lifetimes.refreshIdle
  return endsSoon(config, scope) ? Math.min(idle, lifetimes.refreshInSession) : idle
}

const endsSoon = (config: RefreshConfig, scope: string | undefined): boolean =>
  isPublic(config) && scope?.split(' ').includes('offline_access') !== true

/** Whether a public client gets a refresh token without `offline_access`, until the person signs out. */
export const refreshesInSession = (config: RefreshConfig & Pick<ClientConfig, 'grantTypes'>, scope: string): boolean =>
  mayRefresh(config) && endsSoon(config, scope)
