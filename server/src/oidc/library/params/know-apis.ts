import { isBareUri, uriOfApi } from '../../../clients/api-names.ts'
import type { ParamsWatcher } from './params-watcher.ts'

/** Where the parameters are those of an earlier request. */
export const keptAt: readonly string[] = ['resume', 'device_resume', 'code_verification']

/** Maps bare API names in `resource` to URIs, since the library refuses any other text. */
export const knowApis: ParamsWatcher = (context, params) => {
  if (!('resource' in params)) return
  const asked = params['resource']
  let value = keptAt.includes(context.oidc.route ?? '') ? known(asked) : mapEach(asked, uriOfApi)
  Object.defineProperty(params, 'resource', {
    enumerable: true,
    configurable: true,
    get: () => value,
    set(next: unknown) {
      value = known(next)
    },
  })
}

const known = (resource: unknown): unknown => mapEach(resource, (one) => (isBareUri(one) ? one : uriOfApi(one)))

const mapEach = (value: unknown, map: (text: string) => string): unknown =>
  Array.isArray(value) ? value.map((one) => mapEach(one, map)) : typeof value === 'string' ? map(value) : value
