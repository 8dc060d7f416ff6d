import { errors } from 'oidc-provider'
import type { ParamsWatcher } from './params-watcher.ts'

/** Refuses `request_uri` in a pushed request with the error of RFC 9126 section 2.1; the library has another. */
export const refusePushedUris: ParamsWatcher = ({ oidc }, params) => {
  if (oidc.route !== 'pushed_authorization_request' || params['request_uri'] === undefined) return
  throw new errors.InvalidRequest('a pushed request has no request_uri: this endpoint gives one')
}
