// Pushed requests of public clients, sealed into their own `request_uri`: anybody can push in their name, so they get no row. (A client
// that authenticates gets a short URI and a row.)
import { hasShape } from '@nauthera/runtime/json'
import { ProtocolError } from '../protocol-error.ts'
import { longestInflated } from './sealed.ts'
import type { Sealer } from './sealed.ts'

/** The library's payload of a pushed request, as far as we read it. */
export interface PushedRequest {
  /** A JWT, with or without a signature. */
  readonly request: string
  /** UID of the client that pushed it. */
  readonly clientUid?: string
  readonly [name: string]: unknown
}

export const isPushedRequest = (value: unknown): value is PushedRequest =>
  hasShape(value, { required: { request: 'string' }, optional: { clientUid: 'string' } })

export interface SealedRequests {
  /** @throws ProtocolError invalid_request, 413, when the request is too long for a URL */
  seal(request: PushedRequest): string
  /** @returns undefined for a value that was not sealed here; the caller checks its expiry */
  unseal(value: string): PushedRequest | undefined
}

const urn = 'urn:ietf:params:oauth:request_uri:'
/** The most characters of a `request_uri`, for browsers and proxies with a short limit. */
const longestUri = 2000

export function createSealedRequests(sealer: Sealer): SealedRequests {
  return {
    seal(request) {
      const packed = packRequest(request)
      if (Buffer.byteLength(JSON.stringify(packed)) > longestInflated) throw tooLong(`over ${longestInflated} bytes`)
      const value = sealer.seal('PushedAuthorizationRequest', packed)
      const length = urn.length + value.length
      if (length > longestUri)
        throw tooLong(`a request_uri of ${length} characters, and at most ${longestUri} are allowed`)
      return value
    },
    unseal(value) {
      const packed = sealer.unseal('PushedAuthorizationRequest', value)
      return packed && unpackRequest(packed)
    },
  }
}

const tooLong = (size: string) =>
  new ProtocolError('invalid_request', {
    description: `the request of a public client is carried in its request_uri, and this one is too long for that (${size}); send fewer or shorter parameters, or use a client that authenticates`,
    // RFC 9126 section 2.3
    status: 413,
  })

/** Stores the parts of the JWT as text, since base64url hardly compresses. */
function packRequest({ request, ...rest }: PushedRequest): object {
  const [head = '', body = '', signature = ''] = request.split('.')
  return { ...rest, parts: [textOf(head), textOf(body), signature] }
}

function unpackRequest({ parts, ...rest }: Record<string, unknown>): PushedRequest | undefined {
  if (!Array.isArray(parts)) return undefined
  const [head, body, signature] = parts.map(String)
  return { ...rest, request: `${encode(head)}.${encode(body)}.${signature}` }
}

const textOf = (part: string): string => Buffer.from(part, 'base64url').toString()
const encode = (text = ''): string => Buffer.from(text).toString('base64url')
