import { isFapiClient } from '../../artefacts/fapi.ts'
import { currentRequest } from '../current-request.ts'
import { provesClients, shownInHeader } from '../shown-client.ts'
import type { ParamsWatcher } from './params-watcher.ts'

/** Takes the same secret in the header and in the body for one: some programs send both. Two that differ, or of two clients, are refused,
 *  and so are both of a client of FAPI 2.0 (RFC 6749 section 2.3). */
export const takeSecretTwice: ParamsWatcher = (context, params, { clients }) => {
  const { client_secret: inBody, client_id: id } = params
  if (!provesClients(context) || typeof inBody !== 'string' || inBody === '') return
  const shown = shownInHeader(context)
  if (shown?.secret !== inBody || (id !== undefined && id !== shown.id)) return
  const client = clients.registeredById(shown.id)
  if (client === undefined || isFapiClient(client.config)) return
  params['client_secret'] = undefined
  currentRequest().secretTwice = true
}
