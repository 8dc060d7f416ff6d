import { clientOf } from '../shapes.ts'
import type { Params } from '../shapes.ts'
import { mayBeReplaced } from './params-watcher.ts'
import type { ParamsWatcher } from './params-watcher.ts'

const offline = 'offline_access'
const routes: readonly string[] = ['authorization', 'pushed_authorization_request']

/** Keeps `offline_access` in a request without `prompt=consent`, from which the library removes it. A stored consent is enough: OpenID
 *  Connect Core 11 leaves this to the server. */
export const keepOfflineAccess: ParamsWatcher = (context, params, { clients }) => {
  if (!routes.includes(context.oidc.route ?? '')) return
  if (!mayBeReplaced(params) && !wantsOffline(params['scope'])) return
  const mayRefresh = () => clients.registered(clientOf(context)).config.grantTypes.includes('refresh_token')
  const scope = scopeProperty(params['scope'], mayRefresh)
  Object.defineProperties(params, {
    scope: scope.property,
    request: requestProperty(params['request'], scope.replaced),
  })
}

const wantsOffline = (scope: unknown): boolean => typeof scope === 'string' && scope.split(' ').includes(offline)

/** Undoes the one write that only takes offline_access out. */
function scopeProperty(first: unknown, mayRefresh: () => boolean) {
  let value = first
  let isReplaced = false
  const write = (next: unknown) => {
    const isDropped = !isReplaced && typeof value === 'string' && next === withoutOffline(value) && mayRefresh()
    isReplaced = false
    if (!isDropped) value = next
  }
  return {
    property: { enumerable: true, configurable: true, get: () => value, set: write },
    replaced: () => void (isReplaced = true),
  }
}

/** When a request object is used, its scope replaces the one beside it; that write comes after `request` was emptied. */
function requestProperty(first: unknown, replaced: () => void): PropertyDescriptor & ThisType<Params> {
  let value = first
  return {
    enumerable: true,
    configurable: true,
    get: () => value,
    set(next: unknown) {
      if (value !== undefined && next === undefined) replaced()
      value = next
    },
  }
}

/** As the library writes it: each scope once, and undefined when none is left. The same text for a scope without it. */
function withoutOffline(scope: string): unknown {
  const scopes = new Set(scope.split(' '))
  if (!scopes.delete(offline)) return Symbol('was not there')
  return scopes.size > 0 ? [...scopes].join(' ') : undefined
}
