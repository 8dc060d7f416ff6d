import { Router, text } from 'express'
import { maxBodyBytes } from '../request/timeouts.ts'
import { protocolPaths } from './protocol-paths.ts'

/** Bytes: the longest request that is turned into a URL. */
const longestQuery = 6 * 1024

const form = 'application/x-www-form-urlencoded'

/** Answers a POST with a redirect to the same request by GET. The cookies are SameSite=Lax: a browser does not send them with a POST
 *  from a client's page. A request that is too long for a URL has to be pushed (RFC 9126). */
export function createPostByGet(needs: { basePath: string }): Router {
  const router = Router({ caseSensitive: true, strict: true })
  const read = text({ type: form, limit: maxBodyBytes, defaultCharset: 'utf-8' })
  for (const [own, { postByGet }] of protocolPaths) {
    if (!postByGet) continue
    const path = `${needs.basePath}${own}`
    router.post(path, read, (request, response) => {
      response.setHeader('cache-control', 'no-store')
      const body: unknown = request.body
      // parsed and serialized, so that nothing else gets into the header; the library refuses duplicates
      const query = typeof body === 'string' ? new URLSearchParams(body).toString() : ''
      const isOther = request.is(form) === false
      if (isOther || query.length > longestQuery) {
        const reason = isOther
          ? 'the body must be a form'
          : 'the request is too long for a URL; push it first (RFC 9126)'
        response.status(400).json({ error: 'invalid_request', error_description: reason })
        return
      }
      response.statusCode = 303
      response.setHeader('location', query === '' ? path : `${path}?${query}`)
      response.setHeader('content-length', '0')
      response.end()
    })
  }
  return router
}
