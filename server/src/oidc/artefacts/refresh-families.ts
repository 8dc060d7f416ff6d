// Computes a refresh token from the row of its family (grant, seq, time of rotation). The token is not stored, and a repeated request gets
// the same new token.
import { createHmac } from 'node:crypto'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { NewFamily } from '../../store/tokens/grants.ts'
import { idleLifetime, mayRefresh } from '../clients/refresh-terms.ts'
import type { RefreshConfig } from '../clients/refresh-terms.ts'
import type { CookieKeys } from '../keys/key-set.ts'
import { lifetimes } from '../lifetimes.ts'
import type { RotatedFamily } from '../request-context.ts'
import { isFapiClient } from './fapi.ts'

/** FAPI 2.0 clients prove a key, so their refresh tokens do not rotate (Security Profile section 5.3.2.1). */
export const staysTheSame = isFapiClient

/** @returns a new refresh family; undefined when the client gets no refresh token */
export function newFamily(
  config: RefreshConfig & Pick<ClientConfig, 'grantTypes'>,
  scope: string | undefined,
): NewFamily | undefined {
  if (!mayRefresh(config)) return undefined
  const idle = idleLifetime(config, scope)
  return { idleTtlMs: idle * 1000, absoluteTtlMs: Math.max(idle, lifetimes.refreshAbsolute) * 1000 }
}

/** @returns the id of the family's newest token: the same on every replica */
export function refreshTokenId(grantId: string, { seq, rotatedAt }: RotatedFamily, keys: CookieKeys): string {
  const { key } = keys.activeAt('refresh-jti', rotatedAt)
  return createHmac('sha256', key).update(`${grantId}\0${seq}\0${rotatedAt}`).digest('base64url')
}

/** @returns when the family's newest token was issued and when it expires, in epoch seconds */
export function refreshTokenTimes(
  { rotatedAt, expiresAt }: RotatedFamily,
  config: RefreshConfig & Pick<ClientConfig, 'profile'>,
  scope: string | undefined,
): { iat: number; exp: number } {
  const iat = Math.floor(rotatedAt / 1000)
  // the family has the time of the last use
  if (staysTheSame(config)) return { iat, exp: iat + Math.max(idleLifetime(config, scope), lifetimes.refreshAbsolute) }
  const idle = iat + idleLifetime(config, scope)
  return { iat, exp: Number.isFinite(expiresAt) ? Math.min(idle, Math.floor(expiresAt / 1000)) : idle }
}
