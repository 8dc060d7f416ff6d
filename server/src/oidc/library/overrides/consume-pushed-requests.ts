import { errors } from 'oidc-provider'
import { lifetimes } from '../../lifetimes.ts'
import { fromStore } from '../current-request.ts'
import { keepInPayload, replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { clientOf, currentContext } from '../shapes.ts'
import type { Artefact, Internals } from '../shapes.ts'

/** PushedAuthorizationRequest.prototype.consume and save: a pushed request works once (RFC 9126 section 4). It is
 *  stored with its client, because the number of requests per client is limited. */
export function consumePushedRequests(
  { PushedAuthorizationRequest }: Internals,
  { store, clients, now }: Pick<OverrideNeeds, 'store' | 'clients' | 'now'>,
): void {
  keepInPayload(PushedAuthorizationRequest, [...PushedAuthorizationRequest.IN_PAYLOAD, 'clientUid'])
  replace(
    PushedAuthorizationRequest.prototype,
    'consume',
    () =>
      async function consume(this: Artefact) {
        const expiresAt = new Date(now() + lifetimes.interactionCookie * 1000)
        if (!(await fromStore(() => store.oneTime.mark('par', this.jti, expiresAt)))) {
          throw new errors.InvalidRequestUri('request_uri is invalid, expired or already used; push the request again')
        }
        this.emit('consumed')
      },
  )
  replace(
    PushedAuthorizationRequest.prototype,
    'save',
    (original) =>
      async function save(this: Artefact, ttl) {
        this.clientUid = clients.registered(clientOf(currentContext())).uid
        return original.call(this, ttl)
      },
  )
}
