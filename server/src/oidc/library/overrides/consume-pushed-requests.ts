import { errors } from 'oidc-provider'
import { isPublic } from '../../clients/oidc-client.ts'
import { isPushedRequest } from '../../artefacts/sealed-requests.ts'
import { lifetimes } from '../../lifetimes.ts'
import { currentRequest, fromStore } from '../current-request.ts'
import { keepInPayload, replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { clientOf, currentContext } from '../shapes.ts'
import type { Artefact, Internals } from '../shapes.ts'

/** PushedAuthorizationRequest: a request gives one code, and may be opened again until then (RFC 9126 section 4). It is a row, or for a
 *  public client sealed in its URI. */
export function consumePushedRequests({ PushedAuthorizationRequest }: Internals, needs: Needs): void {
  keepInPayload(PushedAuthorizationRequest, [...PushedAuthorizationRequest.IN_PAYLOAD, 'clientUid'])
  const { prototype } = PushedAuthorizationRequest
  replace(
    prototype,
    'save',
    (original) =>
      async function save(this: Artefact, ttl) {
        // clocks may differ by some seconds, so the library takes a request object that has just expired
        if (ttl !== undefined && ttl < 1)
          throw new errors.InvalidRequestObject('the request object has expired: push a new one')
        this.clientUid = needs.clients.registered(clientOf(currentContext())).uid
        return original.call(this, ttl)
      },
  )
  replace(
    prototype,
    'getValueAndPayload',
    (original) =>
      async function getValueAndPayload(this: Artefact) {
        const { value, payload } = await original.call(this)
        if (!isPublic(needs.clients.registered(clientOf(currentContext())).config)) return { value, payload: payload! }
        if (!isPushedRequest(payload)) throw new TypeError('oidc-provider pushes no request object')
        return { value: needs.sealedRequests.seal(payload) }
      },
  )
  replace(PushedAuthorizationRequest, 'find', () => async (value) => {
    // after an interaction the library wants to mark it, and has only its inner id
    if (currentContext().oidc.route !== 'authorization') return new PushedAuthorizationRequest({ jti: value })
    const payload = await load(needs, value)
    return payload && new PushedAuthorizationRequest(payload)
  })
  replace(
    prototype,
    'consume',
    () =>
      async function consume(this: Artefact) {
        const forMs = lifetimes.interactionCookie * 1000
        if (!(await fromStore(() => needs.store.pushedRequests.consume(this.jti, forMs)))) {
          throw new errors.InvalidRequestUri('request_uri is invalid, expired or already used; push the request again')
        }
        this.emit('consumed')
      },
  )
}

type Needs = Pick<OverrideNeeds, 'store' | 'clients' | 'sealedRequests'>

/** What a `request_uri` stands for; undefined when it is none of this client. */
async function load({ clients, sealedRequests, store }: Needs, value: string): Promise<object | undefined> {
  const { uid, config } = clients.registered(clientOf(currentContext()))
  // not by the form of the value: one in 262,144 random ids begins as sealed values do
  if (!isPublic(config)) return fromStore(() => store.pushedRequests.open(value, uid))
  const payload = sealedRequests.unseal(value)
  if (payload?.clientUid !== uid) return undefined
  currentRequest().sealedRequest = value
  return payload
}
