import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { paths } from '@nauthera/rules/endpoints'
import { jwksMaxAge as maxAge } from '../../jwks-age.ts'
import { soleHeader } from '../request/handler.ts'

/** Metadata and public keys of the current Provider. */
export interface DiscoveryDocuments {
  readonly metadata: Buffer
  readonly jwks: Buffer
}

/** Answers a request for metadata or keys. @returns false for any other request */
export type Discovery = (request: IncomingMessage, response: ServerResponse, path: string) => boolean

interface Ready {
  readonly bytes: Buffer
  readonly tag: string
  /** Names and values in turn, the fastest form for Node. */
  readonly headers: string[]
  /** The headers of a 304. */
  readonly unchanged: string[]
}

/** Serves metadata and JWKS from bytes that are prepared once for each set of keys.
 *  An issuer with a path has its RFC 8414 metadata at `/.well-known/oauth-authorization-server<path>` too (section 3.1).
 *  @param needs.documents undefined while no keys are loaded */
export function createDiscovery(needs: { issuer: URL; documents: () => DiscoveryDocuments | undefined }): Discovery {
  const { issuer, documents } = needs
  const basePath = issuer.pathname.replace(/\/$/, '')
  const ready = new WeakMap<Buffer, Ready>()
  const kinds = new Map<string, keyof DiscoveryDocuments>([
    [`${basePath}${paths.discovery}`, 'metadata'],
    [`${basePath}${paths.metadata}`, 'metadata'],
    [`${paths.metadata}${basePath}`, 'metadata'],
    [`${basePath}${paths.jwks}`, 'jwks'],
  ])
  return (request, response, path) => {
    const kind = kinds.get(path)
    if (kind === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return false
    const bytes = documents()?.[kind]
    if (bytes === undefined) return false
    let document = ready.get(bytes)
    if (document === undefined) ready.set(bytes, (document = prepare(bytes, issuer.protocol === 'https:')))
    if (soleHeader(request, 'if-none-match') === document.tag) {
      response.writeHead(304, document.unchanged).end()
    } else {
      response.writeHead(200, document.headers).end(request.method === 'HEAD' ? undefined : document.bytes)
    }
    return true
  }
}

function prepare(bytes: Buffer, https: boolean): Ready {
  const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
  const about = { 'content-type': 'application/json; charset=utf-8', 'content-length': String(bytes.length) }
  const headers = {
    'cache-control': `public, max-age=${maxAge}`,
    etag: tag,
    'access-control-allow-origin': '*',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    ...(https ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  }
  const unchanged = Object.entries(headers).flat()
  return { bytes, tag, headers: [...Object.entries(about).flat(), ...unchanged], unchanged }
}
