import { createRemoteJWKSet, jwtVerify } from 'jose'
import type { Configuration } from 'openid-client'

/** Whose session has ended, as a logout token says it. */
export interface Ended {
  readonly sid: string | undefined
  readonly sub: string | undefined
}

const event = 'http://schemas.openid.net/event/backchannel-logout'

/** Checks a logout token as OpenID Connect Back-Channel Logout 1.0 section 2.6 wants it.
 *  @throws Error when it is not one of this issuer for this client */
export async function readLogoutToken(token: unknown, configuration: Configuration): Promise<Ended> {
  const { issuer, jwks_uri: keys } = configuration.serverMetadata()
  const { client_id: audience } = configuration.clientMetadata()
  if (typeof token !== 'string' || keys === undefined) throw new Error('logout_token is missing')
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(keys)), {
    issuer,
    audience,
    typ: 'logout+jwt',
    maxTokenAge: '5m',
    requiredClaims: ['jti'],
  })
  const { events, nonce, sid, sub } = payload as {
    events?: Record<string, unknown>
    nonce?: string
    sid?: string
    sub?: string
  }
  if (typeof events?.[event] !== 'object' || nonce !== undefined) throw new Error('this is no logout token')
  if (sid === undefined && sub === undefined) throw new Error('the logout token says nobody')
  return { sid, sub }
}
