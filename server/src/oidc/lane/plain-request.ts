// Parses requests that have the ordinary form. Any other form, valid or not, goes to the library. Pure.
import type { IncomingHttpHeaders } from 'node:http'
import type { SecretWay } from '@nauthera/rules/client-authentication'
import { isFapiClient } from '../artefacts/fapi.ts'
import type { OidcClient } from '../clients/oidc-client.ts'

/** Bytes: room for a token of a platform. */
const longestBody = 8 * 1024
const type = /^application\/x-www-form-urlencoded(; ?charset=utf-8)?$/i

/** Headers by which a request asks for more than the lane knows. */
const strange = [
  'dpop',
  'origin',
  'expect',
  'transfer-encoding',
  'content-encoding',
  'oauth-client-attestation',
  'oauth-client-attestation-pop',
]

const isStrange = (headers: IncomingHttpHeaders): boolean => strange.some((name) => headers[name] !== undefined)

/** @returns the length of the body; undefined where a header makes the request odd */
export function plainLength(headers: IncomingHttpHeaders): number | undefined {
  if (!type.test(headers['content-type'] ?? '') || isStrange(headers)) return undefined
  const length = Number(headers['content-length'])
  return Number.isInteger(length) && length > 0 && length <= longestBody ? length : undefined
}

export type PlainForm = ReadonlyMap<string, string>

/** By which a client proves itself. */
const ofProofs = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type']
const known: ReadonlySet<string> = new Set([
  'grant_type',
  'scope',
  'resource',
  'token',
  'token_type_hint',
  'refresh_token',
  'code',
  'redirect_uri',
  'code_verifier',
  ...ofProofs,
])

/** @returns the parameters, each once and none empty; undefined for any other body */
export function plainForm(body: string): PlainForm | undefined {
  const form = new Map<string, string>()
  for (const pair of body.split('&')) {
    const at = pair.indexOf('=')
    const name = pair.slice(0, Math.max(0, at))
    const value = plainValue(pair.slice(at + 1))
    if (!known.has(name) || form.has(name) || value === undefined) return undefined
    form.set(name, value)
  }
  return form
}

/** Whether a form has no parameter besides these and the proof of its client. What a grant has no use for the library leaves out: it knows how. */
export const onlyHas = (form: PlainForm, names: readonly string[]): boolean =>
  form.keys().every((name) => names.includes(name) || ofProofs.includes(name))

/** Whether a client may ask by this grant, and neither DPoP nor a certificate nor FAPI binds what it gets. */
export const isPlainClient = ({ config }: OidcClient, grantType: string): boolean =>
  config.grantTypes.includes(grantType) &&
  !config.dpopBoundAccessTokens &&
  !config.tlsClientCertificateBoundAccessTokens &&
  !isFapiClient(config)

/** @returns undefined for an empty value, and for one that readers may decode in different ways */
function plainValue(text: string): string | undefined {
  if (/^[\w.~*-]+$/.test(text)) return text
  if (!/^(?:[\w.~*!'():/+-]|%[0-9a-f]{2})+$/i.test(text)) return undefined
  try {
    const value = decodeURIComponent(text.replaceAll('+', ' '))
    return /^[\x20-\x7e]+$/.test(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** A secret, and how it is shown. */
export interface ShownSecret {
  readonly clientId: string
  readonly secret: string
  readonly way: SecretWay
}

/** @returns the client's secret, in the header or in the body and not in both; undefined where there is none, or one that has to be decoded */
export function plainSecret({ authorization }: IncomingHttpHeaders, form: PlainForm): ShownSecret | undefined {
  const [clientId, secret] = [form.get('client_id'), form.get('client_secret')]
  if (authorization === undefined)
    return clientId === undefined || secret === undefined ? undefined : { clientId, secret, way: 'client_secret_post' }
  const encoded = /^Basic ([A-Za-z0-9+/]+={0,2})$/.exec(authorization)?.[1]
  if (encoded === undefined || encoded.length % 4 !== 0 || secret !== undefined) return undefined
  // what these characters say is the same before and after it is decoded
  const shown = /^([\w.~-]+):([\w.~-]+)$/.exec(Buffer.from(encoded, 'base64').toString('latin1'))
  if (shown === null || (clientId !== undefined && clientId !== shown[1])) return undefined
  return { clientId: shown[1]!, secret: shown[2]!, way: 'client_secret_basic' }
}

/** @returns whether the answer to this Accept is plain JSON: nothing is weighed, and no signed answer is named */
export const wantsJson = (accept: string | undefined): boolean =>
  accept === undefined || !/;|token-introspection/i.test(accept)

/** @returns the access token of a request without a body; undefined where a header makes the request odd */
export function plainBearer(headers: IncomingHttpHeaders): string | undefined {
  if (isStrange(headers) || (headers['content-length'] ?? '0') !== '0' || headers['content-type'] !== undefined)
    return undefined
  return /^Bearer ([\w.~+/-]+=*)$/.exec(headers.authorization ?? '')?.[1]
}
