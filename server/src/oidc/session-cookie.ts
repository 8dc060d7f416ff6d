// Signs and verifies the session cookie, a JWT with the whole session. The database only knows whether the session has ended.
import { createHmac } from 'node:crypto'
import jsonwebtoken from 'jsonwebtoken'
import { hasShape } from '@nauthera/runtime/json'
import type { CookieKeys } from './keys/key-set.ts'

/** The library's session, as the cookie holds it. It has no `authorizations`: when two tabs rewrite the cookie at once,
 *  what one of them added would be lost. So `sid` is derived, and a grant belongs to its request. It has no groups,
 *  because a cookie holds only 4 KB. */
export interface SessionPayload {
  readonly jti: string
  readonly uid: string
  readonly kind: 'Session'
  /** Epoch seconds. */
  readonly iat: number
  readonly exp: number
  readonly accountId?: string
  readonly loginTs?: number
  readonly amr?: readonly string[]
  /** Follows from `amr`; not in the cookie. */
  readonly acr?: string
  readonly transient?: boolean
  /** What the logout page must remember until the person confirms. */
  readonly state?: Readonly<Record<string, unknown>>
  /** Id of the key that `sid` is derived from. It never changes in a session, so a key rotation does not change
   *  `sid`. */
  readonly sidKey?: string
  /** Epoch seconds: the session ends then, even if it is in use. */
  readonly until?: number
  /** Rises when older cookies of the session must not be used any more. */
  readonly version?: number
}

export interface SessionCookies {
  /** @returns the value of the cookie */
  sign(session: SessionPayload): string
  /** @returns the session; undefined when this issuer did not sign it, it has expired, or it is older than a restore of
   *  the database */
  verify(value: string): SessionPayload | undefined
}

const shape = {
  required: { jti: 'string', uid: 'string', iat: 'number', exp: 'number' },
  optional: {
    accountId: 'string',
    loginTs: 'number',
    amr: 'strings',
    transient: 'boolean',
    state: 'record',
    sidKey: 'string',
    until: 'number',
    version: 'number',
  },
} as const
const isSession = (value: unknown): value is SessionPayload => hasShape(value, shape)

const audience = 'nauthera:session'
const algorithm = 'HS256'

/** @param needs.now epoch milliseconds */
export function createSessionCookies(needs: {
  issuer: string
  keys: () => CookieKeys
  epoch: () => number
  now: () => number
}): SessionCookies {
  const { issuer, keys, epoch, now } = needs
  return {
    sign({ accountId, jti, uid, iat, exp, kind: _kind, acr: _derived, ...rest }) {
      const { kid, key } = keys().current('session')
      const claims = {
        ...rest,
        ...(accountId === undefined ? {} : { sub: accountId }),
        jti,
        uid,
        iat,
        exp,
        ep: epoch(),
      }
      return jsonwebtoken.sign(claims, key, { algorithm, keyid: kid, issuer, audience })
    },
    verify(value) {
      try {
        const kid = jsonwebtoken.decode(value, { complete: true })?.header.kid
        const key = typeof kid === 'string' ? keys().find('session', kid) : undefined
        if (key === undefined) return undefined
        const claims = jsonwebtoken.verify(value, key, {
          algorithms: [algorithm],
          issuer,
          audience,
          clockTimestamp: Math.floor(now() / 1000),
        })
        if (typeof claims === 'string') return undefined
        const { sub, ep, iss: _iss, aud: _aud, ...rest } = claims
        if (ep !== epoch()) return undefined
        const session = { ...rest, kind: 'Session', ...(sub === undefined ? {} : { accountId: sub }) }
        return isSession(session) ? session : undefined
      } catch {
        return undefined
      }
    },
  }
}

/** The `sid` of a client in a session: the same in every tab and on every replica. */
export function sidOf(
  keys: CookieKeys,
  session: { readonly uid: string; readonly sidKey?: string | undefined },
  clientId: string,
): string {
  const key = (session.sidKey === undefined ? undefined : keys.find('sid', session.sidKey)) ?? keys.current('sid').key
  return createHmac('sha256', key).update(`${session.uid}\0${clientId}`).digest('base64url').slice(0, 32)
}
