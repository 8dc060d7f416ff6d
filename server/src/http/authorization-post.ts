import { Router, text } from 'express'
import { maxBodyBytes } from './timeouts.ts'

/** Longest request that becomes a URL, in bytes. */
const longestQuery = 6 * 1024

/** An authorization request may come by POST (OpenID Connect Core 3.1.2.1). It is sent on to the same request by GET, so
 *  that cookies can stay SameSite=Lax; what is too long for a URL has to be pushed (RFC 9126). */
export function createAuthorizationPost(needs: { basePath: string }): Router {
  const router = Router({ caseSensitive: true, strict: true })
  const path = `${needs.basePath}/auth`
  const read = text({ type: 'application/x-www-form-urlencoded', limit: maxBodyBytes, defaultCharset: 'utf-8' })
  router.post(path, read, (request, response) => {
    response.setHeader('cache-control', 'no-store')
    const body: unknown = request.body
    // parsed and written anew: duplicates stay, for the library to refuse; nothing else of the body reaches the header
    const query = typeof body === 'string' ? new URLSearchParams(body).toString() : ''
    if (query === '' || query.length > longestQuery) {
      const reason =
        query === '' ? 'the body must be a form' : 'the request is too long for a URL; push it first (RFC 9126)'
      response.status(400).json({ error: 'invalid_request', error_description: reason })
      return
    }
    response.statusCode = 303
    response.setHeader('location', `${path}?${query}`)
    response.setHeader('content-length', '0')
    response.end()
  })
  return router
}
