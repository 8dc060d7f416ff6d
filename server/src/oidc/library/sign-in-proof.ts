// Builds the claims about a sign-in for the library.
import { signInProofOf } from '../acr.ts'
import type { SignInProof } from '../acr.ts'
import { entitiesOf } from './shapes.ts'
import type { Context } from './shapes.ts'

/** @returns the claims of a token that a code or a refresh token of this request gives; none for a client that acts for itself */
export function signInProof(context: Pick<Context, 'oidc'>): SignInProof {
  const { AuthorizationCode, DeviceCode, RefreshToken } = entitiesOf(context)
  return signInProofOf(AuthorizationCode ?? DeviceCode ?? RefreshToken ?? {})
}
