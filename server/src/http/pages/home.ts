// The page at the address of the issuer itself.
import { paths } from '@nauthera/rules/endpoints'
import type { Route } from '../../reply.ts'

/** The page at the address of the issuer itself: people come there by mistake, or to see whether it works.
 *  @param basePath the issuer's path, '' when it has none; then `/` alone is that address
 *  @param issuer without a slash at the end */
export function createHomeRoutes(basePath: string, issuer: string): readonly Route[] {
  const model = { issuer, discovery: `${basePath}${paths.discovery}`, account: `${basePath}${paths.account}` }
  const route = (path: string): Route => ({
    method: 'GET',
    path,
    handle: async () => ({ kind: 'page', view: 'home', model }),
  })
  return basePath === '' ? [route('/')] : [route(''), route('/')]
}
