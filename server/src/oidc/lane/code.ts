// Tokens for a plain code.
import { hash, timingSafeEqual } from 'node:crypto'
import type { Redemptions } from '../../store/sessions/redemptions.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import type { UserSources } from '../../users/sources/user-sources.ts'
import { newFamily } from '../artefacts/refresh-families.ts'
import { judgeGrant, termsAtOnce } from '../artefacts/standing-grant.ts'
import type { ClientInstances } from '../clients/instances.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { describeGranted, grantQueryOf } from '../load-account.ts'
import type { RequestContext } from '../request-context.ts'
import { answerAfterEffect, attempted, passedOn } from './lane-answer.ts'
import type { LaneAnswer } from './lane-answer.ts'
import { changedMeanwhile, createPersonTokens, isForApi } from './person-tokens.ts'
import type { PersonTokenNeeds, TokenSource } from './person-tokens.ts'
import { isPlainClient, onlyHas } from './plain-request.ts'
import type { PlainForm } from './plain-request.ts'

export interface CodeNeeds extends PersonTokenNeeds {
  readonly clients: ClientInstances
  readonly users: Pick<UserSources, 'describe'>
  readonly settings: { readonly secondFactor: SecondFactorPolicy }
  readonly store: { readonly redemptions: Redemptions }
}

/** The payload of a code that is bound to nothing but its PKCE. */
interface ShownCode extends TokenSource {
  readonly jti: string
  readonly redirectUri: string
  readonly codeChallenge?: string
  readonly codeChallengeMethod?: string
}

const grantType = 'authorization_code'

/** What the lane answers to a client that shows its code for the first time, with all that belongs to it, and asks for no API. */
export function createCodeGrants(
  needs: CodeNeeds,
): (context: RequestContext, form: PlainForm, client: OidcClient) => Promise<LaneAnswer> {
  const { users, store } = needs
  const answer = createPersonTokens(needs)
  return async (context, form, client) => {
    const code = isPlain(form, client) ? shownCode(form, client, needs) : undefined
    if (code === undefined || isForApi(code)) return passedOn
    context.artefact = { ...code }
    const { jti, exp, scope: ofCode } = code
    const family = newFamily(client.config, ofCode)
    const terms = termsAtOnce(client, code, needs.settings)
    if (terms === undefined) return passedOn
    const use = { ...grantQueryOf(code), jti, expiresAt: new Date(exp * 1000), terms, family }
    const redeemed = await attempted(() => store.redemptions.redeem(use))
    if (redeemed.kind !== 'done') return redeemed
    const { spent, family: begun } = redeemed.outcome
    const account = () => describeGranted(context, users, redeemed.outcome.account)
    if (!spent) {
      // the library asks for it too
      await account()
      return passedOn
    }
    return answerAfterEffect(async () => {
      const granted = await judgeGrant(await account(), { client, source: code }, needs)
      if (granted === undefined || (family !== undefined && begun === undefined)) throw changedMeanwhile()
      if (begun) context.family = { ...begun, expiresAt: Number.POSITIVE_INFINITY }
      return answer(context, grantType, {
        client,
        source: code,
        ...granted,
        gty: grantType,
        refresh: begun && { rotations: 0 },
      })
    })
  }
}

const isPlain = (form: PlainForm, client: OidcClient): boolean =>
  onlyHas(form, ['grant_type', 'code', 'redirect_uri', 'code_verifier']) && isPlainClient(client, grantType)

/** What makes a code more than ordinary: it is bound to something, or asks for single claims or details. */
const extraordinary = [
  'jkt',
  'x5t#S256',
  'dpopJkt',
  'attestationJkt',
  'claims',
  'rar',
  'consumed',
  'expiresWithSession',
] as const

/** @returns undefined for what is not the caller's, has expired or is bound, and for what does not belong to it */
function shownCode(form: PlainForm, client: OidcClient, { sealer, now }: CodeNeeds): ShownCode | undefined {
  const payload = sealer.unseal('AuthorizationCode', form.get('code') ?? '')
  if (payload === undefined || extraordinary.some((name) => payload[name] !== undefined)) return undefined
  if (!isShownCode(payload) || payload.clientId !== client.clientId) return undefined
  if (payload.exp <= secondsOf(now()) || !isSent(form.get('redirect_uri'), payload)) return undefined
  return payload.scope.split(' ').includes('openid') && isVerified(form.get('code_verifier'), payload)
    ? payload
    : undefined
}

const texts = ['jti', 'clientId', 'accountId', 'grantId', 'scope', 'redirectUri'] as const
const numbers = ['iat', 'exp'] as const

const isShownCode = (payload: Record<string, unknown>): payload is Record<string, unknown> & ShownCode =>
  texts.every((name) => typeof payload[name] === 'string') && numbers.every((name) => typeof payload[name] === 'number')

/** Whether the code was sent to the address that the request names; none needs to be named where PKCE binds the code (OAuth 2.1 section 4.1.3). */
const isSent = (named: string | undefined, { redirectUri, codeChallenge }: ShownCode): boolean =>
  named === undefined ? codeChallenge !== undefined : named === redirectUri

/** PKCE (RFC 7636 section 4.6): both, or neither. */
function isVerified(verifier: string | undefined, { codeChallenge, codeChallengeMethod }: ShownCode): boolean {
  if (verifier === undefined || codeChallenge === undefined) return verifier === codeChallenge
  if (codeChallengeMethod !== 'S256' || !/^[\w.~-]{43,128}$/.test(verifier)) return false
  const [given, wanted] = [Buffer.from(hash('sha256', verifier, 'base64url')), Buffer.from(codeChallenge)]
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

const secondsOf = (milliseconds: number): number => Math.floor(milliseconds / 1000)
