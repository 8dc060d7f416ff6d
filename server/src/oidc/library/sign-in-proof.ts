import { acrOf } from '../acr.ts'
import type { Context } from './shapes.ts'

/** What an API may want to know of the sign-in behind an access token of a person (RFC 9470 section 6). */
export interface SignInProof {
  readonly acr?: string
  /** Epoch seconds. */
  readonly auth_time?: number
}

/** @returns the claims of a token that a code or a refresh token of this request gives; none for a client that acts for itself */
export function signInProof({ oidc: { entities } }: Pick<Context, 'oidc'>): SignInProof {
  const { AuthorizationCode, DeviceCode, RefreshToken } = entities as Readonly<Record<string, Proof | undefined>>
  const { amr, authTime } = AuthorizationCode ?? DeviceCode ?? RefreshToken ?? {}
  const acr = acrOf(amr)
  return { ...(acr === undefined ? {} : { acr }), ...(authTime === undefined ? {} : { auth_time: authTime }) }
}

interface Proof {
  readonly amr?: readonly string[]
  readonly authTime?: number
}
