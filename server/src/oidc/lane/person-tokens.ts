// Builds a person's tokens in the lane, for an unbound code or refresh token without an API.
import { CodedError } from '@nauthera/runtime/coded-error'
import type { User } from '../../store/people/user.ts'
import { signInProofOf } from '../acr.ts'
import { recordGranted } from '../artefacts/granted-tokens.ts'
import type { GrantEvents } from '../artefacts/granted-tokens.ts'
import { accessTokenLifetime } from '../apis/api-tokens.ts'
import type { Sealer } from '../artefacts/sealed.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { createIds } from '../keys/random-ids.ts'
import type { RequestContext } from '../request-context.ts'

export interface PersonTokenNeeds {
  readonly sealer: Sealer
  readonly makeTokens: MakeTokens
  readonly events: GrantEvents
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** What the payloads of a code and of a refresh token both say. */
export interface TokenSource {
  readonly iat: number
  readonly exp: number
  readonly clientId: string
  readonly accountId: string
  readonly grantId: string
  readonly scope: string
  readonly resource?: string | readonly string[]
  readonly acr?: string
  readonly amr?: readonly string[]
  readonly authTime?: number
  readonly nonce?: string
  readonly sessionUid?: string
  readonly sid?: string
  readonly expiresWithSession?: boolean
}

export interface TokensAbout {
  readonly client: OidcClient
  readonly source: TokenSource
  readonly user: User
  /** What the client may know of the person. */
  readonly scope: string
  /** The grants that led here, as the library writes them. */
  readonly gty: string
  /** Undefined where the client gets no refresh token. */
  readonly refresh: { readonly rotations: number; readonly iiat?: number | undefined } | undefined
}

/** Makes the ID token, and the refresh token by the family of the request. */
export type MakeTokens = (
  context: RequestContext,
  about: TokensAbout,
) => Promise<{ readonly refresh: string | undefined; readonly id: string }>

/** @returns the function answers with the tokens. @param grant as the request names it */
export function createPersonTokens(
  needs: PersonTokenNeeds,
): (context: RequestContext, grant: string, about: TokensAbout) => Promise<object> {
  const { sealer, makeTokens, events, now } = needs
  const nextId = createIds({ bytes: 32, encoding: 'base64url' })
  return async (context, grant, about) => {
    const { client, user, scope } = about
    const expiresIn = accessTokenLifetime(client.config)
    const payload = { ...accessToken(about, Math.floor(now() / 1000), expiresIn), jti: nextId() }
    const access = sealer.seal('AccessToken', payload)
    context.accessToken = access
    const { refresh, id } = await makeTokens(context, about)
    recordGranted(context, { grant, client, userId: user.id }, events)
    return {
      access_token: access,
      expires_in: expiresIn,
      id_token: id,
      refresh_token: refresh,
      scope,
      token_type: 'Bearer',
    }
  }
}

/** Whether the tokens may be for an API of the sign-in, and so the library's. */
export const isForApi = ({ resource }: TokenSource): boolean => resource !== undefined

/** What a statement has given out would be given here too, unless the client has changed in the meantime: then the next request is told. */
export const changedMeanwhile = (): CodedError =>
  new CodedError('STORE_UNAVAILABLE', { message: 'the client has changed while its request was answered' })

/** For userinfo, as every token without an API: it is opaque. */
function accessToken({ source, scope, gty }: TokensAbout, iat: number, expiresIn: number): object {
  const { accountId, clientId, grantId, sessionUid, sid, expiresWithSession } = source
  return {
    iat,
    exp: iat + expiresIn,
    accountId,
    expiresWithSession,
    grantId,
    gty,
    sessionUid,
    sid,
    kind: 'AccessToken',
    clientId,
    scope,
    extra: signInProofOf(source),
  }
}
