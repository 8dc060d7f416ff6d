import { uriOfApi } from '../../../clients/api-names.ts'
import type { ParamsWatcher } from './params-watcher.ts'

/** The library refuses a `resource` that is no absolute URI. A request object gives its own later, in the place of the one beside it. */
export const knowApis: ParamsWatcher = (_context, params) => {
  if (!('resource' in params)) return
  let value = known(params['resource'])
  Object.defineProperty(params, 'resource', {
    enumerable: true,
    configurable: true,
    get: () => value,
    set(next: unknown) {
      value = known(next)
    },
  })
}

const known = (resource: unknown): unknown =>
  Array.isArray(resource) ? resource.map(known) : typeof resource === 'string' ? uriOfApi(resource) : resource
