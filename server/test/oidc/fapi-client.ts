// A client of FAPI 2.0 that signs everything itself, so that it can also do it wrong. The libraries of relying parties only do it right.
import { createHash, randomUUID } from 'node:crypto'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import type { JWTPayload } from 'jose'
import type { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { Browser, authorizationUrl, pkce, send } from '@nauthera/harness/browser'
import type { Answer, Pkce } from '@nauthera/harness/browser'
import { configs, entry, redirectUri } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

export type Key = Awaited<ReturnType<typeof keyOf>>

export async function keyOf(alg: string, kid = alg) {
  const pair = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(pair.publicKey)
  // a key of EdDSA signs under either of its two names
  const named = alg === 'EdDSA' ? {} : { alg }
  return { ...pair, alg, kid, bare: jwk, jwk: { ...jwk, ...named, kid, use: 'sig' } }
}

export const seconds = (): number => Math.floor(Date.now() / 1000)

/** What the operator makes of `profile: FAPI2`. */
export const fapi = (
  clientId: string,
  keys: readonly Key[],
  more: { requireSignedRequestObject?: boolean; responseModes?: string[]; consent?: ConsentMode } = {},
) =>
  entry(clientId, {
    ...configs.web,
    profile: 'FAPI2',
    tokenEndpointAuthMethod: 'private_key_jwt',
    jwks: { keys: keys.map(({ jwk }) => ({ ...jwk })) as never },
    requirePushedAuthorizationRequests: true,
    dpopBoundAccessTokens: true,
    idTokenClaims: 'Minimal',
    idTokenSignedResponseAlg: 'ES256',
    accessTokenSignedResponseAlg: 'ES256',
    responseModes: ['query', 'fragment', 'form_post'],
    ...more,
  })

export interface Assertion {
  readonly key?: Key
  readonly claims?: JWTPayload
}

export function createFapiClient(replicas: ServerReplicas, clientId: string, needs: { signing: Key; holder: Key }) {
  async function assertion({ key = needs.signing, claims = {} }: Assertion = {}) {
    const now = seconds()
    const about = { iss: clientId, sub: clientId, aud: replicas.issuer, jti: randomUUID(), iat: now, exp: now + 60 }
    const jwt = new SignJWT({ ...about, ...claims }).setProtectedHeader({ alg: key.alg, kid: key.kid })
    return {
      client_assertion: await jwt.sign(key.privateKey),
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }
  }
  /** @param about.token the access token that goes with it */
  async function proof(
    path: string,
    about: { htm?: string; key?: Key; token?: string; claims?: JWTPayload; header?: object } = {},
  ): Promise<string> {
    const { htm = 'POST', key = needs.holder, token, claims = {}, header = {} } = about
    const ath = token === undefined ? undefined : createHash('sha256').update(token).digest('base64url')
    const body = { htm, htu: `${replicas.issuer}${path}`, jti: randomUUID(), iat: seconds(), ath, ...claims }
    return new SignJWT(body)
      .setProtectedHeader({ alg: key.alg, typ: 'dpop+jwt', jwk: key.bare, ...header })
      .sign(key.privateKey)
  }
  const parameters = (challenge: Pkce, more: Readonly<Record<string, string>> = {}) => ({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid email offline_access',
    state: 'a-state',
    nonce: 'a-nonce',
    code_challenge: challenge.challenge,
    code_challenge_method: 'S256',
    ...more,
  })
  const headersOf = (dpop: string | undefined): Record<string, string> => (dpop === undefined ? {} : { dpop })
  const push = async (
    form: Readonly<Record<string, string>>,
    { by, dpop }: { by?: Assertion; dpop?: string } = {},
  ): Promise<Answer> =>
    send(replicas, { path: '/request', headers: headersOf(dpop), form: { ...form, ...(await assertion(by)) } })
  const token = async (
    form: Readonly<Record<string, string>>,
    about: { by?: Assertion; dpop?: string | undefined } = {},
  ): Promise<Answer> => {
    const dpop = 'dpop' in about ? about.dpop : await proof('/token')
    return send(replicas, {
      path: '/token',
      headers: headersOf(dpop),
      form: { ...form, ...(await assertion(about.by)) },
    })
  }
  const authorizationAt = (requestUri: string, more: Readonly<Record<string, string>> = {}): string =>
    authorizationUrl(replicas.issuer, { client_id: clientId, request_uri: requestUri, ...more })
  /** @returns the way back, and the form that redeems the code */
  async function codeFor(
    about: {
      more?: Readonly<Record<string, string>>
      beside?: Readonly<Record<string, string>>
      dpop?: string
      browser?: Browser
    } = {},
  ) {
    const { more = {}, beside = {}, dpop, browser = new Browser(replicas) } = about
    const challenge = pkce()
    const pushed = await push(parameters(challenge, more), dpop === undefined ? {} : { dpop })
    if (pushed.status !== 201) throw new Error(`${pushed.status} ${pushed.body}`)
    const requestUri = String(pushed.json()['request_uri'])
    const back = await browser.authorize(authorizationAt(requestUri, beside), 'ada')
    const code = back.searchParams.get('code') ?? ''
    const form = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: challenge.verifier,
    }
    return { back, form, pushed, requestUri, browser }
  }
  async function tokens(about: Parameters<typeof codeFor>[0] = {}) {
    const answer = await token((await codeFor(about)).form)
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`)
    return answer.json() as Record<'access_token' | 'refresh_token' | 'id_token' | 'token_type', string>
  }
  /** @returns the status of userinfo */
  async function userinfo(access: string, about: Parameters<typeof proof>[1] & { scheme?: string } = {}) {
    const { scheme = 'DPoP', ...rest } = about
    const dpop = await proof('/userinfo', { htm: 'GET', token: access, ...rest })
    return (await send(replicas, { path: '/userinfo', headers: { authorization: `${scheme} ${access}`, dpop } })).status
  }
  return { assertion, proof, parameters, push, token, authorizationAt, codeFor, tokens, userinfo }
}
