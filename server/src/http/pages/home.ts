// The page at the issuer's own address.
import { paths } from '@nauthera/rules/endpoints'
import type { Route } from '../../reply.ts'

/** The page at the issuer's own address, for people who come by mistake or to test it.
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
