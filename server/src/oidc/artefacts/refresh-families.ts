import { createHmac } from 'node:crypto'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { NewFamily } from '../../store/grants.ts'
import type { CookieKeys } from '../keys/key-set.ts'
import { lifetimes } from '../lifetimes.ts'
import type { RotatedFamily } from '../request-context.ts'
import { isFapiClient } from './fapi.ts'

// A refresh token is computed from the row of its family (grant, seq, time of the rotation). The token itself is not
// stored, and a repeated request gets the same new token again.

/** Whether an authorization gets a refresh token. With `offline_access` the token outlives the session. Without it, Web
 *  and SPA clients get one that ends with the session. */
export function mayRefresh(config: Pick<ClientConfig, 'grantTypes' | 'type'>, scopes: ReadonlySet<string>): boolean {
  if (!config.grantTypes.includes('refresh_token')) return false
  return scopes.has('offline_access') || config.type === 'Web' || config.type === 'SPA'
}

/** How many seconds a refresh token of the client stays valid without use. */
export const idleLifetime = (config: Pick<ClientConfig, 'refreshTokenTtl'>): number =>
  config.refreshTokenTtl || lifetimes.refreshIdle

/** FAPI 2.0 Security Profile section 5.3.2.1: whoever shows the token proves with a key that they are the client, so it is not replaced when
 *  it is used. */
export const staysTheSame = isFapiClient

/** @returns the refresh family that begins with a code; undefined when the client gets no refresh token */
export function newFamily(
  config: Pick<ClientConfig, 'grantTypes' | 'type' | 'refreshTokenTtl'>,
  scopes: ReadonlySet<string>,
): NewFamily | undefined {
  if (!mayRefresh(config, scopes)) return undefined
  const idle = idleLifetime(config)
  return { payload: {}, idleTtlMs: idle * 1000, absoluteTtlMs: Math.max(idle, lifetimes.refreshAbsolute) * 1000 }
}

/** @returns the id of the family's newest token: the same on every replica */
export function refreshTokenId(grantId: string, { seq, rotatedAt }: RotatedFamily, keys: CookieKeys): string {
  const { key } = keys.activeAt('refresh-jti', rotatedAt)
  return createHmac('sha256', key).update(`${grantId}\0${seq}\0${rotatedAt}`).digest('base64url')
}

/** @returns when the family's newest token was issued and when it expires, in epoch seconds */
export function refreshTokenTimes(
  { rotatedAt, expiresAt }: RotatedFamily,
  config: Pick<ClientConfig, 'refreshTokenTtl' | 'profile'>,
): { iat: number; exp: number } {
  const iat = Math.floor(rotatedAt / 1000)
  // its family says when it was used last
  if (staysTheSame(config)) return { iat, exp: iat + Math.max(idleLifetime(config), lifetimes.refreshAbsolute) }
  const idle = iat + idleLifetime(config)
  return { iat, exp: Number.isFinite(expiresAt) ? Math.min(idle, Math.floor(expiresAt / 1000)) : idle }
}
