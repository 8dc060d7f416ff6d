import { createHash } from 'node:crypto'
import { Router } from 'express'
import type { RequestHandler } from 'express'

/** Metadata and keys of the Provider that takes requests now. */
export interface Documents {
  readonly metadata: Buffer
  readonly jwks: Buffer
}

/** Seconds; well under the time for which a new key is published before it signs. */
const maxAge = 300

/** Serves metadata and JWKS as ready bytes: rendered once for each set of keys, the same on every replica.
 *  An issuer with a path has its RFC 8414 metadata at `/.well-known/oauth-authorization-server<path>` too (section 3.1).
 *  @param needs.documents undefined while no keys are loaded: the next handler answers then */
export function createDiscovery(needs: { basePath: string; documents: () => Documents | undefined }): Router {
  const { basePath, documents } = needs
  const router = Router({ caseSensitive: true, strict: true })
  const metadata = answer(() => documents()?.metadata)
  const jwks = answer(() => documents()?.jwks)
  for (const [path, handler] of [
    [`${basePath}/.well-known/openid-configuration`, metadata],
    [`${basePath}/.well-known/oauth-authorization-server`, metadata],
    [`/.well-known/oauth-authorization-server${basePath}`, metadata],
    [`${basePath}/jwks`, jwks],
  ] as const) {
    router.get(path, handler)
  }
  return router
}

function answer(document: () => Buffer | undefined): RequestHandler {
  const tags = new WeakMap<Buffer, string>()
  return (request, response, next) => {
    const bytes = document()
    if (bytes === undefined) return next()
    let tag = tags.get(bytes)
    if (tag === undefined) {
      tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
      tags.set(bytes, tag)
    }
    response.setHeader('etag', tag)
    response.setHeader('cache-control', `public, max-age=${maxAge}`)
    response.setHeader('access-control-allow-origin', '*')
    if (request.headers['if-none-match'] === tag) {
      response.statusCode = 304
      response.end()
      return
    }
    response.setHeader('content-type', 'application/json; charset=utf-8')
    response.setHeader('content-length', bytes.length)
    response.end(request.method === 'HEAD' ? undefined : bytes)
  }
}
