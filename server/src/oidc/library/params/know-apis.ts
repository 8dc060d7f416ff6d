import { isBareUri, uriOfApi } from '../../../clients/api-names.ts'
import { continuesRequest } from '../shapes.ts'
import { mayBeReplaced, watchParam } from './params-watcher.ts'
import type { ParamsWatcher } from './params-watcher.ts'

/** Maps bare API names in `resource` to URIs, since the library refuses any other text. */
export const knowApis: ParamsWatcher = (context, params) => {
  if (!('resource' in params)) return
  const asked = params['resource']
  // an API that the library writes by default is a URI already
  if (asked === undefined && !mayBeReplaced(params)) return
  watchParam(params, 'resource', continuesRequest(context) ? known(asked) : mapEach(asked, uriOfApi), known)
}

const known = (resource: unknown): unknown => mapEach(resource, (one) => (isBareUri(one) ? one : uriOfApi(one)))

const mapEach = (value: unknown, map: (text: string) => string): unknown =>
  Array.isArray(value) ? value.map((one) => mapEach(one, map)) : typeof value === 'string' ? map(value) : value
