// What an application does with its Secret (it asks one replica for a token), and what a resource server does with the token.
import { request } from 'node:http'
import { createLocalJWKSet, jwtVerify } from 'jose'
import type { JSONWebKeySet, JWTPayload } from 'jose'

export interface MachineCredentials {
  readonly clientId: string
  readonly clientSecret: string
  readonly tokenEndpoint: string
}

/** @param data of the application's Secret (base64)
 *  @throws Error naming the key that is missing */
export function parseCredentials(data: Readonly<Record<string, string>> | undefined): MachineCredentials {
  const read = (key: string) => {
    const value = data?.[key]
    if (value === undefined) throw new Error(`the Secret has no ${key}`)
    return Buffer.from(value, 'base64').toString()
  }
  return { clientId: read('client_id'), clientSecret: read('client_secret'), tokenEndpoint: read('token_endpoint') }
}

export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

const timeoutMs = 10_000

/** Calls one replica at its own port, with the Host of the issuer.
 *  @throws Error when there is no answer within 10 s */
export function callReplica(options: {
  port: number
  url: string
  method?: 'GET' | 'POST'
  headers?: Readonly<Record<string, string>>
  form?: Readonly<Record<string, string>>
}): Promise<HttpAnswer> {
  const url = new URL(options.url)
  const body = options.form === undefined ? undefined : new URLSearchParams(options.form).toString()
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port: options.port,
        path: `${url.pathname}${url.search}`,
        method: options.method ?? 'GET',
        timeout: timeoutMs,
        headers: {
          host: url.host,
          // what a TLS proxy in front would say
          ...(url.protocol === 'https:' ? { 'x-forwarded-proto': 'https' } : {}),
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }),
          ...options.headers,
        },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.once('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
        response.once('error', reject)
      },
    )
    call.once('error', reject)
    call.once('timeout', () => call.destroy(new Error(`no answer within ${timeoutMs} ms`)))
    call.end(body)
  })
}

/** A client_credentials request at one replica. */
export function requestToken(port: number, credentials: MachineCredentials): Promise<HttpAnswer> {
  return postAs(port, credentials, credentials.tokenEndpoint, { grant_type: 'client_credentials' })
}

/** Asks for a token with one of the platform, in the place of a secret. */
export const requestTokenWith = (port: number, endpoint: string, platformToken: string): Promise<HttpAnswer> =>
  callReplica({
    port,
    url: endpoint,
    method: 'POST',
    form: {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: platformToken,
    },
  })

/** Revokes an invalid token: 200 for every client with the right secret, whatever else it may do. */
export function revokeNothing(port: number, credentials: MachineCredentials): Promise<HttpAnswer> {
  return postAs(port, credentials, credentials.tokenEndpoint.replace(/token$/, 'revoke'), { token: 'none' })
}

function postAs(
  port: number,
  { clientId, clientSecret }: MachineCredentials,
  url: string,
  form: Readonly<Record<string, string>>,
): Promise<HttpAnswer> {
  const basic = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64')
  return callReplica({ port, url, method: 'POST', headers: { authorization: `Basic ${basic}` }, form })
}

/** Fetches a token and verifies it by the keys that the same replica publishes (RFC 9068).
 *  @returns its claims
 *  @throws Error with the answer when there is no token, or it does not verify */
export async function fetchVerifiedToken(options: {
  port: number
  issuer: string
  credentials: MachineCredentials
}): Promise<JWTPayload> {
  const { port, issuer, credentials } = options
  const answer = await requestToken(port, credentials)
  if (answer.status !== 200) throw new Error(`/token of port ${port} answered ${answer.status}: ${answer.body}`)
  const { access_token: token } = JSON.parse(answer.body) as { access_token: string }
  const discovery = await callReplica({ port, url: `${issuer}/.well-known/openid-configuration` })
  const { jwks_uri: jwksUri } = JSON.parse(discovery.body) as { jwks_uri: string }
  const keys = JSON.parse((await callReplica({ port, url: jwksUri })).body) as JSONWebKeySet
  const { payload } = await jwtVerify(token, createLocalJWKSet(keys), { issuer, typ: 'at+jwt' })
  return payload
}
