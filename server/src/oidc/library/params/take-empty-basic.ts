import { isDocumentId } from '../../clients/metadata-document.ts'
import { isPublic } from '../../clients/oidc-client.ts'
import { provesClients, shownInHeader } from '../shown-client.ts'
import type { ParamsWatcher } from './params-watcher.ts'

/** By `context.oidc`: the parameters of a pushed request are assembled again after its client is known. */
const named = new WeakMap<object, string>()

/** Accepts Basic with an empty password for a public client: `curl -u id:` and some programs cannot send less. A confidential client is
 *  refused.
 *  @throws errors.InvalidClientAuth for every other client, and when the body names another one */
export const acceptEmptyBasic: ParamsWatcher = (context, params, { clients }) => {
  const before = named.get(context.oidc)
  if (before !== undefined) return void (params['client_id'] = before)
  if (!provesClients(context)) return
  const { id, secret } = shownInHeader(context) ?? {}
  if (
    id === undefined ||
    secret !== '' ||
    params['client_secret'] !== undefined ||
    params['client_assertion'] !== undefined
  )
    return
  const client = clients.registeredById(id)
  const provesNothing = isDocumentId(id) || (client !== undefined && isPublic(client.config))
  if (!provesNothing || (params['client_id'] !== undefined && params['client_id'] !== id)) {
    params['client_id'] = undefined
    context.headers.authorization = `Basic ${Buffer.from(`${encodeURIComponent(id)}:none`).toString('base64')}`
    return
  }
  named.set(context.oidc, id)
  delete context.headers.authorization
  params['client_id'] = id
}
